// Words with a colour and a shape: none of them says anything by its colour alone.

import { age, dayAndTime, utc } from '../format/time';
import { usePresence } from '../live/live';
import { isTerminal } from '../live/log';
import { useNow } from './now';

export function Age({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <span className="dim">never</span>;
  return (
    <time dateTime={at} title={`${dayAndTime(at)} · ${utc(at)}`} className="nowrap">
      {age(at, now)}
    </time>
  );
}

const STATE_TONES: Record<string, string> = {
  completed: 'ok',
  failed: 'bad',
  rejected: 'bad',
  cancelled: '',
  expired: 'warn',
  unknown: 'odd',
  running: 'info',
  cancelling: 'warn',
  awaiting_approval: 'warn',
  dispatched: 'info',
};

/** A state; one that is past is not moving, whatever it was. */
export function StateMark({ state, isPast }: { state: string; isPast?: boolean }) {
  const isMoving = !isTerminal(state) && !isPast;
  return (
    <span className={`tag ${STATE_TONES[state] ?? ''}`}>
      <span className={`dot ${isMoving ? 'hollow pulse' : ''}`} aria-hidden />
      {state.replaceAll('_', ' ')}
    </span>
  );
}

const PRESENCE: Record<string, [string, string]> = {
  connected: ['ok', 'online'],
  disconnected: ['', 'offline'],
  error: ['bad', 'not SOVD'],
};

/** Whether a vehicle can be spoken to: what the server last said, live. */
export function PresenceMark(props: {
  id: string;
  status: string;
  at: string | null | undefined;
  withAge?: boolean;
}) {
  const live = usePresence(props.id);
  const status = live?.connection_status ?? props.status;
  const at = live?.last_seen_at ?? props.at;
  const [tone, word] = PRESENCE[status] ?? ['', status];
  return (
    <span className="row tight nowrap">
      <span className={`tag ${tone}`}>
        <span className={`dot ${status === 'connected' ? '' : 'hollow'}`} aria-hidden />
        {word}
      </span>
      {props.withAge && (
        <span className="dim small nowrap">
          seen <Age at={at} />
        </span>
      )}
    </span>
  );
}

const SEVERITIES: Record<string, [string, string, string]> = {
  fatal: ['bad', '■', 'fatal'],
  error: ['bad', '▲', 'error'],
  warning: ['warn', '◆', 'warning'],
  warn: ['warn', '◆', 'warning'],
  info: ['info', '●', 'info'],
};

export function SeverityMark({ severity }: { severity: string | null | undefined }) {
  const [tone, shape, word] = SEVERITIES[severity ?? ''] ?? ['', '○', severity ?? 'no severity'];
  return (
    <span className={`tag ${tone}`}>
      <span aria-hidden>{shape}</span>
      {word}
    </span>
  );
}

const RISKS: Record<string, [string, string]> = {
  R0: ['', 'reads'],
  R1: ['info', 'transient'],
  R2: ['warn', 'changes'],
  R3: ['bad', 'dangerous'],
};

export function RiskMark({ risk }: { risk: string }) {
  const [tone, word] = RISKS[risk] ?? ['', risk];
  return (
    <span className={`tag ${tone}`} title={`risk class ${risk}`}>
      {risk} {word}
    </span>
  );
}
