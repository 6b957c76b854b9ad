// Faults as vehicles report them: one shape out of the answers of all commands that read them.

export interface Fault {
  entity: string;
  code: string;
  name: string;
  severity: string | undefined;
  /** active, confirmed, pending, history or none. */
  kind: string | undefined;
  scope: string | undefined;
  symptom: string | undefined;
  mask: string | undefined;
  /** The bits that are set, by their names in ISO 14229. */
  bits: string[];
}

/** What a run has said about the faults of one entity. */
export interface Report {
  entity: string;
  faults: Fault[];
  at: string;
  runId: string;
}

interface Item {
  code?: string;
  display_code?: string;
  fault_name?: string;
  severity?: number;
  scope?: string;
  symptom?: unknown;
  status?: Record<string, unknown>;
}

interface Decoded {
  dtc?: { display_code?: string };
  status?: Record<string, unknown>;
  class?: string;
  severity?: string;
}

const SEVERITIES = ['', 'fatal', 'error', 'warning', 'info'];
const RANKS = ['fatal', 'error', 'warning', 'warn', 'info'];
const READERS = ['faults.list', 'faults.scan', 'faults.get', 'vehicle.health', 'ReadDTC'];

/** Whether the answers of a command are about faults. */
export function readsFaults(command: string): boolean {
  return READERS.includes(command);
}

/** The reports in the payload of one part; `about` is the entity that the command was for. */
export function reports(payload: unknown, about: string | undefined, at: string, runId: string): Report[] {
  const said = payload as Record<string, unknown> | null;
  if (!said || typeof said !== 'object') return [];
  const entity = String(said.entity ?? said.ecuAddress ?? about ?? 'vehicle');
  const inner = (said.faults ?? said) as { items?: unknown; decoded?: unknown; item?: unknown };
  if (Array.isArray(inner.items)) {
    const decoded = Array.isArray(inner.decoded) ? (inner.decoded as Decoded[]) : [];
    const faults = (inner.items as Item[]).map((item, index) => fault(entity, item, decoded[index]));
    return [{ entity, faults, at, runId }];
  }
  if (typeof inner.item === 'object' && inner.item !== null) {
    return [{ entity, faults: [fault(entity, inner.item as Item, inner.decoded as Decoded)], at, runId }];
  }
  if (typeof said.dtcCode === 'string') return [{ entity, faults: [inherited(entity, said)], at, runId }];
  return [];
}

function fault(entity: string, item: Item, decoded: Decoded | undefined): Fault {
  const status = decoded?.status ?? item.status ?? {};
  const mask = status.mask ?? item.status?.mask;
  return {
    entity,
    code: decoded?.dtc?.display_code ?? item.display_code ?? item.code ?? '?',
    name: item.fault_name ?? '',
    severity: decoded?.severity ?? SEVERITIES[item.severity ?? 0] ?? undefined,
    kind: decoded?.class,
    scope: item.scope,
    symptom: typeof item.symptom === 'string' ? item.symptom : undefined,
    mask: mask === undefined ? undefined : String(mask).replace(/^(0x)?/i, '0x'),
    bits: Object.keys(status).filter((bit) => status[bit] === true),
  };
}

/** A part of `ReadDTC`. */
function inherited(entity: string, said: Record<string, unknown>): Fault {
  return {
    entity,
    code: String(said.dtcCode),
    name: String(said.description ?? ''),
    severity: undefined,
    kind: said.status === undefined ? undefined : String(said.status),
    scope: undefined,
    symptom: undefined,
    mask: undefined,
    bits: [],
  };
}

/** The worst first, then what is active, then by code. */
export function bySeverity(a: Fault, b: Fault): number {
  const rank = (it: Fault) => (RANKS.indexOf(it.severity ?? '') + RANKS.length + 1) % (RANKS.length + 1);
  const activity = (it: Fault) => (it.kind === 'active' ? 0 : 1);
  return rank(a) - rank(b) || activity(a) - activity(b) || a.code.localeCompare(b.code);
}
