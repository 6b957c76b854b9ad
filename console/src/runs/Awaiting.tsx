// What waits for the word of whoever is logged in.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runsQuery } from '../api/queries';
import { isDecider, mayDecide } from '../session/rights';
import { useMe } from '../session/useSession';
import { RunTable } from './RunTable';

/** Nothing for those who decide about nothing, or while nothing waits. */
export function Awaiting() {
  const me = useMe();
  const runs = useQuery({ ...runsQuery({ status: AWAITING }, 100), enabled: isDecider(me.role) });
  const mine = (runs.data?.commands ?? []).filter((command) => mayDecide(me, command));
  if (mine.length === 0) return null;
  return (
    <section className="panel" aria-label="Waiting for your approval">
      <header>
        <h2 className="grow">Waiting for your approval</h2>
        <Link to="/runs" search={{ status: AWAITING }} className="small">
          All that wait
        </Link>
      </header>
      <RunTable runs={mine} withVehicle />
    </section>
  );
}

const AWAITING = 'awaiting_approval';
