import { describe, expect, it } from 'vitest';
import { difference } from './difference';
import { csv, series, sheet } from './table';
import { age, duration, within } from './time';

describe('times', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  it('are as old as they are', () => {
    expect(age('2026-11-22T09:59:59Z', now)).toBe('now');
    expect(age('2026-11-22T09:59:18Z', now)).toBe('42 s ago');
    expect(age('2026-11-22T07:00:00Z', now)).toBe('3 h ago');
    expect(age(null, now)).toBe('never');
  });
  it('to come are as far away as they are', () => {
    expect(within('2026-11-22T10:00:42Z', now)).toBe('in 42 s');
    expect(within('2026-11-29T09:00:00Z', now)).toBe('in 6 d');
    expect(within('2026-11-22T09:00:00Z', now)).toBe('now');
  });
  it('of the future are now: clocks differ', () => {
    expect(age('2026-11-22T10:00:05Z', now)).toBe('now');
  });
  it('span milliseconds to hours', () => {
    expect([0, 12, 1234, 61_000, 3_700_000].map(duration)).toEqual([
      '< 1 ms',
      '12 ms',
      '1.23 s',
      '1 min 1 s',
      '1 h 1 min',
    ]);
  });
});

describe('tables', () => {
  it('have a column for every scalar that any payload has', () => {
    const { columns, rows } = sheet([{ a: { b: 1 } }, { c: ['x', 'y'] }]);
    expect(columns).toEqual(['a.b', 'c[]']);
    expect(rows[1]).toEqual({ 'c[]': 'x, y' });
  });
  it('are no formulas for a spreadsheet', () => {
    expect(csv(sheet([{ a: '=1+1', b: -3, c: 'x,"y"' }]))).toBe('a,b,c\r\n\'=1+1,-3,"x,""y"""\r\n');
    const cell = (value: string) => csv({ columns: ['c'], rows: [{ c: value }] }).slice(3, -2);
    for (const start of ['=', '+', '-', '@', '\t', '\0']) expect(cell(`${start}cmd`)).toBe(`'${start}cmd`);
    expect(cell('\rcmd')).toBe('"\'\rcmd"');
    expect(csv(sheet([{ '=key': 1 }]))).toBe("'=key\r\n1\r\n");
  });
  it('keep their signs where they are numbers', () => {
    const rows = [-40, -1.5e-7, '-12.5', '+3'].map((v) => ({ v }));
    expect(csv(sheet(rows))).toBe('v\r\n-40\r\n-1.5e-7\r\n-12.5\r\n+3\r\n');
  });
});

describe('series', () => {
  it('are the numbers that come more than once', () => {
    const points = [1, 2, 3].map((n) => ({
      at: `2026-11-22T10:00:0${n}Z`,
      payload: { id: 'speed', data: n * 10, unit: 'rpm' },
    }));
    const { names, data } = series(points);
    expect(names).toEqual(['speed']);
    expect(data[1]).toEqual([10, 20, 30]);
  });
  it('of what is watched have the names of the data, each its own', () => {
    const sample = (id: string, data: number, n: number) => ({
      at: `2026-11-22T10:00:0${n}Z`,
      payload: { sample: n, id, timestamp: 't', payload: { id, data } },
    });
    const { names, data } = series([
      sample('speed', 1, 1),
      sample('heat', 90, 2),
      sample('speed', 2, 3),
      sample('heat', 91, 4),
    ]);
    expect(names).toEqual(['speed', 'heat']);
    expect(data[2]).toEqual([null, 90, null, 91]);
  });
});

describe('differences', () => {
  it('pair what has the same name', () => {
    const before = {
      items: [
        { code: 'P0420', n: 1 },
        { code: 'P0171', n: 2 },
      ],
    };
    const after = { items: [{ code: 'P0171', n: 5 }] };
    expect(difference(before, after)).toEqual([
      { path: 'items.P0420', kind: 'removed', before: { code: 'P0420', n: 1 } },
      { path: 'items.P0171.n', kind: 'changed', before: 2, after: 5, delta: 3 },
    ]);
  });
});
