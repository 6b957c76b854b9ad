import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { vehicleQuery } from '../api/queries';

interface Place {
  entity?: string;
  tab?: string;
}

/** The way to a vehicle's page, or to a place on it. */
export function VehicleLink({ id, vin, place = {} }: { id: string; vin: string; place?: Place }) {
  return (
    <Link to="/vehicles/$vehicleId" params={{ vehicleId: id }} search={place} className="mono">
      {vin}
    </Link>
  );
}

/** The same where only the id is known: the VIN is asked for. */
export function NamedVehicleLink({ id, place }: { id: string; place?: Place }) {
  const { data: vehicle } = useQuery(vehicleQuery(id));
  return <VehicleLink id={id} vin={vehicle?.vin ?? id} place={place} />;
}
