// The states of a run in the server's time, each with what it took.

import { span, timeOfDay, utc } from '../format/time';
import type { RunLog } from '../live/log';
import { StateMark } from '../ui/marks';

export function Timeline({ log }: { log: RunLog }) {
  return (
    <ol className="timeline" aria-label="States of the run">
      {log.changes.map((change, index) => (
        <li key={change.offset}>
          <StateMark state={change.state} isPast={index < log.changes.length - 1} />
          <time dateTime={change.at} title={utc(change.at)} className="mono dim">
            {timeOfDay(change.at)}
          </time>
          {index > 0 && <span className="small dim">+{span(log.changes[index - 1]?.at, change.at)}</span>}
          {change.reason && <span className="small dim">{change.reason}</span>}
        </li>
      ))}
    </ol>
  );
}
