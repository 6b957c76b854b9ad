import { Button, Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem } from '../api/problem';
import { useSubmit, vehiclesQuery } from '../api/queries';
import { maySubmit } from '../session/rights';
import { useMe } from '../session/useSession';
import { ProblemCard } from '../ui/notices';

/** Asks the vehicles that are online for their faults. */
export function ScanAll() {
  const me = useMe();
  const { data } = useQuery(vehiclesQuery({ status: 'connected' }));
  const submit = useSubmit();
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const vehicles = data?.vehicles ?? [];
  if (!maySubmit(me.role, { role: 'engineer', risk: 'R0' }) || vehicles.length === 0) return null;
  const scan = async () => {
    setError(null);
    for (const { vehicle_id } of vehicles) {
      const draft = { vehicle_id, command_name: 'faults.scan', command_params: {} };
      await submit.mutateAsync(draft as never).catch(setError);
    }
    setAsking(false);
  };
  return (
    <>
      <Button size="xs" data-key="r" onClick={() => setAsking(true)}>
        Scan vehicles …
      </Button>
      <Modal opened={isAsking} onClose={() => setAsking(false)} title="Scan vehicles for faults">
        <div className="stack">
          <p>
            Reads the faults of all entities of the {vehicles.length} vehicles that are online
            {(data?.total ?? 0) > vehicles.length && ` and come first in the list of ${data?.total}`}. Nothing
            is changed in them.
          </p>
          {error !== null && <ProblemCard error={asProblem(error)} />}
          <div className="form-actions">
            <Button variant="default" onClick={() => setAsking(false)}>
              Close
            </Button>
            <Button loading={submit.isPending} onClick={scan}>
              Scan {vehicles.length}
            </Button>
          </div>
        </div>
      </Modal>
    </>
  );
}
