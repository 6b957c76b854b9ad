import { quantities, type Units } from '../format/datum';

/** A value with the unit of each of its members. */
export function Quantities({ value, units }: { value: unknown; units: Units }) {
  return (
    <span className="mono">
      {quantities(value, units).map((it, index) => (
        <span key={it.name} className={it.unit ? 'nowrap' : undefined}>
          {index > 0 && <span className="dim"> · </span>}
          {it.name && <span className="dim">{it.name} </span>}
          <strong>{it.text}</strong>
          {it.unit && <span className="dim"> {it.unit}</span>}
        </span>
      ))}
    </span>
  );
}
