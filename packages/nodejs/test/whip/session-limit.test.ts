import { expect, test } from 'vitest';
import { SessionLimit } from '../../src/whip/session-limit.ts';

test('one address takes no more than its share, and gives it back', () => {
  const limit = new SessionLimit({ all: 10, perNetwork: 2 });
  const leave = limit.enter('192.0.2.1');
  expect(limit.enter('192.0.2.1')).not.toBeNull();
  expect(limit.enter('192.0.2.1')).toBeNull();
  expect(limit.enter('192.0.2.2')).not.toBeNull();
  leave?.();
  leave?.();
  expect(limit.enter('192.0.2.1')).not.toBeNull();
  expect(limit.enter('192.0.2.1')).toBeNull();
});

test('there is a limit for all together, also for those behind a proxy of the same network', () => {
  const limit = new SessionLimit({ all: 4, perNetwork: 1 });
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '172.17.0.1', '172.17.0.1'])
    expect(limit.enter(address)).not.toBeNull();
  expect(limit.enter('127.0.0.1')).toBeNull();
  expect(limit.enter('192.0.2.1')).toBeNull();
});

test('who is refused takes no room', () => {
  const limit = new SessionLimit({ all: 2, perNetwork: 1 });
  expect(limit.enter('192.0.2.1')).not.toBeNull();
  expect(limit.enter('192.0.2.1')).toBeNull();
  expect(limit.enter('192.0.2.2')).not.toBeNull();
});
