// The question of who runs a fleet: which fault do how many vehicles have, and which.

import { Button, Drawer, Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem } from '../api/problem';
import { useSubmit, vehiclesQuery } from '../api/queries';
import { cliOf } from '../runs/snippets';
import { maySubmit } from '../session/rights';
import { useMe } from '../session/useSession';
import { Grid } from '../ui/Grid';
import { Age, SeverityMark } from '../ui/marks';
import { Empty, Loading, ProblemCard } from '../ui/notices';
import { useTitle } from '../ui/title';
import { NamedVehicleLink } from '../vehicles/VehicleLink';
import { shortEntity } from './FaultTable';
import { type FleetFault, useFleetFaults } from './fleet';

export function FleetFaults() {
  useTitle('Faults');
  const { faults, scans, isPending, error } = useFleetFaults();
  const [opened, setOpened] = useState<FleetFault | null>(null);
  const oldest = [...scans.values()].map((run) => run.submitted_at).sort()[0];
  return (
    <div className="page">
      <div className="page-head">
        <h1>Faults</h1>
        {scans.size > 0 && (
          <span className="dim small">
            in {scans.size} vehicles, the oldest read <Age at={oldest} />, from the last 100 completed runs
          </span>
        )}
        <span className="grow" />
        <ScanAll />
      </div>
      <section className="panel" aria-label="Faults by code">
        {error ? (
          <ProblemCard error={error} />
        ) : isPending ? (
          <Loading />
        ) : faults.length === 0 ? (
          <Empty
            title={scans.size === 0 ? 'No vehicle has been scanned' : 'No faults'}
            cli={cliOf('VIN', 'faults.scan')}
          >
            Scan the vehicles that are online: it reads, and changes nothing.
          </Empty>
        ) : (
          <Grid
            label="Faults by code"
            rows={faults}
            keyOf={(it) => it.code}
            onOpen={setOpened}
            columns={[
              {
                name: 'Severity',
                cell: (it) => <SeverityMark severity={it.severity} />,
                by: (it) => it.severity ?? '',
              },
              {
                name: 'Code',
                cell: (it) => <strong className="mono">{it.code}</strong>,
                by: (it) => it.code,
              },
              { name: 'Fault', cell: (it) => it.name, by: (it) => it.name },
              {
                name: 'Vehicles',
                cell: (it) => `${it.vehicles.size} of ${scans.size}`,
                by: (it) => it.vehicles.size,
                isNumber: true,
              },
            ]}
          />
        )}
      </section>
      <Drawer
        opened={opened !== null}
        onClose={() => setOpened(null)}
        title={opened ? `${opened.code} · ${opened.name}` : ''}
      >
        {opened && <Affected fault={opened} />}
      </Drawer>
    </div>
  );
}

function Affected({ fault }: { fault: FleetFault }) {
  return (
    <ul className="plain stack">
      {[...fault.vehicles].map(([id, { entities, at, kinds }]) => (
        <li key={id} className="row">
          <NamedVehicleLink id={id} place={{ entity: entities[0], tab: 'faults' }} />
          <span className="dim small">{entities.map(shortEntity).join(', ')}</span>
          {kinds.map((kind) => (
            <span key={kind} className="tag">
              {kind}
            </span>
          ))}
          <span className="grow" />
          <Age at={at} />
        </li>
      ))}
    </ul>
  );
}

function ScanAll() {
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
