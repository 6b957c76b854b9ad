// JSON payloads as rows and columns: a column for each scalar that any of them has.

import { datumOf } from './datum';

export type Scalar = string | number | boolean | null;

export interface Sheet {
  columns: string[];
  rows: Record<string, Scalar>[];
}

const MOST_COLUMNS = 40;

/** The scalars of a value by their dotted paths; lists are counted, not spread. */
export function scalars(
  value: unknown,
  path = '',
  into: Record<string, Scalar> = {},
): Record<string, Scalar> {
  if (value === null || typeof value !== 'object') {
    into[path || 'value'] = (value ?? null) as Scalar;
  } else if (Array.isArray(value)) {
    into[path ? `${path}[]` : '[]'] = value.every(isScalar) ? value.join(', ') : `${value.length} items`;
  } else {
    for (const [key, inner] of Object.entries(value)) scalars(inner, path ? `${path}.${key}` : key, into);
  }
  return into;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

export function sheet(payloads: unknown[]): Sheet {
  const rows = payloads.map((payload) => scalars(payload));
  const columns = new Set<string>();
  for (const row of rows) for (const column of Object.keys(row)) columns.add(column);
  return { columns: [...columns].slice(0, MOST_COLUMNS), rows };
}

/** A sign makes no formula of these. */
const NUMERAL = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** RFC 4180; what a spreadsheet would run as a formula is made text. */
export function csv({ columns, rows }: Sheet): string {
  const line = (cells: unknown[]) => `${cells.map(cell).join(',')}\r\n`;
  return line(columns) + rows.map((row) => line(columns.map((column) => row[column]))).join('');
}

function cell(value: unknown): string {
  let text = value === undefined || value === null ? '' : String(value);
  if (/^[=+\-@\t\r\0]/.test(text) && !NUMERAL.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The numbers of payloads over time: a series for each path that is a number in at least two of them. */
export function series(points: { at: string; payload: unknown }[]): {
  names: string[];
  data: (number | null)[][];
} {
  const rows = points.map(({ payload }) => scalars(named(payload)));
  const counts = new Map<string, number>();
  for (const row of rows)
    for (const [path, value] of Object.entries(row))
      if (typeof value === 'number') counts.set(path, (counts.get(path) ?? 0) + 1);
  const names = [...counts]
    .filter(([, count]) => count > 1)
    .map(([path]) => path)
    .slice(0, 8);
  const times = points.map(({ at }) => Date.parse(at) / 1000);
  const lines = names.map((name) =>
    rows.map((row) => (typeof row[name] === 'number' ? (row[name] as number) : null)),
  );
  return { names, data: [times, ...lines] };
}

/** A datum is a series of its own name; a value with parts is one for each. */
function named(payload: unknown): unknown {
  const datum = datumOf(payload);
  return datum ? { [datum.id]: datum.value } : payload;
}
