import { Button, Drawer } from '@mantine/core';
import { useState } from 'react';
import { FaultTable } from '../faults/FaultTable';
import type { Fault } from '../faults/faults';
import { CommandForm } from '../forms/CommandForm';
import { Environment } from '../runs/Answer';
import { Age, SeverityMark } from '../ui/marks';
import { Empty, Loading, ProblemCard } from '../ui/notices';
import { useKnownFaults, useLatest } from './known';
import { type Place, useStart } from './Workbench';

export function FaultsTab({ place, mayRead }: { place: Place; mayRead: boolean }) {
  const { vehicle, entity, show } = place;
  const known = useKnownFaults(vehicle.vehicle_id);
  const start = useStart(vehicle.vehicle_id, show);
  const [opened, setOpened] = useState<Fault | null>(null);
  const [isClearing, setClearing] = useState(false);
  const reports = [...known.values()].filter((report) => !entity || report.entity === entity.path);
  const faults = reports.flatMap((report) => report.faults);
  const oldest = reports.map((report) => report.at).sort()[0];
  const read = () =>
    entity ? start.run('faults.list', { entity: entity.path }) : start.run('faults.scan', {});
  const mayAsk = mayRead && start.may('faults.list');
  const button = mayAsk && (
    <Button size="xs" data-key="r" loading={start.isBusy} onClick={read}>
      Read faults
    </Button>
  );
  return (
    <div>
      <div className="tab-bar">
        {reports.length > 0 && (
          <span role="status">
            <strong>
              {faults.length === 0
                ? 'No faults'
                : `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`}
            </strong>{' '}
            <span className="dim small">
              as read <Age at={oldest} />
              {!entity && ` in ${reports.length} entities`}
            </span>
          </span>
        )}
        <span className="grow" />
        {entity && faults.length > 0 && mayAsk && (
          <Button size="xs" variant="default" onClick={() => setClearing(true)}>
            Clear …
          </Button>
        )}
        {reports.length > 0 && button}
      </div>
      {start.error && <ProblemCard error={start.error} />}
      {reports.length === 0 ? (
        <Empty title="Faults have not been read" action={button}>
          {mayAsk ? 'Reading changes nothing in the vehicle.' : 'An engineer can read them.'}
        </Empty>
      ) : faults.length === 0 ? (
        <Empty title="No faults">The vehicle says that it has none.</Empty>
      ) : (
        <FaultTable faults={faults} withEntity={!entity} onOpen={setOpened} />
      )}
      <Drawer opened={opened !== null} onClose={() => setOpened(null)} title={opened?.code ?? ''}>
        {opened && <FaultDetail place={place} fault={opened} />}
      </Drawer>
      {entity && (
        <CommandForm
          opened={isClearing}
          onClose={() => setClearing(false)}
          vehicle={vehicle}
          name="faults.clear"
          params={{ entity: entity.path }}
          preview={`Clears ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}: ${faults.map((it) => it.code).join(', ')}`}
          entities={place.entities}
          onRun={show}
        />
      )}
    </div>
  );
}

function FaultDetail({ place, fault }: { place: Place; fault: Fault }) {
  const params = { entity: fault.entity, code: fault.code, snapshot: true, extended: true };
  const { run, log } = useLatest(place.vehicle.vehicle_id, 'faults.get', params);
  const start = useStart(place.vehicle.vehicle_id, () => {});
  const payload = log?.parts[0]?.payload;
  return (
    <div className="stack">
      <div className="row">
        <SeverityMark severity={fault.severity} />
        <span className="tag">{fault.kind ?? 'no status'}</span>
        <span className="mono dim small">{fault.entity}</span>
      </div>
      <p>{fault.name}</p>
      {fault.symptom && <p className="dim">{fault.symptom}</p>}
      {fault.mask && (
        <p className="small">
          Status byte <span className="mono">{fault.mask}</span>:{' '}
          <span className="dim">{fault.bits.map(words).join(', ') || 'no bit is set'}</span>
        </p>
      )}
      {payload !== undefined ? (
        <>
          <p className="dim small">
            Read <Age at={log?.parts[0]?.receivedAt} />
          </p>
          <Environment payload={payload} />
        </>
      ) : run && log?.failures.length === 0 ? (
        <Loading rows={4} />
      ) : (
        <Empty
          title="Freeze frame not read"
          action={
            start.may('faults.get') && (
              <Button size="xs" loading={start.isBusy} onClick={() => start.run('faults.get', params)}>
                Read freeze frame
              </Button>
            )
          }
        >
          What the control unit recorded when the fault came.
        </Empty>
      )}
      {start.error && <ProblemCard error={start.error} />}
    </div>
  );
}

/** testFailedSinceLastClear → test failed since last clear */
function words(bit: string): string {
  return bit.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
}
