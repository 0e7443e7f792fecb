import { expect, test } from 'vitest';

import { ScreenLock } from '../src/session/screen-lock.ts';

/** Gives locks when it is told to, and takes them away with the page. */
class FakeSystem {
  readonly page = new FakePage();
  readonly locks: FakeLock[] = [];
  #waiting: ((lock: FakeLock) => void)[] = [];

  readonly wakeLock = {
    request: () => new Promise<FakeLock>((resolve) => this.#waiting.push(resolve)),
  };

  get held(): number {
    return this.locks.filter(({ released }) => !released).length;
  }

  get asked(): number {
    return this.#waiting.length;
  }

  async give(): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) {
      const lock = new FakeLock();
      this.locks.push(lock);
      resolve(lock);
    }
    await Promise.resolve();
    await Promise.resolve();
  }

  show(visibilityState: DocumentVisibilityState): void {
    if (visibilityState === 'hidden') for (const lock of this.locks) lock.released = true;
    this.page.visibilityState = visibilityState;
    this.page.dispatchEvent(new Event('visibilitychange'));
  }
}

class FakePage extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible';
}

class FakeLock extends EventTarget implements WakeLockSentinel {
  readonly type = 'screen';
  onrelease = null;
  released = false;

  async release(): Promise<undefined> {
    this.released = true;
  }
}

test('a broadcast holds the screen until it ends', async () => {
  const system = new FakeSystem();
  const lock = new ScreenLock(system);
  lock.hold();
  await system.give();
  expect(system.held).toBe(1);
  lock.release();
  expect(system.held).toBe(0);
});

test('a lock that comes after the end is given back', async () => {
  const system = new FakeSystem();
  const lock = new ScreenLock(system);
  lock.hold();
  lock.release();
  await system.give();
  expect(system.locks).toHaveLength(1);
  expect(system.held).toBe(0);
});

test('whoever ends and begins while a lock is on its way holds one, and gives back that one', async () => {
  const system = new FakeSystem();
  const lock = new ScreenLock(system);
  lock.hold();
  lock.release();
  lock.hold();
  await system.give();
  expect(system.held).toBe(1);
  lock.release();
  expect(system.held).toBe(0);
});

test('a page that is seen again takes the lock again, and one that ended does not', async () => {
  const system = new FakeSystem();
  const lock = new ScreenLock(system);
  lock.hold();
  await system.give();
  system.show('hidden');
  expect([system.held, system.asked]).toEqual([0, 0]);
  system.show('visible');
  await system.give();
  expect(system.held).toBe(1);
  lock.release();
  system.show('hidden');
  system.show('visible');
  expect(system.asked).toBe(0);
});

test('a browser without locks, or that refuses one, is none the worse for it', async () => {
  const page = new FakeSystem().page;
  new ScreenLock({ page, wakeLock: undefined }).hold();
  const request = () => Promise.reject(new DOMException('no battery', 'NotAllowedError'));
  const lock = new ScreenLock({ page, wakeLock: { request } });
  lock.hold();
  await Promise.resolve();
  lock.release();
});
