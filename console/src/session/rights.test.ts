import { expect, test } from 'vitest';
import { mayDecide } from './rights';

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
