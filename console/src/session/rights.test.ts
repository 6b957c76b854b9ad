import { expect, test } from 'vitest';
import { mayDecide, rolesWithin } from './rights';

const theirs = { user_id: 'erika', state: 'awaiting_approval' };

test('approvers and admins decide about what others have submitted', () => {
  for (const role of ['approver', 'admin']) expect(mayDecide({ user_id: 'anna', role }, theirs)).toBe(true);
  for (const role of ['viewer', 'engineer', 'senior', 'auditor']) {
    expect(mayDecide({ user_id: 'anna', role }, theirs)).toBe(false);
  }
});

test('nobody decides about their own, or about what waits for nobody', () => {
  expect(mayDecide({ user_id: 'erika', role: 'admin' }, theirs)).toBe(false);
  expect(mayDecide({ user_id: 'anna', role: 'admin' }, { ...theirs, state: 'queued' })).toBe(false);
});

test('a token may be of no role that permits more than its owner may', () => {
  expect(rolesWithin('senior')).toEqual(['viewer', 'engineer', 'senior']);
  expect(rolesWithin('auditor')).toEqual(['auditor']);
  expect(rolesWithin('approver')).not.toContain('engineer');
});
