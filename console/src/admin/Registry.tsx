import { Button, Modal, NativeSelect, NumberInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, must, type Vehicle } from '../api/client';
import { fleetsQuery, vehiclesQuery } from '../api/queries';
import { Grid } from '../ui/Grid';
import { Empty, Loaded, ProblemCard } from '../ui/notices';
import { VehicleLink } from '../vehicles/VehicleLink';
import { useChange } from './change';
import { Removal } from './Removal';

export function Registry() {
  const vehicles = useQuery(vehiclesQuery({}));
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<Vehicle | null>(null);
  return (
    <section className="panel" aria-label="Registered vehicles">
      <header>
        <h2 className="grow">Vehicles</h2>
        <Button size="xs" onClick={() => setAdding(true)}>
          Register a vehicle
        </Button>
      </header>
      <Loaded of={vehicles}>
        {(data) =>
          data.vehicles.length === 0 ? (
            <Empty title="No vehicles yet" />
          ) : (
            <Grid
              label="Registered vehicles"
              rows={data.vehicles}
              keyOf={(it) => it.vehicle_id}
              columns={[
                {
                  name: 'VIN',
                  cell: (it) => <VehicleLink id={it.vehicle_id} vin={it.vin} />,
                  by: (it) => it.vin,
                },
                {
                  name: 'Vehicle',
                  cell: (it) => `${it.make} ${it.model}`,
                  by: (it) => `${it.make} ${it.model}`,
                },
                { name: 'Reached by', cell: (it) => it.connector, by: (it) => it.connector },
                { name: 'Address', cell: (it) => <span className="mono dim">{it.sovd_url}</span> },
                {
                  name: 'Actions',
                  cell: (it) => (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Remove ${it.vin}`}
                      onClick={() => setRemoved(it)}
                    >
                      Remove …
                    </Button>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <Modal opened={isAdding} onClose={() => setAdding(false)} title="Register a vehicle">
        <NewVehicle onDone={() => setAdding(false)} />
      </Modal>
      <Modal opened={removed !== null} onClose={() => setRemoved(null)} title="Remove a vehicle">
        {removed && <Removal vehicle={removed} onDone={() => setRemoved(null)} />}
      </Modal>
    </section>
  );
}

function NewVehicle({ onDone }: { onDone: () => void }) {
  const { data: fleets } = useQuery(fleetsQuery);
  const [draft, setDraft] = useState({
    vin: '',
    make: '',
    model: '',
    year: undefined as number | undefined,
    fleet_id: '',
    sovd_url: '',
  });
  const set = (change: Partial<typeof draft>) => setDraft({ ...draft, ...change });
  const add = useChange(
    (body: typeof draft) =>
      must(api.POST('/api/v1/vehicles', { body: { ...body, connector: 'sovd', metadata: {} } as never })),
    ['vehicles'],
    onDone,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate({ ...draft, fleet_id: draft.fleet_id || (fleets?.[0]?.fleet_id ?? '') });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <TextInput
        label="VIN"
        required
        maxLength={17}
        value={draft.vin}
        onChange={(event) => set({ vin: event.currentTarget.value })}
      />
      <TextInput
        label="Make"
        required
        value={draft.make}
        onChange={(event) => set({ make: event.currentTarget.value })}
      />
      <TextInput
        label="Model"
        required
        value={draft.model}
        onChange={(event) => set({ model: event.currentTarget.value })}
      />
      <NumberInput
        label="Year"
        hideControls
        value={draft.year ?? ''}
        onChange={(year) => set({ year: Number(year) || undefined })}
      />
      <NativeSelect
        label="Fleet"
        required
        value={draft.fleet_id}
        onChange={(event) => set({ fleet_id: event.currentTarget.value })}
        data={(fleets ?? []).map((it) => ({ value: it.fleet_id, label: it.name }))}
      />
      <TextInput
        label="Address of its SOVD server"
        placeholder="https://vehicle.example/sovd/v1"
        type="url"
        required
        value={draft.sovd_url}
        onChange={(event) => set({ sovd_url: event.currentTarget.value })}
      />
      {add.error && <ProblemCard error={add.error} />}
      <div className="form-actions">
        <Button type="submit" loading={add.isPending}>
          Register
        </Button>
      </div>
    </form>
  );
}
