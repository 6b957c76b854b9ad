import { expect, test } from 'vitest';
import { departure, isArrival, told } from './sso';

test('a code is told in words of ours, whatever it is', () => {
  expect(told(undefined)).toBeNull();
  expect(told('sso-no-role')).toContain('no role');
  expect(told('<b>hello</b>')).toBe('The sign-in did not work.');
  expect(told('toString')).toBe('The sign-in did not work.');
});

test('the page to come back to goes along', () => {
  expect(departure('/auth/oidc/start', undefined)).toBe('/auth/oidc/start');
  expect(departure('/auth/oidc/start', '/runs?a=b&c=d')).toBe(
    '/auth/oidc/start?next=%2Fruns%3Fa%3Db%26c%3Dd',
  );
});

test('only the sign-in page is come back to', () => {
  expect(isArrival({ pathname: '/login', search: '?sso=in&next=%2Fruns' })).toBe(true);
  expect(isArrival({ pathname: '/login', search: '?problem=sso-refused' })).toBe(false);
  expect(isArrival({ pathname: '/runs', search: '?sso=in' })).toBe(false);
});
