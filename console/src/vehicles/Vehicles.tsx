import { NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { Vehicle } from '../api/client';
import { fleetsQuery, PAGE, vehiclesQuery } from '../api/queries';
import { mayAdminister } from '../session/rights';
import { useMe } from '../session/useSession';
import { Fresh } from '../ui/Fresh';
import { Grid } from '../ui/Grid';
import { PresenceMark } from '../ui/marks';
import { Empty, Loaded } from '../ui/notices';
import { useTitle } from '../ui/title';
import { VehicleLink } from './VehicleLink';

export function Vehicles() {
  useTitle('Vehicles');
  const search = useSearch({ from: '/inside/vehicles' });
  const vehicles = useQuery(vehiclesQuery(search));
  return (
    <div className="page">
      <div className="page-head">
        <h1>Vehicles</h1>
        {vehicles.data && <span className="dim">{vehicles.data.total}</span>}
        <span className="grow" />
        <Fresh />
      </div>
      <Filters />
      <section className="panel" aria-label="Vehicles">
        <Loaded of={vehicles}>
          {(data) =>
            data.vehicles.length === 0 ? (
              <Nothing isFiltered={Boolean(search.q || search.status)} />
            ) : (
              <List vehicles={data.vehicles} />
            )
          }
        </Loaded>
      </section>
      {vehicles.data && vehicles.data.total > PAGE && <Pages total={vehicles.data.total} />}
    </div>
  );
}

function Filters() {
  const search = useSearch({ from: '/inside/vehicles' });
  const navigate = useNavigate({ from: '/vehicles' });
  const [text, setText] = useState(search.q ?? '');
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== (search.q ?? ''))
        navigate({ search: { ...search, q: text || undefined, page: undefined }, replace: true });
    }, 250);
    return () => clearTimeout(timer);
  }, [text, search, navigate]);
  return (
    <div className="filters" role="search">
      <TextInput
        aria-label="Search by VIN, make or model"
        placeholder="VIN, make or model  ( / )"
        data-key="/"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        w={280}
      />
      <NativeSelect
        aria-label="Connection"
        value={search.status ?? ''}
        onChange={(event) =>
          navigate({ search: { ...search, status: event.currentTarget.value || undefined, page: undefined } })
        }
        data={[
          { value: '', label: 'any connection' },
          { value: 'connected', label: 'online' },
          { value: 'disconnected', label: 'offline' },
          { value: 'error', label: 'not SOVD' },
        ]}
      />
    </div>
  );
}

function List({ vehicles }: { vehicles: Vehicle[] }) {
  const navigate = useNavigate();
  const { data: fleets } = useQuery(fleetsQuery);
  const fleet = (id: string) => fleets?.find((it) => it.fleet_id === id)?.name ?? '';
  return (
    <Grid
      label="List of vehicles"
      rows={vehicles}
      keyOf={(vehicle) => vehicle.vehicle_id}
      onOpen={(vehicle) =>
        navigate({ to: '/vehicles/$vehicleId', params: { vehicleId: vehicle.vehicle_id }, search: {} })
      }
      columns={[
        {
          name: 'Connection',
          cell: (it) => (
            <PresenceMark id={it.vehicle_id} status={it.connection_status} at={it.last_seen_at} withAge />
          ),
          by: (it) => it.connection_status,
        },
        {
          name: 'VIN',
          cell: (it) => <VehicleLink id={it.vehicle_id} vin={it.vin} />,
          by: (it) => it.vin,
        },
        { name: 'Vehicle', cell: (it) => `${it.make} ${it.model}`, by: (it) => `${it.make} ${it.model}` },
        { name: 'Year', cell: (it) => it.year, by: (it) => it.year ?? 0, isNumber: true },
        { name: 'Fleet', cell: (it) => fleet(it.fleet_id), by: (it) => fleet(it.fleet_id) },
        {
          name: 'Notes',
          cell: (it) =>
            it.warnings?.map((warning) => (
              <span key={warning} className="tag warn">
                {warning}
              </span>
            )),
        },
      ]}
    />
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  const me = useMe();
  if (isFiltered) {
    return (
      <Empty
        title="No vehicle matches"
        action={
          <Link to="/vehicles" search={{}}>
            Show all
          </Link>
        }
      >
        Search looks at VIN, make and model of the vehicles that you may see.
      </Empty>
    );
  }
  return (
    <Empty
      title="No vehicles yet"
      cli={mayAdminister(me.role) ? 'fleetwire admin vehicle add --help' : undefined}
      action={
        mayAdminister(me.role) && (
          <Link to="/admin/$section" params={{ section: 'vehicles' }}>
            Register a vehicle
          </Link>
        )
      }
    >
      {mayAdminister(me.role) ? 'Register the first one.' : 'None is in a fleet that you have been granted.'}
    </Empty>
  );
}

function Pages({ total }: { total: number }) {
  const search = useSearch({ from: '/inside/vehicles' });
  const page = search.page ?? 1;
  const last = Math.ceil(total / PAGE);
  return (
    <nav className="row" aria-label="Pages of the list">
      {page > 1 && (
        <Link to="/vehicles" search={{ ...search, page: page - 1 }}>
          ← Before
        </Link>
      )}
      <span className="dim">
        {page} of {last}
      </span>
      {page < last && (
        <Link to="/vehicles" search={{ ...search, page: page + 1 }}>
          Next →
        </Link>
      )}
    </nav>
  );
}
