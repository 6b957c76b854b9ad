import { describe, expect, it } from 'vitest';
import { datumOf, quantities, seriesUnits, type Units } from './datum';

const speeds = { left: 12.000000001, right: 11.5 };
const units = { '/left': 'km/h', '/right': 'km/h' };

describe('a datum', () => {
  it('is found in what was read and in a sample of what is watched', () => {
    const read = { id: 'rpm', data: 800, units: { '': { display_name: 'rpm' } } };
    expect(datumOf(read)).toEqual({ id: 'rpm', value: 800, units: { '': 'rpm' } });
    expect(datumOf({ sample: 1, id: 'rpm', payload: { id: 'rpm', data: 801 } })?.units).toEqual({});
    expect(datumOf({ items: [] })).toBe(null);
  });
  it('is read with the unit of each of its members', () => {
    expect(quantities(800, { '': 'rpm' })).toEqual([{ name: '', text: '800', unit: 'rpm' }]);
    expect(quantities(speeds, units)).toEqual([
      { name: 'left', text: '12', unit: 'km/h' },
      { name: 'right', text: '11.5', unit: 'km/h' },
    ]);
    expect(quantities([1, 2], { '': 'V' })).toEqual([{ name: '', text: '[1,2]', unit: 'V' }]);
  });
  it('gives its units to the series of a chart, by their names', () => {
    const found = seriesUnits(
      new Map<string, Units>([
        ['rpm', { '': 'rpm' }],
        ['wheels', units],
      ]),
    );
    expect([...found]).toEqual([
      ['rpm', 'rpm'],
      ['wheels.left', 'km/h'],
      ['wheels.right', 'km/h'],
    ]);
  });
});
