import { dayAndTime, utc, within } from '../format/time';
import { useNow } from './now';

/** How long until a moment; the exact one on hover. */
export function Until({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={`${dayAndTime(at)} · ${utc(at)}`} className="nowrap">
      {within(at, now)}
    </time>
  );
}
