import { expect, test } from 'vitest';
import { ReceivedRate } from '../src/received-rate.ts';

test('a rate is known after a second, and is that of the last one', () => {
  const rate = new ReceivedRate();
  expect(rate.read(1_000, 0)).toBeNull();
  expect(rate.read(60_000, 500)).toBeNull();
  expect(rate.read(126_000, 1_000)).toBe(1_000_000);
  expect(rate.read(999_000, 1_500)).toBe(1_000_000);
  expect(rate.read(126_000, 2_000)).toBe(0);
});

test('a source that counts anew changes nothing at first', () => {
  const rate = new ReceivedRate();
  rate.read(0, 0);
  expect(rate.read(125_000, 1_000)).toBe(1_000_000);
  expect(rate.read(10, 2_000)).toBe(1_000_000);
  expect(rate.read(250_010, 3_000)).toBe(2_000_000);
});

test('nothing is known after a pause', () => {
  const rate = new ReceivedRate();
  rate.read(0, 0);
  expect(rate.read(125_000, 1_000)).toBe(1_000_000);
  expect(rate.read(1_000_000, 60_000)).toBeNull();
  expect(rate.read(1_125_000, 61_000)).toBe(1_000_000);
});
