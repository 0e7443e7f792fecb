import { expect, test } from 'vitest';
import { addressBytes } from '../../src/stun/address-bytes.ts';
import { SourceLimits } from '../../src/stun/source-limits.ts';

function bytesOf(address: string): Buffer {
  const bytes = addressBytes(address);
  if (bytes === null) throw new Error(`no address: ${address}`);
  return bytes;
}

/** Takes until something is refused. @returns How many were allowed, and what refused the next. */
function exhaust(limits: SourceLimits, address: () => string, now: number): [number, string] {
  for (let taken = 0; taken < 100_000; taken++) {
    const refusal = limits.take(bytesOf(address()), now);
    if (refusal !== null) return [taken, refusal];
  }
  throw new Error('no limit');
}

test.each([
  ['192.0.2.1', '192.0.2.200', '192.0.3.1'],
  ['2001:db8:1:2::1', '2001:db8:1:ffff::5', '2001:db8:2::1'],
])('%s shares its allowance with %s and not with %s', (one, neighbour, other) => {
  const limits = new SourceLimits();
  expect(exhaust(limits, () => one, 0)).toEqual([400, 'network-limit']);
  expect(limits.take(bytesOf(neighbour), 0)).toBe('network-limit');
  expect(limits.take(bytesOf(other), 0)).toBe(null);
});

test('an allowance comes back with time', () => {
  const limits = new SourceLimits();
  exhaust(limits, () => '192.0.2.1', 0);
  expect(exhaust(limits, () => '192.0.2.1', 1_000)).toEqual([100, 'network-limit']);
});

test('however many networks ask, they are answered no more than so many times in all', () => {
  const limits = new SourceLimits();
  let i = 0;
  const next = (): string => `${10 + (i >> 16)}.${(i >> 8) & 255}.${i++ & 255}.1`;
  expect(exhaust(limits, next, 0)).toEqual([4_000, 'limit']);
  expect(exhaust(limits, next, 1_000)).toEqual([2_000, 'limit']);
});

test('a network that is refused takes nothing from the others', () => {
  const limits = new SourceLimits();
  exhaust(limits, () => '192.0.2.1', 0);
  for (let i = 0; i < 10_000; i++) limits.take(bytesOf('192.0.2.1'), 0);
  let i = 0;
  expect(exhaust(limits, () => `10.${i >> 8}.${i++ & 255}.1`, 0)).toEqual([3_600, 'limit']);
});

test('forged senders do not fill the memory', () => {
  const limits = new SourceLimits();
  for (let i = 0; i < 20_000; i++) limits.take(bytesOf(`11.${i >> 8}.${i & 255}.1`), 0);
  expect(limits.size).toBe(4_096);
});

test('networks of both families are kept apart', () => {
  const limits = new SourceLimits();
  exhaust(limits, () => '0.0.1.1', 0);
  expect(limits.take(bytesOf('0:0:1::1'), 0)).toBe(null);
});
