import {
  controlCodec,
  linkCodec,
  MAX_DEPTH,
  rendezvousCodec,
  type ControlMessage,
  type LinkState,
  type Offer,
  type Standing,
} from '@casto/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  controlBytes,
  foundBytes,
  joinRest,
  probedBytes,
  PROBE_BYTES,
  RECORD_LENGTH,
  redirectBytes,
  reportBytes,
  seekBytes,
  stateBytes,
  typicalSizes,
  wireBytes,
} from '../src/engine/message-sizes.ts';
import { indexOf, peerIdOf } from '../src/engine/peer-ids.ts';

const channel = peerIdOf(0);
const counts = fc.oneof(
  fc.integer({ min: 0, max: 30 }),
  fc.integer({ min: 200, max: 300 }),
  fc.integer({ min: 65_000, max: 0xffff }),
);
const large = fc.oneof(counts, fc.integer({ min: 0, max: 0xffffffff }));
const paths = fc.integer({ min: 0, max: MAX_DEPTH + 1 }).map((hops) => new Uint8Array(4 * hops).fill(7));
const kinds = fc.constantFrom('browser' as const, 'headless' as const);
const addresses = fc.array(
  fc.integer({ min: 0, max: 200 }).map((length) => 'a'.repeat(length)),
  { maxLength: 3 },
);
const peerIds = fc.integer({ min: 0, max: 1_000_000 }).map(peerIdOf);

const states: fc.Arbitrary<LinkState> = fc.record({
  depth: fc.option(fc.integer({ min: 0, max: MAX_DEPTH })),
  path: paths,
  freeSlots: counts,
  subtreeSlots: large,
  viewers: large,
  epoch: large,
  clockOffsetMs: fc.constantFrom(null, 0, 5, -3, -300, 70_000, 12.625_001, -1_790_000_000_000.3),
  flowing: fc.boolean(),
  delayMs: fc.option(fc.integer({ min: 0, max: 60_000 })),
  slots: counts,
  ageS: large,
  layers: fc.integer({ min: 0, max: 7 }),
  received: fc.option(fc.integer({ min: 0, max: 1_000 })),
});

const offerFields = {
  kind: kinds,
  depth: fc.integer({ min: 0, max: MAX_DEPTH }),
  delayMs: fc.integer({ min: 0, max: 60_000 }),
  freeSlots: counts,
  ageS: large,
  layers: fc.integer({ min: 0, max: 7 }),
};
const offers: fc.Arbitrary<Offer> = fc.record(offerFields);
const standings: fc.Arbitrary<Standing> = fc.record({
  ...offerFields,
  path: paths,
  epoch: large,
  flowing: fc.boolean(),
});

describe('computed sizes are those of the encoded messages', () => {
  test('state', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(stateBytes(state)).toBe(controlCodec.encode({ type: 'state', ...state }).length);
      }),
    );
  });

  test('the other messages between neighbours', () => {
    const parents = fc.array(fc.record({ peerId: peerIds, addresses }), { maxLength: 6 });
    const messages: fc.Arbitrary<ControlMessage> = fc.oneof(
      fc.record({ type: fc.constant('redirect' as const), parents }),
      fc.record({ type: fc.constant('addresses' as const), addresses }),
      fc.record({ type: fc.constant('activate' as const), layer: fc.integer({ min: 0, max: 2 }) }),
      fc.constant({ type: 'pause' as const }),
      fc.constant({ type: 'keep-alive' as const }),
      fc.record({ type: fc.constant('invite' as const), peerId: peerIds }),
    );
    fc.assert(
      fc.property(messages, (message) => {
        expect(controlBytes(message)).toBe(controlCodec.encode(message).length);
      }),
    );
    fc.assert(
      fc.property(parents, (list) => {
        expect(redirectBytes(list)).toBe(linkCodec.encode({ type: 'redirect', parents: list }).length);
      }),
    );
  });

  test('seek, found and report', () => {
    const candidates = fc.array(fc.record({ peerId: peerIds, addresses, offer: offers }), { maxLength: 12 });
    fc.assert(
      fc.property(candidates, fc.option(offers), addresses, (found, offer, own) => {
        expect(foundBytes(found)).toBe(
          rendezvousCodec.encode({ type: 'found', channel, candidates: found }).length,
        );
        const record = offer === null ? null : new Uint8Array(RECORD_LENGTH);
        expect(reportBytes(own, offer)).toBe(
          rendezvousCodec.encode({ type: 'report', channel, addresses: own, offer, record }).length,
        );
      }),
    );
    expect(seekBytes(1)).toBe(rendezvousCodec.encode({ type: 'seek', channel, layers: 1 }).length);
  });

  test('probe and its answer', () => {
    const nonce = 0xfedcba98;
    expect(PROBE_BYTES).toBe(rendezvousCodec.encode({ type: 'probe', channel, peer: channel, nonce }).length);
    fc.assert(
      fc.property(fc.option(standings), (standing) => {
        expect(probedBytes(standing)).toBe(
          rendezvousCodec.encode({ type: 'probed', channel, peer: channel, nonce, standing }).length,
        );
      }),
    );
  });

  test('join and accept', () => {
    const sizes = typicalSizes(channel);
    fc.assert(
      fc.property(kinds, paths, fc.boolean(), counts, large, (kind, path, standby, slots, ageS) => {
        const join = { kind, path, standby, slots, ageS };
        expect(sizes.join({ ...join, layers: 1 })).toBe(
          linkCodec.encode({ type: 'join', ...joinRest(channel), ...join }).length,
        );
      }),
    );
    expect(sizes.accept(3) - sizes.accept(0)).toBe(12);
  });
});

test('headers count for every packet that a message takes', () => {
  expect(wireBytes(2)).toBe(95);
  expect(wireBytes(1_150)).toBe(1_243);
  expect(wireBytes(1_151)).toBe(1_151 + 2 * 93);
});

test('ids are valid for the codecs, differ, and tell the number of their peer', () => {
  const ids = new Set<string>();
  for (let i = 0; i < 400_000; i += 37) {
    const id = peerIdOf(i);
    expect(indexOf(id)).toBe(i);
    ids.add(id);
  }
  expect(ids.size).toBe(Math.ceil(400_000 / 37));
  const message = { type: 'invite', peerId: peerIdOf(11_316_495) } as const;
  expect(controlCodec.decode(controlCodec.encode(message))).toEqual(message);
  expect(() => peerIdOf(58 ** 4)).toThrow(RangeError);
});
