// One clock for all ages on the page: it ticks once a second, and only while somebody looks.

import { useSyncExternalStore } from 'react';
import { serverNow } from '../api/client';

let now = serverNow();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick() {
  if (document.hidden) return;
  now = serverNow();
  for (const listener of listeners) listener();
}

function listen(listener: () => void) {
  listeners.add(listener);
  now = serverNow();
  timer ??= setInterval(tick, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The server's time in ms, to the second. */
export function useNow(): number {
  return useSyncExternalStore(listen, () => now);
}
