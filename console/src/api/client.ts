// The interface of the server, typed by its own description.

import createClient from 'openapi-fetch';
import { session } from '../session/session';
import { Problem } from './problem';
import type { components, paths } from './schema';

type Schemas = components['schemas'];
export type Vehicle = Schemas['Vehicle'];
export type Command = Schemas['Command'];
export type CatalogEntry = Schemas['CatalogEntry'];
export type Capabilities = Schemas['Capabilities'];
export type CommandResponse = Schemas['CommandResponse'];
export type Deed = Schemas['Deed'];
export type User = Schemas['User'];
export type Fleet = Schemas['Fleet'];
export type Grant = Schemas['Grant'];
export type Draft = Schemas['Draft'];
export type Session = Schemas['Session'];
export type ApiToken = Schemas['ApiToken'];
export type NewApiToken = Schemas['NewApiToken'];
export type FleetFault = Schemas['FleetFault'];
export type FaultCoverage = Schemas['FaultCoverage'];
export type FaultyVehicle = Schemas['FaultyVehicle'];
export type Permissions = Schemas['Permissions'];

/** How far the server's clock is ahead of this machine's, in ms. */
let skewMs = 0;
export const serverNow = () => Date.now() + skewMs;

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? 'http://localhost' });

api.use({
  async onRequest({ request }) {
    const token = await session.token();
    if (token) request.headers.set('authorization', `Bearer ${token}`);
    return request;
  },
  onResponse({ response }) {
    const date = Date.parse(response.headers.get('date') ?? '');
    // The header has whole seconds: what is less than two is no difference.
    if (date) skewMs = Math.abs(date - Date.now()) > 2_000 ? date - Date.now() : 0;
    if (response.status === 401) session.lost();
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer, or its problem thrown. */
export async function must<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await mustAnswer(call)).data as T;
}

/** The same with the headers. */
export async function mustAnswer<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
  const answer = await call.catch((error: unknown) => {
    throw error instanceof Problem ? error : Problem.unreachable();
  });
  if (!answer.response.ok) throw Problem.of(answer.error, answer.response);
  return answer;
}

/** Names a submission, so that a retry of it is the same one. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
