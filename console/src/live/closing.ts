// What the end of a connection means, and how long to wait before the next.

export type Next = 'again' | 'renew' | 'forbidden' | 'later';

/** What to do after a close code of `fleetwire.v1`. */
export function afterClose(code: number): Next {
  if (code === 4401 || code === 4419) return 'renew';
  if (code === 4403) return 'forbidden';
  if (code === 4429) return 'later';
  return 'again';
}

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/** How long to wait before a try, in ms: doubling, with jitter, so that pages do not come all at once. */
export function backoff(attempt: number, random: () => number): number {
  const span = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, attempt - 1));
  return Math.round(span / 2 + (random() * span) / 2);
}
