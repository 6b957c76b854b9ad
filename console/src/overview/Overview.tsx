import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, mustAnswer } from '../api/client';
import { runsQuery } from '../api/queries';
import { TopFaults } from '../faults/TopFaults';
import { Awaiting } from '../runs/Awaiting';
import { RunTable } from '../runs/RunTable';
import { cliOf } from '../runs/snippets';
import { mayWatch } from '../session/rights';
import { useMe } from '../session/useSession';
import { Fresh } from '../ui/Fresh';
import { Empty, Forbidden, Loaded } from '../ui/notices';
import { useTitle } from '../ui/title';

const DAY_MS = 86_400_000;
/** The most that one answer lists. */
const MOST = 100;

export function Overview() {
  useTitle('Overview');
  const me = useMe();
  if (!mayWatch(me.role)) return <Forbidden need="a role that watches vehicles" />;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Overview</h1>
        <span className="grow" />
        <Fresh />
      </div>
      <Tiles />
      <Awaiting />
      <div className="columns">
        <Recent />
        <TopFaults />
      </div>
    </div>
  );
}

/** How many vehicles there are of a kind. */
function useVehicleCount(status?: string) {
  return useQuery({
    queryKey: ['vehicles', 'count', status],
    queryFn: async () => {
      const { response } = await mustAnswer(
        api.GET('/api/v1/vehicles', { params: { query: { status, limit: 1 } } }),
      );
      return Number(response.headers.get('x-total-count') ?? 0);
    },
  }).data;
}

function Tiles() {
  const [all, online] = [useVehicleCount(), useVehicleCount('connected')];
  // To the hour: a new second would be a new question.
  const since = new Date(Math.floor((Date.now() - DAY_MS) / 3_600_000) * 3_600_000).toISOString();
  const failed = useQuery(runsQuery({ status: 'failed', from: since }, MOST)).data;
  const running = useQuery(runsQuery({ status: 'in_progress' }, MOST)).data;
  const pending = useQuery(runsQuery({ status: 'pending' }, MOST)).data;
  const many = (page: typeof failed) =>
    page ? `${page.commands.length}${page.next_cursor ? '+' : ''}` : '…';
  return (
    <div className="tiles">
      <Link to="/vehicles" search={{ status: 'connected' }} className="panel tile">
        <b>
          {online ?? '…'} <span className="dim">of {all ?? '…'}</span>
        </b>
        <span className="dim">vehicles online</span>
      </Link>
      <Link to="/runs" search={{ status: 'in_progress' }} className="panel tile">
        <b>{many(running)}</b>
        <span className="dim">runs in progress</span>
      </Link>
      <Link to="/runs" search={{ status: 'pending' }} className="panel tile">
        <b>{many(pending)}</b>
        <span className="dim">waiting for a vehicle</span>
      </Link>
      <Link to="/runs" search={{ status: 'failed', from: since }} className="panel tile">
        <b>{many(failed)}</b>
        <span className="dim">failed in the last 24 h</span>
      </Link>
    </div>
  );
}

function Recent() {
  const runs = useQuery(runsQuery({}, 12));
  return (
    <section className="panel" aria-label="Recent runs">
      <header>
        <h2 className="grow">Recent runs</h2>
        <Link to="/runs" search={{}} className="small">
          All runs
        </Link>
      </header>
      <Loaded of={runs}>
        {(data) =>
          data.commands.length === 0 ? (
            <Empty
              title="Nothing has been run yet"
              cli={cliOf('VIN', 'faults.scan')}
              action={
                <Button component={Link} to="/vehicles">
                  Pick a vehicle
                </Button>
              }
            >
              Open a vehicle that is online and read its faults: it takes two clicks.
            </Empty>
          ) : (
            <RunTable runs={data.commands} withVehicle />
          )
        }
      </Loaded>
    </section>
  );
}
