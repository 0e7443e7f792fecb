import { expect, test } from 'vitest';
import { NetworkShare } from '../../src/access/network-share.ts';

test('a network takes no more than its share, and gives it back once', () => {
  const share = new NetworkShare(2);
  const leave = share.enter('192.0.2.1');
  expect(share.enter('::ffff:192.0.2.1')).not.toBeNull();
  expect(share.enter('192.0.2.1')).toBeNull();
  expect(share.enter('192.0.2.2')).not.toBeNull();
  leave?.();
  leave?.();
  expect(share.enter('192.0.2.1')).not.toBeNull();
  expect(share.enter('192.0.2.1')).toBeNull();
});

test('all addresses of a /64 share', () => {
  const share = new NetworkShare(1);
  expect(share.enter('2001:db8:1:2::1')).not.toBeNull();
  expect(share.enter('2001:db8:1:2:ffff::2')).toBeNull();
  expect(share.enter('2001:db8:1:3::1')).not.toBeNull();
});

test('nothing is kept of networks that have left', () => {
  const share = new NetworkShare(2);
  const leaving = ['192.0.2.1', '192.0.2.1', '192.0.2.2', '127.0.0.1'].map((from) => share.enter(from));
  expect(share.networks).toBe(2);
  for (const leave of leaving) leave?.();
  expect(share.networks).toBe(0);
});
