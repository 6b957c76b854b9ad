// What of a run is compared with another: faults by where and which they are, everything else by its own names.

import type { Command } from '../api/client';
import { readsFaults, reports } from '../faults/faults';
import type { RunLog } from '../live/log';
import { entityOf } from './params';

export function comparable(command: Command, log: RunLog): unknown {
  if (readsFaults(command.command_name)) return faults(command, log);
  return log.parts.map((part) => part.payload);
}

function faults(command: Command, log: RunLog): unknown {
  const found = log.parts.flatMap((part) =>
    reports(part.payload, entityOf(command), part.receivedAt, command.command_id).flatMap((it) => it.faults),
  );
  return Object.fromEntries(
    found.map(({ entity, code, name, severity, kind, mask, symptom }) => [
      `${entity} ${code}`,
      { name, severity, status: kind, mask, symptom },
    ]),
  );
}
