import { Json } from '../ui/Json';
import type { Place } from './Workbench';

/** What the registry knows of the vehicle, or the vehicle says of an entity. */
export function AboutTab({ place }: { place: Place }) {
  const { vehicle, entity } = place;
  return (
    <div className="body">
      <Json value={entity ? entity.described : vehicle} />
    </div>
  );
}
