import { describe, expect, it } from 'vitest';
import { bySeverity, reports } from './faults';

describe('faults', () => {
  it('are read from a list of SOVD with what was decoded beside it', () => {
    const payload = {
      entity: 'components/engine_ecu',
      items: [
        { code: 'P0420', fault_name: 'Catalyst', severity: 2, status: { mask: 'AF', testFailed: true } },
      ],
      decoded: [
        {
          dtc: { display_code: 'P0420' },
          status: { mask: '0xAF', testFailed: true, pendingDtc: false },
          class: 'active',
          severity: 'error',
        },
      ],
    };
    const [report] = reports(payload, undefined, 't', 'r');
    expect(report?.entity).toBe('components/engine_ecu');
    expect(report?.faults[0]).toMatchObject({
      code: 'P0420',
      severity: 'error',
      kind: 'active',
      mask: '0xAF',
      bits: ['testFailed'],
    });
  });

  it('are read from the parts of the older command', () => {
    const [report] = reports(
      { dtcCode: 'P0300', description: 'Misfire', status: 'confirmed', ecuAddress: '0x10' },
      undefined,
      't',
      'r',
    );
    expect(report?.faults[0]).toMatchObject({ entity: '0x10', code: 'P0300', kind: 'confirmed' });
  });

  it('are none where an entity says that it has none', () => {
    expect(reports({ items: [], entity: 'apps/x' }, undefined, 't', 'r')[0]?.faults).toEqual([]);
    expect(reports({ status: 'complete' }, undefined, 't', 'r')).toEqual([]);
  });

  it('come worst first', () => {
    const of = (severity: string | undefined, code: string) => ({ severity, code }) as never;
    const sorted = [of(undefined, 'a'), of('info', 'b'), of('fatal', 'c'), of('error', 'd')].sort(bySeverity);
    expect(sorted.map((it: { code: string }) => it.code)).toEqual(['c', 'd', 'b', 'a']);
  });
});
