// Signing in by another provider: where it begins, and what comes back of it.

/** What came of it, by the code that the server puts into the address; never in words of the provider. */
const TOLD: Record<string, string> = {
  'sso-expired': 'The sign-in took too long, or was begun in another window. Try again.',
  'sso-refused': 'The provider did not let you in.',
  'sso-untrusted': 'What the provider answered could not be believed. Tell your administrator.',
  'sso-unavailable': 'The provider, or this server, does not answer right now. Try again.',
  'sso-no-role': 'You are known to the provider, and have no role here. Ask your administrator for one.',
  'sso-no-name': 'The provider does not tell a name that a user can have here.',
  'sso-name-taken': 'Another user here has your name already. Ask your administrator.',
  'sso-disabled': 'Your user has been disabled.',
};

/** What to say of a code; nothing without one. */
export function told(problem: string | undefined): string | null {
  if (!problem) return null;
  return (Object.hasOwn(TOLD, problem) && TOLD[problem]) || 'The sign-in did not work.';
}

/** Where the browser goes to sign in, and which page to come back to. */
export const departure = (start: string, next: string | undefined) =>
  next ? `${start}?next=${encodeURIComponent(next)}` : start;

/** Whether the browser has just come back with a session. */
export const isArrival = (address: { pathname: string; search: string }) =>
  address.pathname === '/login' && new URLSearchParams(address.search).get('sso') === 'in';
