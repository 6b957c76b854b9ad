// The question of who runs a fleet: which fault do how many vehicles have, and which. The server counts.

import { Button, Drawer, NativeSelect, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { FaultCoverage, FleetFault } from '../api/client';
import { faultyVehiclesQuery, fleetFaultsQuery, fleetsQuery } from '../api/queries';
import { cliOf } from '../runs/snippets';
import { Grid } from '../ui/Grid';
import { Age, PresenceMark, SeverityMark } from '../ui/marks';
import { Empty, Loaded, Loading, ProblemCard } from '../ui/notices';
import { useTitle } from '../ui/title';
import { VehicleLink } from '../vehicles/VehicleLink';
import { Covered } from './Covered';
import { KIND_TONES, shortEntity } from './FaultTable';
import { ScanAll } from './ScanAll';

export function FleetFaults() {
  useTitle('Faults');
  const { code, where, ...filter } = useSearch({ from: '/inside/faults' });
  const navigate = useNavigate({ from: '/faults' });
  const faults = useQuery(fleetFaultsQuery(filter));
  const close = () => navigate({ search: filter });
  const { offset: _, ...chosen } = filter;
  const isFiltered = Object.values(chosen).some(Boolean);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Faults</h1>
        {faults.data && <Covered of={faults.data.coverage} />}
        <span className="grow" />
        <ScanAll />
      </div>
      <Filters />
      <section className="panel" aria-label="Faults by code">
        <Loaded of={faults}>
          {(data) =>
            data.faults.length === 0 ? (
              <Nothing isFiltered={isFiltered} coverage={data.coverage} />
            ) : (
              <List faults={data.faults} />
            )
          }
        </Loaded>
      </section>
      <nav className="row" aria-label="Pages of the list">
        {filter.offset && (
          <Link to="/faults" search={{ ...filter, offset: undefined }}>
            ← First
          </Link>
        )}
        {faults.data?.next_offset && (
          <Link to="/faults" search={{ ...filter, offset: faults.data.next_offset }}>
            Fewer vehicles →
          </Link>
        )}
      </nav>
      <Drawer
        opened={Boolean(code && where)}
        onClose={close}
        size="lg"
        title={`${code ?? ''} · ${where ?? ''}`}
      >
        {code && where && <Affected code={code} entity={where} />}
      </Drawer>
    </div>
  );
}

function Filters() {
  const search = useSearch({ from: '/inside/faults' });
  const navigate = useNavigate({ from: '/faults' });
  const { data: fleets } = useQuery(fleetsQuery);
  const [text, setText] = useState(search.q ?? '');
  const set = (change: Partial<typeof search>, replace = false) =>
    navigate({ search: { ...search, offset: undefined, ...change }, replace });
  useEffect(() => {
    const timer = setTimeout(() => {
      const q = text || undefined;
      if (q !== search.q) navigate({ search: { ...search, offset: undefined, q }, replace: true });
    }, 250);
    return () => clearTimeout(timer);
  }, [text, search, navigate]);
  const choice = (label: string, name: 'severity' | 'status' | 'fleet', data: [string, string][]) => (
    <NativeSelect
      label={label}
      value={search[name] ?? ''}
      onChange={(event) => set({ [name]: event.currentTarget.value || undefined })}
      data={[{ value: '', label: 'any' }, ...data.map(([value, it]) => ({ value, label: it }))]}
    />
  );
  const words = (all: string[]) => all.map((word): [string, string] => [word, word]);
  const { code: _code, where: _where, ...filter } = search;
  return (
    <div className="filters" role="search">
      <TextInput
        label="Search"
        placeholder="code or text  ( / )"
        data-key="/"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {choice('Severity', 'severity', [
        ['fatal', 'fatal'],
        ['error', 'error'],
        ['warn', 'warning'],
        ['info', 'info'],
      ])}
      {choice('Status', 'status', words(['active', 'confirmed', 'pending', 'history']))}
      {(fleets?.length ?? 0) > 1 &&
        choice('Fleet', 'fleet', fleets?.map((it): [string, string] => [it.fleet_id, it.name]) ?? [])}
      {search.entity && (
        <Button variant="default" onClick={() => set({ entity: undefined })}>
          in {shortEntity(search.entity)} ✕
        </Button>
      )}
      {Object.values(filter).some(Boolean) && (
        <Button
          variant="subtle"
          onClick={() => {
            setText('');
            navigate({ search: {} });
          }}
        >
          Clear
        </Button>
      )}
    </div>
  );
}

function List({ faults }: { faults: FleetFault[] }) {
  const search = useSearch({ from: '/inside/faults' });
  const navigate = useNavigate({ from: '/faults' });
  return (
    <Grid
      label="List of faults"
      rows={faults}
      keyOf={(it) => `${it.entity} ${it.code}`}
      onOpen={(it) => navigate({ search: { ...search, code: it.code, where: it.entity } })}
      columns={[
        {
          name: 'Severity',
          cell: (it) => <SeverityMark severity={it.severity} />,
          by: (it) => it.severity ?? '',
        },
        { name: 'Code', cell: (it) => <strong className="mono">{it.code}</strong>, by: (it) => it.code },
        { name: 'Fault', cell: (it) => it.text, by: (it) => it.text ?? '' },
        {
          name: 'Where',
          cell: (it) => (
            <Link
              to="/faults"
              search={{ ...search, offset: undefined, entity: it.entity }}
              className="mono"
              title={`Only faults of ${it.entity}`}
            >
              {shortEntity(it.entity)}
            </Link>
          ),
          by: (it) => it.entity,
        },
        { name: 'Status', cell: (it) => <Statuses of={it.statuses} /> },
        { name: 'Vehicles', cell: (it) => it.vehicles, by: (it) => it.vehicles, isNumber: true },
        { name: 'Last read', cell: (it) => <Age at={it.newest_read_at} />, by: (it) => it.newest_read_at },
      ]}
    />
  );
}

/** In how many vehicles a fault stands where. */
function Statuses({ of }: { of: FleetFault['statuses'] }) {
  const { unknown, ...told } = of;
  const shown = Object.entries(told).filter(([, count]) => count > 0);
  return (
    <span className="row tight nowrap">
      {shown.map(([word, count]) => (
        <span key={word} className={`tag ${KIND_TONES[word] ?? ''}`}>
          {count} {word}
        </span>
      ))}
      {unknown > 0 && <span className="tag">{unknown} not told</span>}
    </span>
  );
}

function Affected({ code, entity }: { code: string; entity: string }) {
  const { code: _code, where: _where, ...filter } = useSearch({ from: '/inside/faults' });
  const vehicles = useInfiniteQuery(faultyVehiclesQuery(code, entity, filter));
  if (vehicles.error) return <ProblemCard error={vehicles.error} onRetry={() => vehicles.refetch()} />;
  if (!vehicles.data) return <Loading rows={3} />;
  const found = vehicles.data.pages.flatMap((page) => page.vehicles);
  if (found.length === 0) {
    return <Empty title="No vehicle has it">None of those that were read, and that you see.</Empty>;
  }
  return (
    <div className="stack">
      <Grid
        label="Vehicles that have it"
        rows={found}
        keyOf={(it) => it.vehicle_id}
        columns={[
          {
            name: 'Vehicle',
            cell: (it) => (
              <>
                <VehicleLink id={it.vehicle_id} vin={it.vin} place={{ entity, tab: 'faults' }} />
                <div className="dim small">{`${it.make} ${it.model}`}</div>
              </>
            ),
            by: (it) => it.vin,
          },
          {
            name: 'Connection',
            cell: (it) => <PresenceMark id={it.vehicle_id} status={it.connection_status} at={null} />,
          },
          {
            name: 'Status',
            cell: (it) => (
              <span className={`tag ${KIND_TONES[it.status ?? ''] ?? ''}`}>{it.status ?? 'not told'}</span>
            ),
            by: (it) => it.status ?? '',
          },
          {
            name: 'Read',
            cell: (it) => (
              <Link to="/runs/$runId" params={{ runId: it.command_id }} search={{}}>
                <Age at={it.read_at} />
              </Link>
            ),
            by: (it) => it.read_at,
          },
        ]}
      />
      {vehicles.hasNextPage && (
        <Button
          variant="default"
          loading={vehicles.isFetchingNextPage}
          onClick={() => vehicles.fetchNextPage()}
        >
          More vehicles
        </Button>
      )}
    </div>
  );
}

/** Nothing to list is not the same as nothing wrong. */
function Nothing({ isFiltered, coverage }: { isFiltered: boolean; coverage: FaultCoverage }) {
  const { vehicles, read, partly_read, unread } = coverage;
  if (isFiltered) {
    return (
      <Empty
        title="No fault matches"
        action={
          <Link to="/faults" search={{}}>
            Show all
          </Link>
        }
      >
        {`Of ${vehicles} vehicles, ${unread} have not been read.`}
      </Empty>
    );
  }
  if (read + partly_read === 0) {
    return (
      <Empty title="No vehicle has been read" cli={cliOf('VIN', 'faults.scan')}>
        Scan the vehicles that are online, above: it reads, and changes nothing.
      </Empty>
    );
  }
  return (
    <Empty title="No faults" cli={unread + partly_read > 0 ? cliOf('VIN', 'faults.scan') : undefined}>
      {`None in what was read of ${read + partly_read} vehicles. `}
      {unread + partly_read > 0 && `Of ${unread + partly_read} not everything is known: scan them.`}
    </Empty>
  );
}
