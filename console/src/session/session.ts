// Who is signed in. The access token lives in memory only; what renews it is in a cookie that no script reads.

import { Problem } from '../api/problem';
import { isArrival } from './sso';

export interface Me {
  user_id: string;
  username: string;
  role: string;
  email?: string | null;
}

export type SessionState = { phase: 'out'; notice?: string } | { phase: 'in'; me: Me };

interface Access {
  token: string;
  /** When to ask for the next, in ms of this machine. */
  renewAt: number;
}

/** Set while somebody is signed in here: asking without a cookie would only log a failure. */
const MARK = 'fleetwire.signed-in';
/** A token that ends sooner is not used any more. */
const MARGIN_MS = 30_000;

let access: Access | null = null;
let state: SessionState = { phase: 'out' };
let renewing: Promise<string | null> | null = null;
const listeners = new Set<() => void>();

export const session = {
  state: () => state,
  listen: (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** A token that is good for a while; `null` if nobody is signed in. */
  async token(): Promise<string | null> {
    if (access && access.renewAt > Date.now()) return access.token;
    return access || localStorage.getItem(MARK) ? renew() : null;
  },
  renew,
  /** Goes on with the session of before the page was loaded, or with the one that another provider gave. */
  async restore(): Promise<void> {
    if (isArrival(window.location)) localStorage.setItem(MARK, '1');
    if (localStorage.getItem(MARK) && (await renew())) await enter();
  },
  async signIn(username: string, password: string): Promise<void> {
    const tokens = await post('/api/v1/auth/login', { username, password, cookie: true });
    keep(tokens);
    localStorage.setItem(MARK, '1');
    await enter();
  },
  /** Ends every session of the user, and signs in with the new password. */
  async changePassword(username: string, current: string, next: string): Promise<void> {
    await post('/api/v1/auth/password', { username, current, new: next });
    await session.signIn(username, next);
  },
  async signOut(): Promise<void> {
    const token = access?.token;
    // First the page, which would be told by its socket too, and ask for a session that is over.
    leave();
    if (token) await post('/api/v1/auth/logout', undefined, token).catch(() => {});
  },
  /** The server knows this session no more. */
  lost() {
    leave('Your session has ended. Sign in to go on where you were.');
  },
};

async function enter() {
  const answer = await fetch('/api/v1/auth/me', { headers: { authorization: `Bearer ${access?.token}` } });
  if (answer.ok) say({ phase: 'in', me: (await answer.json()) as Me });
}

function leave(notice?: string) {
  access = null;
  localStorage.removeItem(MARK);
  say({ phase: 'out', notice });
}

function say(next: SessionState) {
  state = next;
  for (const listener of listeners) listener();
}

function keep(tokens: { access_token: string; expires_in: number }) {
  access = {
    token: tokens.access_token,
    renewAt: Date.now() + Math.max(tokens.expires_in * 1000 - MARGIN_MS, tokens.expires_in * 500),
  };
}

/** One at a time in all pages of this browser: a refresh token is good once. */
function renew(): Promise<string | null> {
  renewing ??= alone(exchange).finally(() => {
    renewing = null;
  });
  return renewing;
}

async function alone<T>(run: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request('fleetwire.renew', run) : run();
}

async function exchange(): Promise<string | null> {
  try {
    keep(await post('/api/v1/auth/refresh', {}));
    return access?.token ?? null;
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) {
      session.lost();
      return null;
    }
    throw error;
  }
}

async function post(path: string, body: unknown, token?: string) {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const init = { method: 'POST', headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(path, init).catch(() => {
    throw Problem.unreachable();
  });
  const said = await response.json().catch(() => null);
  if (!response.ok) throw Problem.of(said, response);
  return said as { access_token: string; expires_in: number };
}
