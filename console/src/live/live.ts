// The link and the presence of this page, and how components look at them.

import { useEffect, useSyncExternalStore } from 'react';
import { api, must, serverNow } from '../api/client';
import { session } from '../session/session';
import { lists, useFresh } from './fresh';
import { Link, type LinkState, type SocketLike } from './link';
import type { LogEvent, RunLog } from './log';
import { Presence, type VehicleStatus } from './presence';

export const presence = new Presence();

/** Frames are not painted while nobody looks: then four times a second is enough. */
function beforePaint(run: () => void) {
  if (document.hidden) setTimeout(run, 250);
  else requestAnimationFrame(run);
}

export const link = new Link({
  open(ticket) {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const url = `${scheme}://${location.host}/ws?ticket=${encodeURIComponent(ticket)}`;
    return new WebSocket(url, ['fleetwire.v1']) as SocketLike;
  },
  ticket: async () => (await must(api.POST('/api/v1/ws-tickets', { body: {} }))).ticket,
  renew: () => session.renew().catch(() => ''),
  async page(commandId, after) {
    const token = await session.token();
    const answer = await fetch(`/api/v1/commands/${commandId}/events?after=${after}&wait=0`, {
      headers: { accept: 'application/json', authorization: `Bearer ${token}` },
    });
    return ((await answer.json()) as { events: LogEvent[] }).events;
  },
  later(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  frame: beforePaint,
  now: serverNow,
  random: () => Math.random(),
  onVehicle(status: VehicleStatus) {
    if (presence.take(status)) lists.vehiclesMoved();
  },
  onRuns: (vehicleId) => lists.runsMoved(vehicleId),
});

export function useLink(): LinkState {
  return useSyncExternalStore(link.listen, link.state);
}

/** Follows a command while the component is there. */
export function useRun(commandId: string | undefined): RunLog | undefined {
  useEffect(() => (commandId ? link.follow(commandId) : undefined), [commandId]);
  return useSyncExternalStore(link.listen, () => (commandId ? link.log(commandId) : undefined));
}

export function usePresence(vehicleId: string): VehicleStatus | undefined {
  return useSyncExternalStore(presence.listen, () => presence.of(vehicleId));
}

/** Keeps the link up while somebody is signed in, and wakes it when the page comes back. */
export function useLinkWhile(fleets: string[] | undefined) {
  useFresh(useLink().phase === 'live');
  useEffect(() => {
    const wake = () => {
      if (!document.hidden) link.wake();
    };
    link.start();
    document.addEventListener('visibilitychange', wake);
    addEventListener('online', wake);
    return () => {
      document.removeEventListener('visibilitychange', wake);
      removeEventListener('online', wake);
      link.stop();
      presence.clear();
    };
  }, []);
  useEffect(() => {
    for (const id of fleets ?? []) link.followChannel(`fleet:${id}`);
  }, [fleets]);
}
