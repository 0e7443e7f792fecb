import { KEEP_ALIVE_MS, PING_MS, STATE_MS } from '@casto/core';
import { expect, test } from 'vitest';
import { depart } from '../src/engine/exits.ts';
import { PACKET_OVERHEAD_BYTES, stateBytes } from '../src/engine/message-sizes.ts';
import { SmallWorld, STATE } from './small-world.ts';

function linked() {
  const small = new SmallWorld(20);
  const relay = small.add({ role: 'relay', reachability: 'open' });
  const child = small.add({});
  small.chain(small.streamer, relay, child);
  const { view } = small.world;
  return { small, relay, child, sent: (peer: { index: number }) => view.controlBytes(peer.index) };
}

test('what was said is said again every five seconds, and pings go both ways', () => {
  const { small, relay, child, sent } = linked();
  small.act(child, { type: 'advertise', peerId: relay.id, state: STATE });
  const before = sent(child);
  small.advance(4 * PING_MS + 100);
  const { payload, wire } = sent(child);

  const repeats = Math.floor((4 * PING_MS) / STATE_MS);
  const { ping, pong } = small.world.books.sizes;
  const bytes = repeats * stateBytes(STATE) + 4 * (ping + pong);
  expect(payload - before.payload).toBe(bytes);
  expect(wire - before.wire).toBe(bytes + (repeats + 8) * PACKET_OVERHEAD_BYTES);
});

test('reading the books changes nothing in them', () => {
  const { small, relay, child, sent } = linked();
  small.act(child, { type: 'advertise', peerId: relay.id, state: STATE });
  const other = linked();
  other.small.act(other.child, { type: 'advertise', peerId: other.relay.id, state: STATE });

  for (let i = 0; i < 100; i++) {
    small.advance(333);
    sent(child);
  }
  other.small.advance(33_300);
  expect(sent(child)).toEqual(other.sent(other.child));
});

test('a parent without media says that it is alive', () => {
  const small = new SmallWorld(20);
  const relay = small.add({ role: 'relay', reachability: 'open' });
  const spare = small.add({ role: 'relay', reachability: 'open' });
  const child = small.add({});
  small.chain(small.streamer, spare);
  small.chain(small.streamer, relay, child);
  const before = small.world.view.controlBytes(relay.index).payload;

  small.act(small.streamer, { type: 'serve', peerId: relay.id, isActive: false });
  small.advance(4_000);
  small.join(relay, spare);
  small.advance(3_000);

  const unfedMs = small.eventsOf('resumed')[0]?.tookMs ?? 0;
  expect(unfedMs).toBeGreaterThan(4_000);
  const keepAlives = Math.floor(unfedMs / KEEP_ALIVE_MS) * small.world.books.sizes.keepAlive;
  expect(small.world.view.controlBytes(relay.index).payload - before).toBeGreaterThanOrEqual(keepAlives);
});

test('the dead say nothing any more', () => {
  const { small, relay, child, sent } = linked();
  small.act(child, { type: 'advertise', peerId: relay.id, state: STATE });
  small.advance(7_000);
  depart(small.world, child, 'abrupt');
  const atDeath = sent(child);
  small.advance(60_000);
  expect(sent(child)).toEqual(atDeath);
});
