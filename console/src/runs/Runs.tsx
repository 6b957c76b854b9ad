import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { runsQuery, vehiclesQuery } from '../api/queries';
import { useMe } from '../session/useSession';
import { Fresh } from '../ui/Fresh';
import { Empty, Loaded } from '../ui/notices';
import { useTitle } from '../ui/title';
import { RunTable } from './RunTable';
import { cliOf } from './snippets';

export function Runs() {
  useTitle('Runs');
  const search = useSearch({ from: '/inside/runs' });
  const runs = useQuery(runsQuery(search));
  const [chosen, setChosen] = useState<string[]>([]);
  const choose = (id: string) =>
    setChosen((now) => (now.includes(id) ? now.filter((it) => it !== id) : [...now, id].slice(-2)));
  const [a, b] = chosen;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Runs</h1>
        <Fresh />
        <span className="grow" />
        {a && b ? (
          <Link to="/runs/compare" search={{ a, b }}>
            Compare the two
          </Link>
        ) : (
          <span className="dim small">Choose two to compare them</span>
        )}
      </div>
      <Filters />
      <section className="panel" aria-label="Runs">
        <Loaded of={runs}>
          {(data) =>
            data.commands.length === 0 ? (
              <Empty
                title="No runs here"
                cli={cliOf('VIN', 'faults.scan')}
                action={
                  <Link to="/vehicles" search={{}}>
                    Pick a vehicle
                  </Link>
                }
              >
                Nothing was run that matches. A run begins on the page of a vehicle.
              </Empty>
            ) : (
              <RunTable runs={data.commands} withVehicle chosen={chosen} onChoose={choose} />
            )
          }
        </Loaded>
      </section>
      <nav className="row" aria-label="Pages of the list">
        {search.cursor && (
          <Link to="/runs" search={{ ...search, cursor: undefined }}>
            ← Newest
          </Link>
        )}
        {runs.data?.next_cursor && (
          <Link to="/runs" search={{ ...search, cursor: runs.data.next_cursor }}>
            Older →
          </Link>
        )}
      </nav>
    </div>
  );
}

function Filters() {
  const search = useSearch({ from: '/inside/runs' });
  const navigate = useNavigate({ from: '/runs' });
  const me = useMe();
  const { data } = useQuery(vehiclesQuery({}));
  const set = (change: Partial<typeof search>) =>
    navigate({ search: { ...search, cursor: undefined, ...change } });
  const vehicles = (data?.vehicles ?? []).map((it) => ({
    value: it.vehicle_id,
    label: `${it.vin} · ${it.model}`,
  }));
  return (
    <div className="filters" role="search">
      <NativeSelect
        label="Vehicle"
        data-key="/"
        value={search.vehicle ?? ''}
        onChange={(event) => set({ vehicle: event.currentTarget.value || undefined })}
        data={[{ value: '', label: 'any' }, ...vehicles]}
      />
      <NativeSelect
        label="Status"
        value={search.status ?? ''}
        onChange={(event) => set({ status: event.currentTarget.value || undefined })}
        data={[
          { value: '', label: 'any' },
          { value: 'pending', label: 'pending' },
          { value: 'awaiting_approval', label: 'waits for approval' },
          { value: 'in_progress', label: 'in progress' },
          { value: 'completed', label: 'completed' },
          { value: 'failed', label: 'failed' },
        ]}
      />
      <NativeSelect
        label="By"
        value={search.user ?? ''}
        onChange={(event) => set({ user: event.currentTarget.value || undefined })}
        data={[
          { value: '', label: 'anybody' },
          { value: me.user_id, label: 'me' },
        ]}
      />
      <Day label="From" value={search.from} onChange={(from) => set({ from })} />
      <Day label="Until" value={search.until} onChange={(until) => set({ until })} isEnd />
      {Object.values(search).some(Boolean) && (
        <Button variant="subtle" onClick={() => navigate({ search: {} })}>
          Clear
        </Button>
      )}
    </div>
  );
}

/** A day of here, as the moment at which it begins or ends. */
function Day(props: {
  label: string;
  value?: string;
  onChange: (at: string | undefined) => void;
  isEnd?: boolean;
}) {
  const shown = props.value ? new Date(Date.parse(props.value) - (props.isEnd ? 1000 : 0)) : null;
  const local = shown
    ? new Date(shown.getTime() - shown.getTimezoneOffset() * 60_000).toISOString().slice(0, 10)
    : '';
  const change = (day: string) => {
    if (!day) return props.onChange(undefined);
    const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
    const at = new Date(year, month - 1, date + (props.isEnd ? 1 : 0));
    return props.onChange(at.toISOString());
  };
  return (
    <TextInput
      type="date"
      label={props.label}
      value={local}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
