/** Signaling, set-up, messages and the end of links, in worlds of a few peers. */

import { expect, test } from 'vitest';
import { HANDLING_MS, SET_UP, SET_UP_TIMEOUT_MS } from '../src/engine/physics.ts';
import { SmallWorld, STATE } from './small-world.ts';

const DELAY = 20;

test('a link comes up after signaling over a common relay and two and a half direct round trips', () => {
  const small = new SmallWorld(DELAY);
  small.add({ role: 'relay', reachability: 'open' });
  const [parent, child] = [small.add({}), small.add({})];

  small.join(child, parent);
  small.advance(1_000);

  const leg = 2 * (DELAY + HANDLING_MS);
  expect(small.times(parent, 'asked')).toEqual([leg]);
  expect(small.times(child, 'answered')).toEqual([2 * leg]);
  const [linkedAt = 0] = small.times(child, 'linked');
  const setUpMs = linkedAt - 2 * leg - SET_UP.roundTrips * 2 * DELAY;
  expect(setUpMs).toBeGreaterThanOrEqual(SET_UP.leastMs);
  expect(setUpMs).toBeLessThanOrEqual(SET_UP.mostMs);
  expect(small.times(parent, 'linked')).toEqual([linkedAt + DELAY + HANDLING_MS]);
  expect(small.inputs(child, 'measured')[0]).toMatchObject({ rttMs: 2 * (DELAY + HANDLING_MS), offsetMs: 0 });
});

test('without a common relay signaling passes one of each', () => {
  const small = new SmallWorld(DELAY);
  const relays = [0, 1].map(() => small.add({ role: 'relay', reachability: 'open' }));
  const [parent, child] = [small.add({}), small.add({})];
  parent.contacts = relays.slice(0, 1);
  child.contacts = relays.slice(1);

  small.join(child, parent);
  small.advance(1_000);

  expect(small.times(parent, 'asked')).toEqual([3 * (DELAY + HANDLING_MS)]);
  expect(relays.map((relay) => relay.controlPayload)).toEqual([
    expect.toSatisfy((bytes: number) => bytes > 3_000),
    expect.toSatisfy((bytes: number) => bytes > 3_000),
  ]);
});

test('a pair that no connection can join learns so at both ends after four seconds', () => {
  const small = new SmallWorld(DELAY);
  small.add({ role: 'relay', reachability: 'open' });
  const [parent, child] = [small.add({ reachability: 'restricted' }), small.add({ reachability: 'hard' })];

  small.join(child, parent);
  small.advance(10_000);

  const [answeredAt = 0] = small.times(child, 'answered');
  expect(small.times(child, 'linked')).toEqual([]);
  expect(small.inputs(child, 'unlinked')).toEqual([{ type: 'unlinked', peerId: parent.id, farewell: null }]);
  expect(small.times(child, 'unlinked')).toEqual([answeredAt + SET_UP_TIMEOUT_MS]);
  expect(small.times(parent, 'unlinked')).toEqual([answeredAt + SET_UP_TIMEOUT_MS]);
  expect([parent.down.size, child.up.size]).toEqual([0, 0]);
});

test.each([
  ['hard', 'hard', false],
  ['hard', 'restricted', false],
  ['hard', 'open', true],
  ['restricted', 'restricted', true],
] as const)('NAT: %s with %s: %s', (a, b, isPossible) => {
  const small = new SmallWorld();
  const [one, other] = [small.add({ reachability: a }), small.add({ reachability: b })];

  expect(small.world.canConnect(one, other)).toBe(isPossible);
  expect(small.world.canConnect(other, one)).toBe(isPossible);
  expect(small.world.canConnect(one, small.streamer)).toBe(true);
});

test('a refusal reaches the child, and no link is left', () => {
  const small = new SmallWorld(DELAY);
  const relay = small.add({ role: 'relay', reachability: 'open' });
  const child = small.add({});
  small.core(relay).isAccepting = false;

  small.join(child, relay);
  small.advance(1_000);

  expect(small.inputs(child, 'answered')[0]?.answer).toMatchObject({ type: 'refused', reason: 'full' });
  expect([child.up.size, relay.down.size]).toEqual([0, 0]);
});

test('messages arrive in the order in which they were sent, though some are lost and sent again', () => {
  const small = new SmallWorld(DELAY);
  const relay = small.add({ role: 'relay', reachability: 'open' });
  const child = small.add({});
  small.chain(relay, child);
  const link = child.up.get(relay.index);
  Object.assign(link ?? {}, { lossShare: 0.5 });

  for (let viewers = 0; viewers < 200; viewers++) {
    small.act(child, { type: 'advertise', peerId: relay.id, state: { ...STATE, viewers } });
    small.advance(3);
  }
  small.advance(1_000);

  const heard = small.inputs(relay, 'state').map(({ state }) => state.viewers);
  expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => i));
});

test('whoever closes a link is heard with a reason, behind what was said before', () => {
  const small = new SmallWorld(DELAY);
  const relay = small.add({ role: 'relay', reachability: 'open' });
  const child = small.add({});
  small.chain(relay, child);
  const closedAt = small.world.now;

  small.act(
    child,
    { type: 'advertise', peerId: relay.id, state: STATE },
    { type: 'close', peerId: relay.id, reason: 'moved' },
  );
  small.advance(1_000);

  expect(small.times(relay, 'state')).toEqual([closedAt + DELAY + HANDLING_MS]);
  expect(small.inputs(relay, 'unlinked')).toEqual([
    { type: 'unlinked', peerId: child.id, farewell: 'moved' },
  ]);
  expect(small.inputs(child, 'unlinked')).toEqual([]);
});

test('an attempt that is given up is taken back at the parent', () => {
  const small = new SmallWorld(DELAY);
  const relay = small.add({ role: 'relay', reachability: 'open' });
  const child = small.add({});

  small.join(child, relay);
  small.advance(2 * DELAY + 10);
  small.act(child, { type: 'close', peerId: relay.id, reason: 'moved' });
  small.advance(5_000);

  expect(small.inputs(relay, 'unlinked')).toEqual([{ type: 'unlinked', peerId: child.id, farewell: null }]);
  expect(small.times(child, 'linked')).toEqual([]);
  expect(relay.down.size).toBe(0);
});

test('a probe over a relay takes the way there and back, and one to a peer that is gone is answered by the relay', () => {
  const small = new SmallWorld(DELAY);
  const relay = small.add({ role: 'relay', reachability: 'open' });
  const [target, gone, asker] = [small.add({}), small.add({}), small.add({})];
  gone.isAlive = false;

  for (const { id: peerId } of [target, gone, relay]) {
    small.act(asker, { type: 'probe', candidate: { peerId, addresses: [] } });
  }
  small.advance(1_000);

  const answers = new Map(small.inputs(asker, 'probed').map((input) => [input.peerId, input]));
  expect(answers.get(target.id)).toMatchObject({ rttMs: 4 * (DELAY + HANDLING_MS), standing: { depth: 1 } });
  expect(answers.get(relay.id)).toMatchObject({ rttMs: 2 * (DELAY + HANDLING_MS), standing: { depth: 1 } });
  expect(answers.get(gone.id)).toMatchObject({ standing: null });
});

test('directories learn what peers report and tell it to those who seek', () => {
  const small = new SmallWorld(DELAY);
  const relays = [0, 1].map(() => small.add({ role: 'relay', reachability: 'open' }));
  const [offering, seeking] = [small.add({}), small.add({})];
  offering.contacts = relays;
  seeking.contacts = relays;
  const offer = { kind: 'browser', depth: 2, delayMs: 80, freeSlots: 3, ageS: 5, layers: 1 } as const;

  small.act(offering, { type: 'report', offer });
  small.advance(100);
  small.act(seeking, { type: 'seek', layers: 1 });
  small.advance(100);

  const answers = small.inputs(seeking, 'found');
  expect(answers).toHaveLength(2);
  expect(answers.map(({ isLast }) => isLast === true)).toEqual([false, true]);
  for (const { candidates } of answers) {
    expect(candidates).toEqual([{ peerId: offering.id, addresses: offering.addresses, offer }]);
  }
});

test('what a core wants and nobody can do is told', () => {
  const small = new SmallWorld(DELAY);
  const [parent, child] = [small.add({}), small.add({})];
  small.act(
    child,
    { type: 'play', peerId: parent.id },
    { type: 'close', peerId: parent.id, reason: 'moved' },
    { type: 'advertise', peerId: parent.id, state: STATE },
  );
  expect(small.eventsOf('odd')).toMatchObject(
    ['play without a link', 'close without a link', 'advertise without a link'].map((what) => ({
      peer: child.index,
      what,
    })),
  );
});
