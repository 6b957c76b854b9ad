// Whether somebody may run a command in a fleet, and why: as the server would decide.

import type { Permissions } from '../api/client';
import { maySubmit } from '../session/rights';

interface Entry {
  name: string;
  role: string;
  risk: string;
}

export function answer(
  may: Permissions,
  entry: Entry,
  fleetId: string,
  now: number,
): { isYes: boolean; why: string } {
  const no = (why: string) => ({ isYes: false, why });
  if (!may.is_active) return no('the account is disabled');
  const grant = may.fleets.find((it) => it.fleet_id === fleetId);
  if (!may.sees_all_fleets && !grant) return no('the fleet is not granted');
  if (grant?.until && !may.sees_all_fleets && Date.parse(grant.until) <= now)
    return no('the grant of the fleet has ended');
  const { name, risk, role } = entry;
  const hasRisk = may.permissions.includes(`submit_${risk.toLowerCase()}`);
  if (!hasRisk) return no(`${name} is of class ${risk}, which the role ${may.role} may not run`);
  if (!maySubmit(may.role, entry)) return no(`${name} needs the role ${role}`);
  return { isYes: true, why: `the role ${may.role} may run what is of class ${risk}` };
}
