// A value that was read or watched, out of the shapes in which vehicles send it.

/** The units of a datum by the JSON pointer of the value: the empty one for the value itself. */
export type Units = Record<string, string>;

export interface Datum {
  id: string;
  value: unknown;
  units: Units;
}

interface Said {
  id?: unknown;
  data?: unknown;
  payload?: Said;
  units?: Record<string, { display_name?: string }>;
}

/** The datum in a payload: `{id, data}` of a read, or the same in a sample of a watch. */
export function datumOf(payload: unknown): Datum | null {
  const outer = payload as Said | null;
  if (!outer || typeof outer !== 'object') return null;
  const said = outer.payload && typeof outer.payload === 'object' ? outer.payload : outer;
  const id = said.id ?? outer.id;
  if (typeof id !== 'string' || !('data' in said)) return null;
  return { id, value: said.data, units: named(said.units ?? outer.units) };
}

function named(units: Said['units']): Units {
  const known = Object.entries(units ?? {}).filter(([, unit]) => unit.display_name);
  return Object.fromEntries(known.map(([pointer, unit]) => [pointer, unit.display_name as string]));
}

export interface Quantity {
  /** Which member it is; empty for a value without members. */
  name: string;
  text: string;
  unit: string | undefined;
}

/** A value as people read it: a number or word, or each member of an object, with its unit. */
export function quantities(value: unknown, units: Units, pointer = '', name = ''): Quantity[] {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => {
      const token = key.replaceAll('~', '~0').replaceAll('/', '~1');
      return quantities(inner, units, `${pointer}/${token}`, name ? `${name}.${key}` : key);
    });
  }
  return [{ name, text: words(value), unit: units[pointer] }];
}

function words(value: unknown): string {
  if (typeof value === 'number') return String(+value.toPrecision(8));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The units of the series of a chart, by the names of the series. */
export function seriesUnits(of: Map<string, Units>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [id, units] of of) {
    for (const [pointer, unit] of Object.entries(units)) {
      const path = pointer
        .split('/')
        .slice(1)
        .map((it) => it.replaceAll('~1', '/').replaceAll('~0', '~'));
      found.set([id, ...path].join('.'), unit);
    }
  }
  return found;
}
