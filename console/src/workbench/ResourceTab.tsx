// What else an entity may have: a list that is read by one command, and what can be done with its rows.

import { Button } from '@mantine/core';
import { useState } from 'react';
import { scalars } from '../format/table';
import { CommandForm } from '../forms/CommandForm';
import { cliOf } from '../runs/snippets';
import { Grid } from '../ui/Grid';
import { Age } from '../ui/marks';
import { Empty, Loading, ProblemCard } from '../ui/notices';
import { useLatest } from './known';
import { type Place, useStart } from './Workbench';

interface Resource {
  name: string;
  /** The link by which an entity says that it has it. */
  link: string;
  /** The command that lists it. */
  list: string;
  /** What can be done with a row: label, command, the parameter that takes its id. */
  rows: [string, string, string][];
  /** What can be done without one. */
  actions: [string, string][];
}

export const RESOURCES: Resource[] = [
  {
    name: 'operations',
    link: 'operations',
    list: 'operations.list',
    rows: [
      ['Run …', 'operation.run', 'id'],
      ['Describe', 'operation.describe', 'id'],
    ],
    actions: [],
  },
  {
    name: 'modes',
    link: 'modes',
    list: 'modes.list',
    rows: [
      ['Read', 'mode.get', 'id'],
      ['Set …', 'mode.set', 'id'],
    ],
    actions: [],
  },
  {
    name: 'locks',
    link: 'locks',
    list: 'lock.list',
    rows: [['Release', 'lock.release', 'id']],
    actions: [['Acquire …', 'lock.acquire']],
  },
  {
    name: 'configurations',
    link: 'configurations',
    list: 'configuration.list',
    rows: [
      ['Read', 'configuration.read', 'id'],
      ['Write …', 'configuration.write', 'id'],
    ],
    actions: [],
  },
  { name: 'logs', link: 'logs', list: 'logs.read', rows: [], actions: [['Follow …', 'logs.follow']] },
  {
    name: 'bulk data',
    link: 'bulk-data',
    list: 'bulk.list',
    rows: [],
    actions: [['Download …', 'bulk.download']],
  },
  {
    name: 'scripts',
    link: 'scripts',
    list: 'script.list',
    rows: [['Run …', 'script.run', 'id']],
    actions: [],
  },
  {
    name: 'triggers',
    link: 'triggers',
    list: 'trigger.list',
    rows: [['Delete …', 'trigger.delete', 'id']],
    actions: [['Create …', 'trigger.create']],
  },
  {
    name: 'updates',
    link: 'updates',
    list: 'update.list',
    rows: [['Inspect', 'update.inspect', 'id']],
    actions: [],
  },
];

export function ResourceTab({ place, resource }: { place: Place; resource: Resource }) {
  const { vehicle, entity, entities, show } = place;
  const path = entity?.path ?? '';
  const { run, log } = useLatest(vehicle.vehicle_id, resource.list, { entity: path });
  const start = useStart(vehicle.vehicle_id, show);
  const [form, setForm] = useState<{ name: string; params: Record<string, unknown> } | null>(null);
  const isRead = log !== undefined && log.parts.length > 0;
  const items = (log?.parts ?? []).flatMap((part) => rowsOf(part.payload));
  const button = start.may(resource.list) && (
    <Button
      size="xs"
      data-key="r"
      loading={start.isBusy}
      onClick={() => start.run(resource.list, { entity: path })}
    >
      Read {resource.name}
    </Button>
  );
  return (
    <div>
      <div className="tab-bar">
        {isRead && (
          <span className="dim small">
            {items.length} as read <Age at={log.parts[0]?.receivedAt} />
          </span>
        )}
        <span className="grow" />
        {resource.actions.map(([label, name]) => (
          <Button
            key={name}
            size="xs"
            variant="default"
            onClick={() => setForm({ name, params: { entity: path } })}
          >
            {label}
          </Button>
        ))}
        {isRead && button}
      </div>
      {start.error && <ProblemCard error={start.error} />}
      {!isRead && run && run.status !== 'failed' && log && log.failures.length === 0 ? (
        <Loading rows={3} />
      ) : !isRead ? (
        <Empty
          title={`Nobody has asked for the ${resource.name} yet`}
          action={button}
          cli={cliOf(vehicle.vin, resource.list, { entity: path })}
        >
          Reading changes nothing in the vehicle.
        </Empty>
      ) : items.length === 0 ? (
        <Empty title={`No ${resource.name}`}>The vehicle says that there are none.</Empty>
      ) : (
        <Rows
          resource={resource}
          items={items}
          onAct={(name, param, id) => setForm({ name, params: { entity: path, [param]: id } })}
        />
      )}
      {form && (
        <CommandForm
          opened
          onClose={() => setForm(null)}
          vehicle={vehicle}
          name={form.name}
          params={form.params}
          entities={entities}
          onRun={show}
        />
      )}
    </div>
  );
}

type Row = Record<string, unknown>;

function rowsOf(payload: unknown): Row[] {
  const said = payload as { items?: unknown } | null;
  const list = Array.isArray(said?.items) ? said.items : [];
  return list.map((it) => (it !== null && typeof it === 'object' ? (it as Row) : { id: it }));
}

function Rows(props: {
  resource: Resource;
  items: Row[];
  onAct: (name: string, param: string, id: unknown) => void;
}) {
  const flat = props.items.map((row, index) => ({
    key: `${index} ${String(row.id ?? '')}`,
    row: scalars(row),
  }));
  const names = [...new Set(flat.flatMap(({ row }) => Object.keys(row)))].slice(0, 6);
  const actions = props.resource.rows;
  return (
    <Grid
      label={props.resource.name}
      rows={flat}
      keyOf={(it) => it.key}
      columns={[
        ...names.map((name) => ({
          name: name.replace('[]', '').replaceAll('_', ' '),
          cell: (it: (typeof flat)[number]) => (
            <span className={name === 'id' ? 'mono' : undefined}>{text(it.row[name])}</span>
          ),
          by: (it: (typeof flat)[number]) => String(it.row[name] ?? ''),
        })),
        ...(actions.length > 0
          ? [
              {
                name: 'Actions',
                cell: (it: (typeof flat)[number]) => (
                  <span className="row tight nowrap">
                    {actions.map(([label, name, param]) => (
                      <Button
                        key={name}
                        size="compact-xs"
                        variant="default"
                        aria-label={`${label} ${it.row.id}`}
                        onClick={() => props.onAct(name, param, it.row.id)}
                      >
                        {label}
                      </Button>
                    ))}
                  </span>
                ),
              },
            ]
          : []),
      ]}
    />
  );
}

function text(value: unknown): string {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  return value === undefined || value === null ? '' : String(value);
}
