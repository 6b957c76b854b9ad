import type { FaultCoverage } from '../api/client';
import { Age } from '../ui/marks';

/** How much was read of what is counted, and how old it is. */
export function Covered({ of }: { of: FaultCoverage }) {
  const { vehicles, read, partly_read, oldest_read_at } = of;
  return (
    <span className="dim small">
      {read} of {vehicles} vehicles read{partly_read > 0 && `, ${partly_read} in part`}
      {oldest_read_at && (
        <>
          , the oldest <Age at={oldest_read_at} />
        </>
      )}
    </span>
  );
}
