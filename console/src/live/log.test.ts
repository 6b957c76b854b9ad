import { describe, expect, it } from 'vitest';
import { emptyLog, hasEnded, type LogEvent, take } from './log';

const response = (offset: number): LogEvent => ({
  event: 'response',
  offset,
  sequence_number: offset,
  response: { response_payload: { n: offset }, received_at: '2026-11-22T10:00:01Z', is_final: false },
});

describe('the log of a command', () => {
  it('takes each event once, in order', () => {
    const log = emptyLog('c');
    expect([1, 2, 2, 1, 3].map((offset) => take(log, response(offset)))).toEqual([
      'taken',
      'taken',
      'duplicate',
      'duplicate',
      'taken',
    ]);
    expect(log.parts.map((part) => part.seq)).toEqual([1, 2, 3]);
    expect(log.duplicates).toBe(2);
  });

  it('refuses what comes too early, and takes it when its turn has come', () => {
    const log = emptyLog('c');
    expect(take(log, response(2))).toBe('gap');
    expect(log.parts).toEqual([]);
    take(log, response(1));
    expect(take(log, response(2))).toBe('taken');
  });

  it('goes on over events that it does not know', () => {
    const log = emptyLog('c');
    expect(take(log, { event: 'late', offset: 1 })).toBe('taken');
    expect(take(log, response(2))).toBe('taken');
  });

  it('knows the end', () => {
    const log = emptyLog('c');
    take(log, { event: 'status', offset: 1, state: 'running', status: 'in_progress', at: 't' });
    expect(hasEnded(log)).toBe(false);
    take(log, {
      event: 'error',
      offset: 2,
      error_code: 'timeout',
      error_message: 'Vehicle connection timeout',
    });
    take(log, { event: 'status', offset: 3, state: 'failed', status: 'failed', completed_at: 't' });
    expect(hasEnded(log)).toBe(true);
    expect(log.failures[0]?.code).toBe('timeout');
  });

  it('ends the same however the events are repeated and shuffled, as long as what is missing is fetched', () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed / 2147483648;
    };
    for (let round = 0; round < 200; round += 1) {
      const log = emptyLog('c');
      const all = Array.from({ length: 30 }, (_, i) => response(i + 1));
      for (let step = 0; step < 200; step += 1) {
        const event = all[Math.floor(random() * all.length)] as LogEvent;
        if (take(log, event) === 'gap')
          for (const missing of all.slice(log.cursor, event.offset)) take(log, missing);
      }
      for (const event of all.slice(log.cursor)) take(log, event);
      expect(log.parts.map((part) => part.seq)).toEqual(all.map((event) => event.offset));
    }
  });
});
