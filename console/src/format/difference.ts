// What differs between two JSON values, path by path.

export interface Difference {
  path: string;
  kind: 'added' | 'removed' | 'changed';
  before?: unknown;
  after?: unknown;
  /** The change of a number. */
  delta?: number;
}

/** Items of lists are paired by what names them (code, id, entity), else by their place. */
const NAMES = ['code', 'dtcCode', 'id', 'entity'];

export function difference(before: unknown, after: unknown, path = ''): Difference[] {
  if (Object.is(before, after)) return [];
  if (before === undefined) return [{ path, kind: 'added', after }];
  if (after === undefined) return [{ path, kind: 'removed', before }];
  if (Array.isArray(before) && Array.isArray(after)) return pairs(keyed(before), keyed(after), path);
  if (isObject(before) && isObject(after)) {
    return pairs(new Map(Object.entries(before)), new Map(Object.entries(after)), path);
  }
  const delta = typeof before === 'number' && typeof after === 'number' ? after - before : undefined;
  return [{ path, kind: 'changed', before, after, delta }];
}

function pairs(before: Map<string, unknown>, after: Map<string, unknown>, path: string): Difference[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].flatMap((key) =>
    difference(before.get(key), after.get(key), path ? `${path}.${key}` : key),
  );
}

function keyed(list: unknown[]): Map<string, unknown> {
  const map = new Map<string, unknown>();
  list.forEach((item, index) => {
    const name = isObject(item)
      ? NAMES.map((key) => item[key]).find((it) => typeof it === 'string')
      : undefined;
    const key = name === undefined ? String(index) : String(name);
    map.set(map.has(key) ? `${key}#${index}` : key, item);
  });
  return map;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
