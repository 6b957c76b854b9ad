// Taking a vehicle out of the registry: that version of it which was looked at, and no newer one.

import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must, mustAnswer, type Vehicle } from '../api/client';
import { asProblem } from '../api/problem';
import { PresenceMark } from '../ui/marks';
import { Loaded, ProblemCard } from '../ui/notices';
import { useChange } from './change';

interface Seen {
  vehicle: Vehicle;
  /** Names the version that is shown. */
  etag: string;
}

interface Props {
  vehicle: Vehicle;
  onDone: () => void;
}

export function Removal({ vehicle, onDone }: Props) {
  const path = { vehicle_id: vehicle.vehicle_id };
  const seen = useQuery({
    queryKey: ['vehicle to remove', vehicle.vehicle_id],
    queryFn: async (): Promise<Seen> => {
      const { data, response } = await mustAnswer(
        api.GET('/api/v1/vehicles/{vehicle_id}', { params: { path } }),
      );
      return { vehicle: data as Vehicle, etag: response.headers.get('etag') ?? '' };
    },
    // What is shown changes only when that is asked for: a newer version would be removed unseen.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  return (
    <Loaded of={seen}>
      {(data) => <Form key={data.etag} seen={data} onDone={onDone} onLook={() => seen.refetch()} />}
    </Loaded>
  );
}

function Form({ seen, onDone, onLook }: { seen: Seen; onDone: () => void; onLook: () => void }) {
  const { vehicle, etag } = seen;
  const [typed, setTyped] = useState('');
  const lastFour = vehicle.vin.slice(-4);
  const remove = useChange(
    () => {
      const params = { path: { vehicle_id: vehicle.vehicle_id }, header: { 'if-match': etag } };
      return must(api.DELETE('/api/v1/vehicles/{vehicle_id}', { params }));
    },
    ['vehicles'],
    onDone,
  );
  const isOld = remove.error !== null && asProblem(remove.error).status === 412;
  return (
    <div className="stack">
      <p>
        Takes this vehicle out of the registry, as it is shown here. Nothing is changed in the vehicle, and
        its runs stay.
      </p>
      <Facts vehicle={vehicle} />
      {isOld ? (
        <div className="problem" role="alert">
          <strong>It has changed since you looked</strong>
          <span>Somebody has changed it, or it came or went. Nothing was removed.</span>
          <div className="row">
            <Button size="compact-xs" variant="default" onClick={onLook}>
              Show it as it is now
            </Button>
          </div>
        </div>
      ) : (
        remove.error && <ProblemCard error={remove.error} />
      )}
      <TextInput
        label={`Type ${lastFour}, the end of the VIN, to confirm`}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <div className="form-actions">
        <Button
          color="red"
          disabled={typed !== lastFour || isOld}
          loading={remove.isPending}
          onClick={() => remove.mutate(undefined as never)}
        >
          Remove
        </Button>
      </div>
    </div>
  );
}

function Facts({ vehicle }: { vehicle: Vehicle }) {
  const facts = [
    ['VIN', vehicle.vin],
    ['vehicle', `${vehicle.make} ${vehicle.model} ${vehicle.year ?? ''}`],
    ['address', vehicle.sovd_url ?? vehicle.connector],
  ] as const;
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} className="key-row">
          <dt>{name}</dt>
          <dd className="mono">{value}</dd>
        </div>
      ))}
      <div className="key-row">
        <dt>connection</dt>
        <dd>
          <PresenceMark
            id={vehicle.vehicle_id}
            status={vehicle.connection_status}
            at={vehicle.last_seen_at}
            withAge
          />
        </dd>
      </div>
    </dl>
  );
}
