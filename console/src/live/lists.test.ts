import { describe, expect, it } from 'vitest';
import { Lists, type Moved } from './lists';

function setUp() {
  const asked: Moved[] = [];
  const waiting: (() => void)[] = [];
  const lists = new Lists(
    (moved) => asked.push(moved),
    (run) => waiting.push(run),
  );
  return { lists, asked, pass: () => waiting.shift()?.() };
}

describe('lists', () => {
  it('are asked for at once when something has moved, and not again until a while has passed', () => {
    const { lists, asked, pass } = setUp();
    lists.runsMoved('a');
    expect(asked).toEqual([{ runs: new Set(['a']), vehicles: false }]);
    for (const vehicle of ['b', 'c', 'b']) lists.runsMoved(vehicle);
    lists.vehiclesMoved();
    expect(asked.length).toBe(1);
    pass();
    expect(asked[1]).toEqual({ runs: new Set(['b', 'c']), vehicles: true });
  });
  it('are left alone while nothing moves', () => {
    const { lists, asked, pass } = setUp();
    lists.vehiclesMoved();
    pass();
    pass();
    expect(asked.length).toBe(1);
  });
  it('are all asked for when nobody knows what has moved', () => {
    const { lists, asked, pass } = setUp();
    lists.runsMoved('a');
    lists.runsMoved('b');
    lists.anythingMoved();
    lists.runsMoved('c');
    pass();
    expect(asked[1]).toEqual({ runs: 'all', vehicles: true });
  });
});
