import { describe, expect, it } from 'vitest';
import type { Permissions } from '../api/client';
import { answer } from './answer';

const mia: Permissions = {
  user_id: 'mia',
  role: 'engineer',
  is_active: true,
  permissions: ['watch', 'see_parameters', 'submit_r0', 'submit_r1', 'submit_r2'],
  sees_all_fleets: false,
  fleets: [{ fleet_id: 'ours' }, { fleet_id: 'past', until: '2026-11-22T10:00:00Z' }],
};
const now = Date.parse('2026-11-22T11:00:00Z');
const read = { name: 'faults.list', role: 'engineer', risk: 'R0' };

describe('whether somebody may', () => {
  it('is yes in a fleet that is granted', () => {
    expect(answer(mia, read, 'ours', now).isYes).toBe(true);
  });
  it('is no elsewhere, and where the grant has ended', () => {
    expect(answer(mia, read, 'theirs', now).why).toContain('not granted');
    expect(answer(mia, read, 'past', now).why).toContain('has ended');
  });
  it('is no for what is too dangerous, or needs more than its class', () => {
    expect(answer(mia, { ...read, risk: 'R3' }, 'ours', now).isYes).toBe(false);
    expect(answer(mia, { ...read, role: 'senior' }, 'ours', now).why).toContain('needs the role senior');
  });
  it('is no for who is disabled', () => {
    expect(answer({ ...mia, is_active: false }, read, 'ours', now).isYes).toBe(false);
  });
});
