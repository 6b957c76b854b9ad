import { Link } from '@tanstack/react-router';
import { entityOf } from '../runs/params';
import { RunTable } from '../runs/RunTable';
import { Empty } from '../ui/notices';
import { useRecent } from './known';
import type { Place } from './Workbench';

export function HistoryTab({ place }: { place: Place }) {
  const { vehicle, entity, show } = place;
  const runs = useRecent(vehicle.vehicle_id).filter((run) => !entity || entityOf(run) === entity.path);
  return (
    <div>
      <div className="tab-bar">
        <span className="dim small">the newest {runs.length}</span>
        <span className="grow" />
        <Link to="/runs" search={{ vehicle: vehicle.vehicle_id }}>
          All runs of this vehicle
        </Link>
      </div>
      {runs.length === 0 ? (
        <Empty title="Nothing was run here yet" />
      ) : (
        <RunTable runs={runs.slice(0, 40)} onOpen={show} />
      )}
    </div>
  );
}
