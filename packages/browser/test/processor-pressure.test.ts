/** What a page tells its tree of a busy processor. Node has no PressureObserver: this one says what a test wants. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTreePeer, type PeerId } from '@casto/core';
import { freshId } from '@casto/host/conformance/loopback-peers';
import { followProcessor } from '../src/processor-pressure.ts';

type Callback = (records: readonly { readonly state: string }[]) => void;

let observers: FakePressureObserver[] = [];

class FakePressureObserver {
  readonly say: (...states: string[]) => void;
  observed: unknown = null;
  isConnected = false;

  constructor(callback: Callback) {
    this.say = (...states) => callback(states.map((state) => ({ state })));
    observers.push(this);
  }

  async observe(source: string, options: object): Promise<void> {
    this.observed = { source, ...options };
    this.isConnected = true;
  }

  disconnect(): void {
    this.isConnected = false;
  }
}

class RefusedPressureObserver extends FakePressureObserver {
  override observe(): Promise<never> {
    return Promise.reject(new Error('not in a frame'));
  }
}

function follow(): { loads: number[]; observer: FakePressureObserver | undefined; stop: () => void } {
  const loads: number[] = [];
  const closed = new AbortController();
  followProcessor((load) => void loads.push(load), { signal: closed.signal });
  return { loads, observer: observers.at(-1), stop: () => closed.abort() };
}

beforeEach(() => {
  observers = [];
  vi.stubGlobal('PressureObserver', FakePressureObserver);
});

afterEach(() => void vi.unstubAllGlobals());

/** Places of a page that could serve eight. */
function slotsAt(self: PeerId, load: number): number {
  const options = {
    kind: 'browser',
    addresses: [],
    seed: 1,
    maxChildren: 8,
    isViewer: true,
    layers: 1,
  } as const;
  const tree = createTreePeer({ ...options, self, channel: self });
  tree.step(0, { type: 'broadcast', epoch: 1 });
  tree.step(0, { type: 'uplink', bps: 1e9 });
  tree.step(0, { type: 'processor', load });
  return tree.view(0).slots;
}

test('[C1.1] a page offers no places while its processor has no time left, and else all', async () => {
  const self = await freshId();
  const { loads, observer } = follow();
  expect(observer?.observed).toEqual({ source: 'cpu', sampleInterval: 5_000 });
  for (const state of ['nominal', 'fair', 'serious', 'critical', 'nominal']) observer?.say(state);
  expect(loads.map((load) => slotsAt(self, load))).toEqual([8, 8, 8, 0, 8]);
});

test('the last of several states counts, and none is told twice', () => {
  const { loads, observer } = follow();
  observer?.say('critical', 'fair');
  observer?.say('fair');
  observer?.say();
  expect(loads).toHaveLength(1);
  observer?.say('on fire');
  expect(loads).toHaveLength(1);
});

test('nothing is told once the page has left', () => {
  const { loads, observer, stop } = follow();
  stop();
  expect(observer?.isConnected).toBe(false);
  observer?.say('critical');
  expect(loads).toEqual([]);
});

test('a browser without it, or one that refuses, is not asked', async () => {
  vi.stubGlobal('PressureObserver', RefusedPressureObserver);
  expect(follow().loads).toEqual([]);
  vi.stubGlobal('PressureObserver', undefined);
  observers = [];
  expect(follow()).toMatchObject({ loads: [], observer: undefined });
});
