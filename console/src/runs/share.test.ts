import { describe, expect, it } from 'vitest';
import type { Command } from '../api/client';
import { emptyLog, take } from '../live/log';
import { comparable } from './comparable';
import { content } from './exports';
import { asCli, asCurl, asPython } from './snippets';

const command = {
  command_id: 'c',
  vehicle_id: 'v',
  command_name: 'faults.list',
  command_params: { entity: "components/o'brien" },
} as unknown as Command;

const log = emptyLog('c');
const payload = { items: [{ code: 'P0420', fault_name: '=Catalyst', severity: 2, status: { mask: 'AF' } }] };
take(log, {
  event: 'response',
  offset: 1,
  sequence_number: 1,
  response: { response_payload: payload, is_final: true },
});

describe('what is shared', () => {
  it('is quoted for a shell and for Python', () => {
    expect(asCurl(command, 'http://cars')).toContain(`o'\\''brien`);
    expect(asPython(command, 'http://cars')).toContain(`o'brien`);
  });

  it('is a command line that means the same', () => {
    const params = { entity: "components/o'brien", ids: ['a b', 'c'], n: 3, text: '3' };
    expect(asCli({ ...command, command_params: params } as never, 'http://cars')).toBe(
      `fleetwire run v faults.list -p 'entity=components/o'\\''brien' -p 'ids=["a b","c"]' -p n=3 -p 'text="3"' --server http://cars`,
    );
  });

  it('is a line for each part', () => {
    const lines = content('ndjson', command, log).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).sequence_number)).toEqual([1]);
    expect(JSON.parse(content('json', command, log)).responses).toHaveLength(1);
    expect(content('csv', command, log)).toContain('1 items');
  });

  it('compares faults by where and which they are', () => {
    expect(comparable(command, log)).toMatchObject({
      "components/o'brien P0420": { name: '=Catalyst', severity: 'error', mask: '0xAF' },
    });
  });
});
