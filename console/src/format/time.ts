// Times as people read them: local, with the age, and the exact one to be had.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, in the largest unit that fits. */
export function age(at: string | null | undefined, now: number): string {
  if (!at) return 'never';
  const seconds = Math.max(0, Math.floor((now - Date.parse(at)) / 1000));
  if (seconds < 2) return 'now';
  if (seconds < MINUTE) return `${seconds} s ago`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  return `${Math.floor(seconds / DAY)} d ago`;
}

/** How long until then, in the largest unit that fits. */
export function within(at: string, now: number): string {
  const seconds = Math.floor((Date.parse(at) - now) / 1000);
  if (seconds < 1) return 'now';
  if (seconds < MINUTE) return `in ${seconds} s`;
  if (seconds < HOUR) return `in ${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `in ${Math.floor(seconds / HOUR)} h`;
  return `in ${Math.floor(seconds / DAY)} d`;
}

/** A span between two moments; empty if one is missing. */
export function span(from: string | null | undefined, to: string | null | undefined): string {
  if (!from || !to) return '';
  return duration(Date.parse(to) - Date.parse(from));
}

export function duration(ms: number): string {
  if (ms < 1) return '< 1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < HOUR) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / 60)} min`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const day = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });

/** The time of day with milliseconds. */
export function timeOfDay(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  return `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** Day and time of day. */
export function dayAndTime(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : `${day.format(date)}, ${clock.format(date)}`;
}

/** The moment in UTC, for those who compare with a log. */
export function utc(at: string): string {
  return at.replace('T', ' ').replace(/Z$/, ' UTC');
}
