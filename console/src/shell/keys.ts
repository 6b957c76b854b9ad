// Keys that work on every page; none of them while somebody types.

import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';

const SWITCH = 'fleetwire.keys';

export const keysAreOn = () => localStorage.getItem(SWITCH) !== 'off';
export const switchKeys = (isOn: boolean) => localStorage.setItem(SWITCH, isOn ? 'on' : 'off');

const PAGES: Record<string, string> = { o: '/', v: '/vehicles', r: '/runs', f: '/faults', a: '/audit' };
/** How long the second key of a pair may take. */
const PAIR_MS = 1200;

/** What the page that is shown does on a key. */
const own = new Map<string, () => void>();

/** Does something on a key while the component is there. */
export function useKey(key: string, run: () => void) {
  useEffect(() => {
    own.set(key, run);
    return () => {
      if (own.get(key) === run) own.delete(key);
    };
  }, [key, run]);
}

interface Actions {
  palette: () => void;
  help: () => void;
  theme: () => void;
}

export function useKeys(actions: Actions) {
  const navigate = useNavigate();
  useEffect(() => {
    let wentAt = 0;
    const pressed = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
        event.preventDefault();
        actions.palette();
        return;
      }
      if (!keysAreOn() || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (Date.now() - wentAt < PAIR_MS && PAGES[event.key]) {
        wentAt = 0;
        navigate({ to: PAGES[event.key] ?? '/' });
      } else if (event.key === 'g') wentAt = Date.now();
      else if (event.key === '?') actions.help();
      else if (event.key === 't') actions.theme();
      else if (event.key === '/') press('[data-key="/"]', event, true);
      else if (event.key === '[' || event.key === ']') stepTab(event.key === ']' ? 1 : -1);
      else if (own.has(event.key) && !isCovered()) own.get(event.key)?.();
      else press(`[data-key="${CSS.escape(event.key)}"]`, event, false);
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [actions.palette, actions.help, actions.theme, navigate]);
}

/** Whether a dialog lies over the page. */
const isCovered = () => document.querySelector('[role="dialog"]') !== null;

/** A control says which key is its own. */
function press(selector: string, event: KeyboardEvent, isField: boolean) {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found || isCovered()) return;
  event.preventDefault();
  if (isField) found.focus();
  else found.click();
}

/** In the row of tabs that has the focus, else in the first. */
function stepTab(by: number) {
  const list =
    document.activeElement?.closest('[role="tablist"]') ?? document.querySelector('main [role="tablist"]');
  const tabs = [...(list?.querySelectorAll<HTMLElement>('[role="tab"]') ?? [])];
  const here = tabs.findIndex((tab) => tab.getAttribute('aria-selected') === 'true');
  tabs[(here + by + tabs.length) % tabs.length]?.click();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null
  );
}
