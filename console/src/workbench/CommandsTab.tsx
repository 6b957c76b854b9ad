// Everything that can be asked: the catalogue, with a form for each command.

import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { catalogQuery } from '../api/queries';
import { CommandForm } from '../forms/CommandForm';
import { maySubmit } from '../session/rights';
import { useMe } from '../session/useSession';
import { Grid } from '../ui/Grid';
import { RiskMark } from '../ui/marks';
import { Loading, ProblemCard } from '../ui/notices';
import type { Place } from './Workbench';

export function CommandsTab({ place }: { place: Place }) {
  const me = useMe();
  const { data, error } = useQuery(catalogQuery);
  const [filter, setFilter] = useState('');
  const [form, setForm] = useState<string | null>(null);
  if (error) return <ProblemCard error={error} />;
  if (!data) return <Loading />;
  const words = filter.toLowerCase();
  const takesEntity = (schema: unknown) =>
    'entity' in ((schema as { properties?: Record<string, unknown> }).properties ?? {});
  const rows = data.filter(
    (it) =>
      !it.alias_of &&
      `${it.name} ${it.description}`.toLowerCase().includes(words) &&
      (!place.entity || takesEntity(it.schema)),
  );
  return (
    <div>
      <div className="tab-bar">
        <TextInput
          size="xs"
          placeholder="Filter"
          aria-label="Filter the commands"
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
        <span className="dim small">{rows.length} commands</span>
      </div>
      <Grid
        label="Commands"
        rows={rows}
        keyOf={(it) => it.name}
        columns={[
          {
            name: 'Command',
            cell: (it) => <span className="mono nowrap">{it.name}</span>,
            by: (it) => it.name,
          },
          { name: 'What it does', cell: (it) => it.description },
          { name: 'Risk', cell: (it) => <RiskMark risk={it.risk} />, by: (it) => it.risk },
          {
            name: 'Run',
            cell: (it) =>
              maySubmit(me.role, it) ? (
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Run ${it.name}`}
                  onClick={() => setForm(it.name)}
                >
                  Run …
                </Button>
              ) : (
                <span className="dim small nowrap">needs {it.role}</span>
              ),
          },
        ]}
      />
      {form && (
        <CommandForm
          opened
          onClose={() => setForm(null)}
          vehicle={place.vehicle}
          name={form}
          params={place.entity ? { entity: place.entity.path } : {}}
          entities={place.entities}
          onRun={place.show}
        />
      )}
    </div>
  );
}
