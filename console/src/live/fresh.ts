// Which kept answers are old when something has moved, and the clock that stands in for a server that cannot say.

import { useEffect } from 'react';
import { client } from '../api/cache';
import type { RunFilter } from '../api/queries';
import { Lists, type Moved } from './lists';

/** While the link is up, what it may have lost is looked for this often; while it is down, this is all there is. */
const LIVE_MS = 60_000;
const DOWN_MS = 15_000;

export const lists = new Lists(forget, (run, ms) => setTimeout(run, ms));

function forget({ runs, vehicles }: Moved) {
  // A page that nobody looks at asks when it is looked at again.
  const refetchType = document.hidden ? 'none' : 'active';
  if (vehicles) client.invalidateQueries({ queryKey: ['vehicles'], refetchType });
  // A run that has ended may have read faults.
  client.invalidateQueries({ queryKey: ['faults'], refetchType });
  client.invalidateQueries({
    queryKey: ['runs'],
    refetchType,
    predicate: ({ queryKey }) => {
      const { vehicle } = queryKey[1] as RunFilter;
      return runs === 'all' || (vehicle ? runs.has(vehicle) : runs.size > 0);
    },
  });
}

/** Asks by the clock: seldom while the server says what moves, often while it cannot. */
export function useFresh(isLive: boolean) {
  useEffect(() => {
    if (isLive) lists.anythingMoved();
    const timer = setInterval(() => lists.anythingMoved(), isLive ? LIVE_MS : DOWN_MS);
    return () => clearInterval(timer);
  }, [isLive]);
}
