import { Button, Checkbox, TextInput } from '@mantine/core';
import { useState } from 'react';
import { CommandForm } from '../forms/CommandForm';
import { Quantities } from '../runs/Quantities';
import { cliOf } from '../runs/snippets';
import { Grid } from '../ui/Grid';
import { Age } from '../ui/marks';
import { Empty, Loading, ProblemCard } from '../ui/notices';
import { useKnownValues, useLatest } from './known';
import { type Place, useStart } from './Workbench';

interface Datum {
  id: string;
  name?: string;
  category?: string;
  did?: string;
}

/** A command may name this many. */
const MOST = 64;

export function DataTab({ place }: { place: Place }) {
  const { vehicle, entity, show } = place;
  const path = entity?.path ?? '';
  const { run, log } = useLatest(vehicle.vehicle_id, 'data.list', { entity: path });
  const values = useKnownValues(vehicle.vehicle_id, path);
  const start = useStart(vehicle.vehicle_id, show);
  const [chosen, setChosen] = useState<string[]>([]);
  const [filter, setFilter] = useState('');
  const [written, setWritten] = useState<string | null>(null);
  const data = (log?.parts[0]?.payload as { items?: Datum[] } | undefined)?.items;
  if (!data) {
    if (run && log && log.failures.length === 0 && run.status !== 'failed' && !log.parts.length)
      return <Loading />;
    return (
      <Empty
        title="Nobody has asked for the data yet"
        cli={cliOf(vehicle.vin, 'data.list', { entity: path })}
        action={
          start.may('data.list') && (
            <Button
              size="xs"
              data-key="r"
              loading={start.isBusy}
              onClick={() => start.run('data.list', { entity: path })}
            >
              Read the list
            </Button>
          )
        }
      >
        Which identifications and measurements {entity?.name} offers. Reading changes nothing.
        {start.error && <ProblemCard error={start.error} />}
      </Empty>
    );
  }
  const words = filter.toLowerCase();
  const rows = data.filter((it) =>
    `${it.id} ${it.name} ${it.category} ${it.did}`.toLowerCase().includes(words),
  );
  const picked = (chosen.length > 0 ? chosen : rows.map((it) => it.id)).slice(0, MOST);
  const watch = async () => {
    // What is watched comes without its units: they come with a read.
    const isKnown = picked.every((id) => Object.keys(values.get(id)?.units ?? {}).length > 0);
    if (!isKnown) await start.run('data.read', { entity: path, ids: picked, include_schema: true });
    await start.run('data.watch', { entity: path, ids: picked, duration: 60, interval: 'normal' });
  };
  const toggle = (id: string) =>
    setChosen((now) => (now.includes(id) ? now.filter((it) => it !== id) : [...now, id]));
  return (
    <div>
      <div className="tab-bar">
        <TextInput
          size="xs"
          placeholder="Filter"
          aria-label="Filter the data"
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
        <span className="dim small">
          {chosen.length > 0 ? `${chosen.length} chosen` : `${rows.length} of ${data.length}`}
        </span>
        <span className="grow" />
        {start.may('data.read') && (
          <>
            <Button
              size="xs"
              data-key="r"
              loading={start.isBusy}
              onClick={() => start.run('data.read', { entity: path, ids: picked, include_schema: true })}
            >
              Read {chosen.length > 0 ? 'chosen' : 'all'}
            </Button>
            <Button size="xs" variant="default" disabled={chosen.length === 0} onClick={watch}>
              Watch live
            </Button>
          </>
        )}
      </div>
      {start.error && <ProblemCard error={start.error} />}
      <Grid
        label="Data"
        rows={rows}
        keyOf={(it) => it.id}
        columns={[
          {
            name: 'Pick',
            cell: (it) => (
              <Checkbox
                size="xs"
                aria-label={it.name ?? it.id}
                checked={chosen.includes(it.id)}
                onChange={() => toggle(it.id)}
              />
            ),
          },
          {
            name: 'Name',
            cell: (it) => (
              <>
                {it.name ?? it.id} <span className="dim small mono">{it.did ? `0x${it.did}` : ''}</span>
              </>
            ),
            by: (it) => it.name ?? it.id,
          },
          {
            name: 'Value',
            cell: (it) => {
              const known = values.get(it.id);
              return known ? <Quantities {...known} /> : <span className="dim">–</span>;
            },
          },
          { name: 'Read', cell: (it) => values.has(it.id) && <Age at={values.get(it.id)?.at} /> },
          {
            name: 'Kind',
            cell: (it) => <span className="dim">{it.category}</span>,
            by: (it) => it.category ?? '',
          },
          {
            name: 'Change',
            cell: (it) =>
              it.category !== 'identData' && (
                <Button
                  size="compact-xs"
                  variant="subtle"
                  aria-label={`Write ${it.name ?? it.id}`}
                  onClick={() => setWritten(it.id)}
                >
                  Write …
                </Button>
              ),
          },
        ]}
      />
      {written && (
        <CommandForm
          opened
          onClose={() => setWritten(null)}
          vehicle={vehicle}
          name="data.write"
          params={{ entity: path, id: written }}
          entities={place.entities}
          onRun={show}
        />
      )}
    </div>
  );
}
