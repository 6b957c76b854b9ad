// The log of one command as this page knows it: events by their offset, each once, in order, without gaps.

export interface Part {
  seq: number;
  offset: number;
  payload: unknown;
  receivedAt: string;
  isFinal: boolean;
  bytes: number;
}

export interface Change {
  offset: number;
  state: string;
  status: string;
  at: string;
  attempt?: number;
  reason?: string;
}

export interface Failure {
  offset: number;
  message: string;
  code: string;
}

export interface RunLog {
  commandId: string;
  /** The offset of the last event that was taken; the next one is `cursor + 1`. */
  cursor: number;
  parts: Part[];
  changes: Change[];
  failures: Failure[];
  duplicates: number;
  /** How often an event came too early; what lay between was fetched. */
  gaps: number;
  /** Whether everything that had happened has been delivered. */
  isLive: boolean;
  /** Why it cannot be followed any more. */
  refused?: string;
}

export type LogEvent = Record<string, unknown> & { event: string; offset: number };

export type Taken = 'taken' | 'duplicate' | 'gap';

const TERMINAL = new Set(['completed', 'failed', 'rejected', 'cancelled', 'expired', 'unknown']);

export function isTerminal(state: string | undefined): boolean {
  return state !== undefined && TERMINAL.has(state);
}

export function emptyLog(commandId: string): RunLog {
  return {
    commandId,
    cursor: 0,
    parts: [],
    changes: [],
    failures: [],
    duplicates: 0,
    gaps: 0,
    isLive: false,
  };
}

export function stateOf(log: RunLog): string | undefined {
  return log.changes.at(-1)?.state;
}

export function hasEnded(log: RunLog): boolean {
  return isTerminal(stateOf(log));
}

/** Takes an event if it is the next one. What came before is dropped, what comes too early is refused. */
export function take(log: RunLog, event: LogEvent, bytes = 0): Taken {
  if (event.offset <= log.cursor) {
    log.duplicates += 1;
    return 'duplicate';
  }
  if (event.offset > log.cursor + 1) return 'gap';
  log.cursor = event.offset;
  if (event.event === 'response') log.parts.push(part(event, bytes));
  else if (event.event === 'status') log.changes.push(change(event));
  else if (event.event === 'error') log.failures.push(failure(event));
  return 'taken';
}

function part(event: LogEvent, bytes: number): Part {
  const response = (event.response ?? {}) as Record<string, unknown>;
  return {
    seq: Number(event.sequence_number ?? response.sequence_number),
    offset: event.offset,
    payload: response.response_payload ?? event.response_payload,
    receivedAt: String(response.received_at ?? ''),
    isFinal: Boolean(response.is_final ?? event.is_final),
    bytes,
  };
}

function change(event: LogEvent): Change {
  return {
    offset: event.offset,
    state: String(event.state ?? event.status),
    status: String(event.status),
    at: String(event.at ?? event.completed_at ?? ''),
    attempt: event.attempt as number | undefined,
    reason: event.reason as string | undefined,
  };
}

function failure(event: LogEvent): Failure {
  return {
    offset: event.offset,
    message: String(event.error_message ?? ''),
    code: String(event.error_code ?? ''),
  };
}
