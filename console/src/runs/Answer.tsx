// What a run found out, in the shape that fits the question.

import type { Command } from '../api/client';
import { FaultTable } from '../faults/FaultTable';
import { type Fault, readsFaults, reports } from '../faults/faults';
import { type Datum, datumOf } from '../format/datum';
import { type Scalar, scalars } from '../format/table';
import type { RunLog } from '../live/log';
import { Grid } from '../ui/Grid';
import { Json } from '../ui/Json';
import { entityOf } from './params';
import { Quantities } from './Quantities';

interface Item {
  id: string;
  row: Record<string, unknown>;
}

/** Whether there is more to show than the parts themselves. */
export function hasAnswer(command: Command, log: RunLog): boolean {
  if (readsFaults(command.command_name)) return saysFaults(command, log);
  return values(log).length > 0 || items(log).length > 0 || log.parts.length === 1;
}

/** Whether anything is said of faults: it is asked of the first and the last part only. */
function saysFaults(command: Command, log: RunLog): boolean {
  const ends = [log.parts[0], log.parts.at(-1)].map((part) => part?.payload);
  const isSummary = (payload: unknown) =>
    (payload as { totalDtcs?: unknown } | null)?.totalDtcs !== undefined;
  return ends.some((it) => isSummary(it) || reports(it, undefined, '', command.command_id).length > 0);
}

export function Answer({ command, log }: { command: Command; log: RunLog }) {
  if (readsFaults(command.command_name)) return <FaultAnswer command={command} log={log} />;
  const data = values(log);
  if (data.length > 0) return <Values data={data} />;
  const rows = items(log);
  if (rows.length > 0) return <Items rows={rows} />;
  return (
    <div className="body">
      <Json value={log.parts[0]?.payload} />
    </div>
  );
}

function FaultAnswer({ command, log }: { command: Command; log: RunLog }) {
  const about = entityOf(command);
  const found = log.parts.flatMap((part) =>
    reports(part.payload, about, part.receivedAt, command.command_id),
  );
  const faults: Fault[] = found.flatMap((report) => report.faults);
  const entities = new Set(found.map((report) => report.entity)).size;
  const detail = command.command_name === 'faults.get' ? log.parts[0]?.payload : undefined;
  return (
    <>
      <p className="body dim small" role="status">
        {faults.length === 0 ? 'No faults' : `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`}{' '}
        in {entities} {entities === 1 ? 'entity' : 'entities'}
      </p>
      {faults.length > 0 && <FaultTable faults={faults} withEntity={entities > 1} />}
      {detail !== undefined && <Environment payload={detail} />}
    </>
  );
}

/** What the entity has frozen when the fault came. */
export function Environment({ payload }: { payload: unknown }) {
  const said = (payload as { environment_data?: unknown } | null)?.environment_data;
  if (!said) return null;
  const rows = Object.entries(scalars((said as { freeze_frame?: unknown }).freeze_frame ?? said));
  return (
    <div className="body stack tight">
      <h3>Freeze frame</h3>
      <dl className="facts">
        {rows.map(([name, value]) => (
          <div key={name} className="key-row">
            <dt className="mono">{name}</dt>
            <dd className="mono">{String(value)}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary className="dim small">As the vehicle sent it</summary>
        <Json value={payload} />
      </details>
    </div>
  );
}

/** The newest value of each datum. */
function values(log: RunLog): Datum[] {
  const newest = new Map<string, Datum>();
  for (const part of log.parts) {
    const datum = datumOf(part.payload);
    if (datum) newest.set(datum.id, datum);
  }
  return [...newest.values()];
}

function Values({ data }: { data: Datum[] }) {
  return (
    <Grid
      label="Answer"
      rows={data}
      keyOf={(it) => it.id}
      columns={[
        { name: 'id', cell: (it) => <span className="mono">{it.id}</span>, by: (it) => it.id },
        {
          name: 'value',
          cell: (it) => <Quantities {...it} />,
          by: (it) => (typeof it.value === 'number' ? it.value : JSON.stringify(it.value)),
        },
      ]}
    />
  );
}

/** The rows of lists of SOVD. */
function items(log: RunLog): Item[] {
  return log.parts.flatMap((part): Item[] => {
    const said = part.payload as { items?: unknown; id?: unknown; data?: unknown } | null;
    if (!said || typeof said !== 'object') return [];
    if (Array.isArray(said.items)) {
      const objects = (said.items as unknown[]).filter((it) => it !== null && typeof it === 'object');
      return objects.map((it, index) => ({ id: `${part.seq}.${index}`, row: it as Record<string, unknown> }));
    }
    return [];
  });
}

interface Row {
  id: string;
  row: Record<string, Scalar>;
}

function Items({ rows }: { rows: Item[] }) {
  const flat: Row[] = rows.map(({ id, row }) => ({
    id,
    row: scalars(row),
  }));
  const names = [...new Set(flat.flatMap(({ row }) => Object.keys(row)))].slice(0, 8);
  return (
    <Grid
      label="Answer"
      rows={flat}
      keyOf={(it) => it.id}
      columns={names.map((name) => ({
        name: name.replace('[]', '').replaceAll('_', ' '),
        cell: (it: Row) => (
          <span className={name === 'id' ? 'mono' : undefined}>{String(it.row[name] ?? '')}</span>
        ),
        by: (it: Row) =>
          typeof it.row[name] === 'number' ? (it.row[name] as number) : String(it.row[name] ?? ''),
      }))}
    />
  );
}
