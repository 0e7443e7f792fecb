/** Where media flows, and how its loss is noticed, in worlds of a few peers. */

import { beforeEach, describe, expect, test } from 'vitest';
import { depart } from '../src/engine/exits.ts';
import { cut, heal } from '../src/engine/faults.ts';
import {
  CONSENT_MS,
  FIRST_PICTURE_MS,
  FORGET_MS,
  HANDLING_MS,
  SILENCE,
  STARVED_MS,
} from '../src/engine/physics.ts';
import type { SimPeer } from '../src/engine/sim-peer.ts';
import { SmallWorld } from './small-world.ts';

const DELAY = 20;
const BROWSER_HOP_MS = 12;

describe('streamer, relay, viewer, viewer', () => {
  let small: SmallWorld;
  let relay: SimPeer;
  let upper: SimPeer;
  let lower: SimPeer;

  beforeEach(() => {
    small = new SmallWorld(DELAY);
    relay = small.add({ role: 'relay', reachability: 'open' });
    [upper, lower] = [small.add({}), small.add({})];
    small.chain(small.streamer, relay, upper, lower);
  });

  test('the first picture comes a delay, a hop and a key frame after the parent could send it', () => {
    const [linkedAt = 0] = small.times(upper, 'linked');
    expect(small.times(lower, 'flowing')).toEqual([
      linkedAtParent() + DELAY + BROWSER_HOP_MS + FIRST_PICTURE_MS,
    ]);
    expect(linkedAt).toBeGreaterThan(0);
    expect(small.eventsOf('joined').map(({ peer }) => peer)).toEqual([upper.index, lower.index]);

    function linkedAtParent(): number {
      const { heard } = small.core(upper);
      return heard.find(({ input }) => input.type === 'linked' && input.peerId === lower.id)?.at ?? 0;
    }
  });

  test('the books tell depth, delay, parents and children', () => {
    const { view } = small.world;
    expect([relay, upper, lower].map(({ index }) => view.depth(index))).toEqual([1, 2, 3]);
    // Streamer and upper are pages, the relay is headless.
    expect(view.pathDelayMs(lower.index)).toBe(3 * DELAY + 2 * BROWSER_HOP_MS + 1);
    expect([upper, lower].map(({ index }) => view.parentOf(index))).toEqual([relay.index, upper.index]);
    expect([relay, upper, lower].map(({ index }) => view.activeChildren(index))).toEqual([1, 1, 0]);
    expect([upper, lower].map(({ index }) => view.isFed(index))).toEqual([true, true]);
  });

  test('media sent is that of the children, for as long as they are served', () => {
    const before = small.world.view.mediaBytes(relay.index);
    small.advance(8_000);
    expect(small.world.view.mediaBytes(relay.index) - before).toBeCloseTo((8 * 2_500_000) / 8);
    expect(small.world.view.mediaBytes(lower.index)).toBe(0);
  });

  test('an abrupt death takes the media of all below, and is noticed by silence', () => {
    small.advance(1_000);
    const diedAt = small.world.now;
    const link = upper.up.get(relay.index);
    depart(small.world, relay, 'abrupt');

    const { view } = small.world;
    expect([upper, lower].map(({ index }) => view.hungrySince(index))).toEqual([diedAt, diedAt]);
    expect(view.depth(lower.index)).toBeNull();

    small.advance(20_000);
    const limitMs = Math.max(SILENCE.floorMs, SILENCE.jitters * (link?.jitterMs ?? 0));
    const [silentAt = 0] = small.times(upper, 'silent');
    expect(silentAt).toBeGreaterThanOrEqual(diedAt + DELAY + limitMs);
    expect(silentAt).toBeLessThanOrEqual(diedAt + DELAY + limitMs + SILENCE.lookMs);
    expect(small.times(upper, 'unlinked')).toEqual([silentAt + CONSENT_MS]);
    // The lower one hears its parent, which has nothing to send.
    expect(small.times(lower, 'silent')).toEqual([]);
    expect(small.times(lower, 'starved')).toEqual([diedAt + STARVED_MS]);
  });

  test('the exit of a viewer counts those below it that lose their media', () => {
    depart(small.world, upper, 'abrupt');
    expect(small.eventsOf('left')).toMatchObject([{ peer: upper.index, isAbrupt: true, disturbed: 1 }]);
  });

  test('a dead child is sent media until its parent misses its consent', () => {
    const diedAt = small.world.now;
    depart(small.world, lower, 'abrupt');
    small.advance(CONSENT_MS - 1_000);
    expect(small.world.view.activeChildren(upper.index)).toBe(1);
    small.advance(2_000);
    expect(small.world.view.activeChildren(upper.index)).toBe(0);
    expect(small.times(upper, 'unlinked')).toEqual([diedAt + DELAY + CONSENT_MS]);
  });

  test('a standby is fed as soon as its parent serves it, and the repair counts from the death', () => {
    const standby = small.add({ role: 'relay', reachability: 'open' });
    small.chain(small.streamer, standby);
    small.join(upper, standby, { standby: true });
    small.advance(2_000);
    expect(small.times(upper, 'flowing')).toHaveLength(1);

    depart(small.world, relay, 'abrupt');
    small.advance(200);
    small.act(upper, { type: 'send', peerId: standby.id, message: { type: 'activate', layer: 0 } });
    small.advance(1_000);

    // To the standby and back, a hop through a headless relay, and the picture.
    const tookMs = 200 + 2 * DELAY + HANDLING_MS + 1 + FIRST_PICTURE_MS;
    expect(small.eventsOf('repaired')).toMatchObject([{ peer: upper.index, tookMs, by: 'standby' }]);
    expect(small.eventsOf('resumed').map(({ peer }) => peer)).toEqual([upper.index, lower.index]);
    expect(small.world.view.isFed(lower.index)).toBe(true);
  });

  test('changing over to a parent that delivers is no interruption', () => {
    const other = small.add({ role: 'relay', reachability: 'open' });
    small.chain(small.streamer, other);
    small.join(upper, other);
    small.advance(2_000);

    expect(small.eventsOf('moved')).toMatchObject([{ peer: upper.index }]);
    expect(small.eventsOf('resumed')).toEqual([]);
    expect(small.world.view.parentOf(upper.index)).toBe(other.index);
  });

  test('peers that play each other have no media', () => {
    // As if the core had missed that its child is above the peer that it moves to.
    small.join(upper, lower);
    small.advance(2_000);

    const { view } = small.world;
    expect([upper, lower].map(({ index }) => view.parentOf(index))).toEqual([lower.index, upper.index]);
    expect([upper, lower].map(({ index }) => view.isFed(index))).toEqual([false, false]);
    expect(view.depth(lower.index)).toBeNull();
  });

  test('a parent that stops serving is not heard as silent', () => {
    small.act(upper, { type: 'serve', peerId: lower.id, isActive: false });
    small.advance(5_000);
    expect(small.world.view.isFed(lower.index)).toBe(false);
    expect(small.times(lower, 'silent')).toEqual([]);
  });

  test('relays forget those who are gone: at once after a word, later without', () => {
    const offer = { kind: 'browser', depth: 2, delayMs: 80, freeSlots: 3, ageS: 5, layers: 1 } as const;
    small.act(upper, { type: 'report', offer });
    small.act(lower, { type: 'report', offer });
    small.advance(100);
    expect(relay.directory?.size).toBe(2);

    depart(small.world, lower, 'graceful');
    depart(small.world, upper, 'abrupt');
    small.advance(100);
    expect(relay.directory?.size).toBe(1);
    small.advance(FORGET_MS);
    expect(relay.directory?.size).toBe(0);
  });
});

test('a full uplink gives every child its share, and says so until there is room again', () => {
  const small = new SmallWorld(DELAY);
  // Four children need 11 Mb/s.
  small.add({ role: 'relay', reachability: 'open' });
  const parent = small.add({ uplinkBps: 5.5e6, reachability: 'open' });
  small.chain(small.streamer, parent);
  const children = [0, 1, 2, 3].map(() => small.add({}));
  for (const child of children) small.join(child, parent);
  small.advance(10_000);

  const [first, , , last] = children;
  const shares = (peer: SimPeer | undefined): number[] =>
    peer === undefined
      ? []
      : small.inputs(peer, 'measured').flatMap(({ receivedShare }) => receivedShare ?? []);
  expect(shares(first).length).toBeGreaterThanOrEqual(2);
  for (const share of shares(first)) expect(share).toBeCloseTo(0.5, 1);

  for (const child of children.slice(1))
    small.act(parent, { type: 'serve', peerId: child.id, isActive: false });
  small.advance(10_000);
  expect(shares(first).at(-1)).toBeGreaterThan(0.98);
  const told = shares(first).length;
  small.advance(20_000);
  expect(shares(first)).toHaveLength(told);
  expect(small.world.view.isFed(last?.index ?? 0)).toBe(false);
});

test('of a liar that drops every second frame half arrives, of one that sends nothing nothing', () => {
  const small = new SmallWorld(DELAY);
  small.add({ role: 'relay', reachability: 'open' });
  const [half, mute] = [small.add({ lie: 'half' }), small.add({ lie: 'mute' })];
  const [ofHalf, ofMute] = [small.add({}), small.add({})];
  small.chain(small.streamer, half, ofHalf);
  small.chain(small.streamer, mute, ofMute);
  small.advance(5_000);

  expect(small.inputs(ofHalf, 'measured').at(-1)?.receivedShare).toBeCloseTo(0.5, 1);
  expect(small.times(ofMute, 'linked')).toHaveLength(1);
  expect(small.times(ofMute, 'flowing')).toEqual([]);
  expect(small.world.view.mediaBytes(mute.index)).toBe(0);
});

test('a cut silences what crosses it, and a short one is healed without new links', () => {
  const small = new SmallWorld([
    [5, 50],
    [50, 5],
  ]);
  const relay = small.add({ role: 'relay', reachability: 'open', region: 0 });
  const [near, far] = [small.add({ region: 0 }), small.add({ region: 1 })];
  small.chain(small.streamer, relay, near);
  small.chain(relay, far);

  cut(small.world, [1]);
  expect(small.world.view.canReach(near.index, far.index)).toBe(false);
  small.advance(3_000);
  expect([near, far].map(({ index }) => small.world.view.isFed(index))).toEqual([true, false]);
  expect(small.times(far, 'silent')).toHaveLength(1);

  heal(small.world, [1]);
  small.advance(20_000);
  expect(small.times(far, 'revived')).toHaveLength(1);
  expect(small.times(far, 'unlinked')).toEqual([]);
  expect(small.world.view.isFed(far.index)).toBe(true);
  expect(small.eventsOf('resumed')).toMatchObject([{ peer: far.index, tookMs: 3_000 }]);
});

test('peers of a dead relay take the next nearest, and tell it what they offer', () => {
  const small = new SmallWorld([
    [5, 50],
    [50, 5],
  ]);
  const [near, far] = [0, 1].map((region) => small.add({ role: 'relay', reachability: 'open', region }));
  const viewer = small.add({ region: 0 });
  if (near === undefined || far === undefined) throw new Error('no relays');
  const offer = { kind: 'browser', depth: 2, delayMs: 80, freeSlots: 3, ageS: 5, layers: 1 } as const;
  small.act(viewer, { type: 'report', offer });
  small.advance(100);

  depart(small.world, near, 'abrupt');
  small.act(viewer, { type: 'seek', layers: 1 });
  small.advance(3_000);

  expect(viewer.contacts).toEqual([far]);
  expect(far.directory?.size).toBe(1);
  expect(small.inputs(viewer, 'found')).toEqual([{ type: 'found', candidates: [], isLast: true }]);
});
