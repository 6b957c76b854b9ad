import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, must } from '../api/client';
import { fleetsQuery } from '../api/queries';
import { Grid } from '../ui/Grid';
import { Empty, Loaded, ProblemCard } from '../ui/notices';
import { useChange } from './change';

export function Fleets() {
  const fleets = useQuery(fleetsQuery);
  const remove = useChange(
    (id: string) => must(api.DELETE('/api/v1/fleets/{fleet_id}', { params: { path: { fleet_id: id } } })),
    ['fleets'],
  );
  return (
    <section className="panel" aria-label="Fleets">
      <header>
        <h2 className="grow">Fleets</h2>
        <NewFleet />
      </header>
      {remove.error && <ProblemCard error={remove.error} />}
      <Loaded of={fleets}>
        {(data) =>
          data.length === 0 ? (
            <Empty title="No fleets yet">
              A vehicle belongs to a fleet, and users see the fleets that they are granted.
            </Empty>
          ) : (
            <Grid
              label="Fleets"
              rows={data}
              keyOf={(it) => it.fleet_id}
              columns={[
                { name: 'Name', cell: (it) => <strong>{it.name}</strong>, by: (it) => it.name },
                { name: 'Id', cell: (it) => <span className="mono dim">{it.fleet_id}</span> },
                {
                  name: 'Actions',
                  cell: (it) => (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Remove ${it.name}`}
                      onClick={() => remove.mutate(it.fleet_id)}
                    >
                      Remove
                    </Button>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
    </section>
  );
}

function NewFleet() {
  const [name, setName] = useState('');
  const add = useChange(
    (name: string) => must(api.POST('/api/v1/fleets', { body: { name } })),
    ['fleets'],
    () => setName(''),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(name);
  };
  return (
    <form className="row" onSubmit={submit}>
      <TextInput
        size="xs"
        aria-label="Name of the new fleet"
        placeholder="Name"
        required
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button size="xs" type="submit" loading={add.isPending}>
        Add a fleet
      </Button>
      {add.error && <ProblemCard error={add.error} />}
    </form>
  );
}
