// Faults, worst first: icon, word and colour for the severity, the set bits of the status byte in words.

import { Grid } from '../ui/Grid';
import { SeverityMark } from '../ui/marks';
import { bySeverity, type Fault } from './faults';

export const KIND_TONES: Record<string, string> = { active: 'bad', confirmed: 'warn', pending: 'info' };
/** The bits that say what the chip does not say already. */
const BITS: Record<string, string> = {
  warningIndicatorRequested: 'lamp on',
  pendingDtc: 'pending',
  confirmedDtc: 'confirmed',
  testFailed: 'test failed',
};

interface Props {
  faults: Fault[];
  withEntity?: boolean;
  onOpen?: (fault: Fault) => void;
}

export function FaultTable({ faults, withEntity, onOpen }: Props) {
  const entity = withEntity
    ? [
        {
          name: 'Where',
          cell: (it: Fault) => <span className="mono">{shortEntity(it.entity)}</span>,
          by: (it: Fault) => it.entity,
        },
      ]
    : [];
  return (
    <Grid
      label="Faults"
      rows={[...faults].sort(bySeverity)}
      keyOf={(it) => `${it.entity} ${it.code} ${it.scope}`}
      onOpen={onOpen}
      columns={[
        {
          name: 'Severity',
          cell: (it) => <SeverityMark severity={it.severity} />,
          by: (it) => it.severity ?? '',
        },
        {
          name: 'Code',
          cell: (it) => <strong className="mono nowrap">{it.code}</strong>,
          by: (it) => it.code,
        },
        {
          name: 'Fault',
          cell: (it) => (
            <>
              {it.name}
              {it.symptom && <div className="dim small">{it.symptom}</div>}
            </>
          ),
          by: (it) => it.name,
        },
        { name: 'Status', cell: (it) => <StatusChips fault={it} />, by: (it) => it.kind ?? '' },
        ...entity,
      ]}
    />
  );
}

function StatusChips({ fault }: { fault: Fault }) {
  const bits = fault.bits.filter((bit) => BITS[bit] && BITS[bit] !== fault.kind);
  return (
    <span
      className="row tight nowrap"
      title={fault.mask && `status byte ${fault.mask}: ${fault.bits.join(', ')}`}
    >
      {fault.kind && <span className={`tag ${KIND_TONES[fault.kind] ?? ''}`}>{fault.kind}</span>}
      {bits.includes('warningIndicatorRequested') && <span className="tag warn">lamp on</span>}
    </span>
  );
}

/** The last name of an entity's path. */
export function shortEntity(entity: string): string {
  return entity.split('/').at(-1) ?? entity;
}
