// The parameters of a run, as far as they are shown: who only watches sees none.

import type { Command } from '../api/client';

export function paramsOf(run: Command): Record<string, unknown> {
  return (run.command_params as Record<string, unknown> | null | undefined) ?? {};
}

/** The entity that a run is about; `undefined` if it names none. */
export function entityOf(run: Command): string | undefined {
  const { entity } = paramsOf(run);
  return typeof entity === 'string' ? entity : undefined;
}
