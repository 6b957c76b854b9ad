// A word about what was done and cannot be seen: copied, exported.

import { useSyncExternalStore } from 'react';

let word = '';
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function say(next: string) {
  word = next;
  for (const listener of listeners) listener();
}

export function tell(next: string) {
  clearTimeout(timer);
  say(next);
  timer = setTimeout(() => say(''), 2500);
}

function listen(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Told() {
  const shown = useSyncExternalStore(listen, () => word);
  return (
    <div className={`told ${shown ? '' : 'empty'}`} role="status">
      {shown}
    </div>
  );
}
