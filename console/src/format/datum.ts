// A value that was read or watched, out of the shapes in which vehicles send it.

export interface Datum {
  id: string;
  value: unknown;
  unit: string | undefined;
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
  return { id, value: said.data, unit: (said.units ?? outer.units)?.['']?.display_name };
}
