// A run as a file.

import type { Command } from '../api/client';
import { csv, sheet } from '../format/table';
import type { RunLog } from '../live/log';

export type Format = 'json' | 'ndjson' | 'csv';

const MEDIA: Record<Format, string> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
};

/** What the file holds. */
export function content(format: Format, command: Command, log: RunLog): string {
  const parts = log.parts.map((part) => ({
    sequence_number: part.seq,
    received_at: part.receivedAt,
    is_final: part.isFinal,
    response_payload: part.payload,
  }));
  if (format === 'json') {
    return `${JSON.stringify({ command, states: log.changes, errors: log.failures, responses: parts }, null, 2)}\n`;
  }
  if (format === 'ndjson') return parts.map((part) => `${JSON.stringify(part)}\n`).join('');
  return csv(
    sheet(parts.map((part) => ({ ...part, response_payload: undefined, payload: part.response_payload }))),
  );
}

export function download(format: Format, command: Command, log: RunLog) {
  const url = URL.createObjectURL(new Blob([content(format, command, log)], { type: MEDIA[format] }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${command.command_name}-${command.command_id}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
