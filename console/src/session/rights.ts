// What a role permits, to grey out in time what the server would refuse.

const SUBMITTERS = ['engineer', 'senior', 'admin'];

export function maySubmit(role: string, entry: { role: string; risk: string }): boolean {
  if (!SUBMITTERS.includes(role)) return false;
  const rank = (it: string) => SUBMITTERS.indexOf(it);
  const least = Math.max(rank(entry.role), entry.risk === 'R3' ? 1 : 0);
  return rank(role) >= least;
}

export const isDecider = (role: string) => role === 'approver' || role === 'admin';

/** Whether somebody may be the second person for a run: never for their own. */
export function mayDecide(
  me: { user_id: string; role: string },
  run: { user_id: string; state: string },
): boolean {
  return isDecider(me.role) && me.user_id !== run.user_id && run.state === 'awaiting_approval';
}

export const mayWatch = (role: string) => role !== 'auditor';
export const mayReadAudit = (role: string) => role === 'auditor' || role === 'admin';
export const mayAdminister = (role: string) => role === 'admin';

const WITHIN: Record<string, string[]> = {
  viewer: ['viewer'],
  engineer: ['viewer', 'engineer'],
  senior: ['viewer', 'engineer', 'senior'],
  approver: ['viewer', 'approver'],
  auditor: ['auditor'],
  admin: ['viewer', 'engineer', 'senior', 'approver', 'auditor', 'admin'],
};

/** The roles that permit no more than this one. */
export const rolesWithin = (role: string) => WITHIN[role] ?? [role];
