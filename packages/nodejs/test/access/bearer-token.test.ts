import { expect, test } from 'vitest';
import { bearsToken, isSameToken } from '../../src/access/bearer-token.ts';

test.each(['Bearer secret', 'bearer secret', 'BEARER   secret  '])('%j bears the token', (header) => {
  expect(bearsToken(header, 'secret')).toBe(true);
});

test.each([
  undefined,
  '',
  'secret',
  'Bearer',
  'Bearer ',
  'Bearer secrets',
  'Bearer Secret',
  'Bearer secret secret',
  'Basic secret',
  'Bearer\tsecret',
  `Bearer ${'x'.repeat(100_000)}`,
])('%j does not', (header) => {
  expect(bearsToken(header, 'secret')).toBe(false);
});

test('tokens of any length are compared, and the empty one is no other', () => {
  expect(isSameToken('secret', 'secret')).toBe(true);
  expect(isSameToken('secret', '')).toBe(false);
  expect(isSameToken('secret', 'secret'.repeat(1_000))).toBe(false);
});
