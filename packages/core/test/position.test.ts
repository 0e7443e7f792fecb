/** Short ids, paths, depth, loops, and what a position makes of a neighbour's claims (K4.3 to K4.6, L5). */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_DEPTH } from '../src/config.ts';
import { controlCodec, type LinkState } from '../src/control-messages.ts';
import { MalformedError } from '../src/errors.ts';
import { decodePath, encodePath, isPeerId, shortId, type PeerId, type ShortId } from '../src/peer-id.ts';
import { closesLoop, detachedPosition, linkState, positionBelow, rootPosition } from '../src/position.ts';
import type { Load, Position } from '../src/position.ts';
import type { PeerKind } from '../src/link-messages.ts';
import { peerIdOfKey } from './base58.ts';
import { LonePeer, word } from './lone-peer.ts';
import { ruleText } from './protocol-document.ts';
import { peerIds } from './value-grammar.ts';

const EPOCH = 1_700_000_000;
const LOAD: Load = {
  slots: 4,
  freeSlots: 1,
  subtreeSlots: 2,
  viewers: 3,
  flowing: true,
  ageS: 60,
  layers: 0b001,
};
/** A parent whose clock is 7 ms ahead, 20 ms away. */
const LINK = { offsetMs: 7, delayMs: 20 };

function peer(number: number): PeerId {
  const id = peerIdOfKey(new Uint8Array(32).fill(number));
  if (!isPeerId(id)) throw new Error('not an id');
  return id;
}

/** What the peer at `position` tells, as it arrives. */
function told(position: Position, load = LOAD): LinkState {
  const message = controlCodec.decode(controlCodec.encode({ type: 'state', ...linkState(position, load) }));
  if (message?.type !== 'state') throw new Error('not a state');
  return message;
}

/** Positions from the streamer, peer 0, down to `depth`, each 7 ms behind the next one's clock. */
function chain(depth: number): Position[] {
  const positions = [rootPosition(peer(0), EPOCH)];
  for (let i = 1; i <= depth; i++) {
    const above = positions.at(-1);
    positions.push(positionBelow(peer(i), above ? told(above) : null, LINK));
  }
  return positions;
}

describe('short ids', () => {
  test('[K4.3] are the FNV-1a hash of the text', () => {
    fc.assert(
      fc.property(peerIds, (id) => {
        let hash = 0x811c9dc5n;
        for (const char of id) hash = ((hash ^ BigInt(char.charCodeAt(0))) * 0x01000193n) % 2n ** 32n;
        expect(isPeerId(id) && shortId(id)).toBe(Number(hash));
      }),
    );
  });

  test('[K4.3] take four bytes in a path, highest first', () => {
    expect([...encodePath([0x01020304 as ShortId, 0xfffefdfc as ShortId])]).toEqual([
      1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc,
    ]);
  });

  test('[K4.3] come out of a path as they went in', () => {
    const ids = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 13 });
    fc.assert(
      fc.property(ids, (numbers) => {
        const path = numbers.map((number) => number as ShortId);
        // The path may stand anywhere in the buffer that it came in.
        const buffer = Uint8Array.from([9, ...encodePath(path)]);
        expect(decodePath(buffer.subarray(1), 13)).toEqual(path);
      }),
    );
  });

  test('[K4.3] a cut path and one that is too long are refused', () => {
    expect(() => decodePath(new Uint8Array(5), 13)).toThrow(MalformedError);
    expect(() => decodePath(new Uint8Array(4 * 14), 13)).toThrow(MalformedError);
  });
});

describe('depth and path', () => {
  test('[L5.3] of a joiner are those of its parent and one more', () => {
    const positions = chain(MAX_DEPTH);
    positions.forEach(({ depth, path, epoch }, i) => {
      expect(depth).toBe(i);
      expect(path).toEqual(Array.from({ length: i + 1 }, (_, above) => shortId(peer(above))));
      expect(epoch).toBe(EPOCH);
    });
  });

  test('[L5.1] end at depth 12', () => {
    const deepest = chain(MAX_DEPTH).at(-1);
    expect(deepest?.depth).toBe(12);
    expect(positionBelow(peer(99), deepest ? told(deepest) : null, LINK)).toEqual(detachedPosition(peer(99)));
  });

  test('[L5.2] a parent at or below the joiner closes a loop, another does not', () => {
    const [, , , parent] = chain(3);
    if (parent === undefined) throw new Error('no parent');
    for (const above of [0, 1, 2, 3]) expect(closesLoop(parent, peer(above))).toBe(true);
    expect(closesLoop(parent, peer(4))).toBe(false);
    expect(closesLoop(detachedPosition(peer(5)), peer(5))).toBe(true);
  });

  test('[L5.4] two peers that have joined each other are both detached', () => {
    const [, a, b] = chain(2);
    if (a === undefined || b === undefined) throw new Error('no peers');
    expect(positionBelow(peer(1), told(b), LINK)).toEqual(detachedPosition(peer(1)));
  });

  test('[K4.4] of a detached peer are null and itself', () => {
    expect(detachedPosition(peer(3))).toMatchObject({
      depth: null,
      path: [shortId(peer(3))],
      clockOffsetMs: null,
      delayMs: null,
    });
    expect(positionBelow(peer(3), null, LINK)).toEqual(detachedPosition(peer(3)));
    expect(positionBelow(peer(3), told(detachedPosition(peer(2))), LINK)).toEqual(detachedPosition(peer(3)));
  });

  test('[K4.4] a parent whose path does not fit its depth has no place', () => {
    const state = told(rootPosition(peer(0), EPOCH));
    for (const depth of [1, 5, 11]) {
      expect(positionBelow(peer(3), { ...state, depth }, LINK)).toEqual(detachedPosition(peer(3)));
    }
    const long = { ...state, path: encodePath(Array.from({ length: 13 }, () => 1 as ShortId)) };
    expect(positionBelow(peer(3), long, LINK)).toEqual(detachedPosition(peer(3)));
  });

  test('[K4.4] a state with a cut path is refused', () => {
    const state = linkState(rootPosition(peer(0), EPOCH), LOAD);
    const bytes = controlCodec.encode({ type: 'state', ...state, path: new Uint8Array(7) });
    expect(() => controlCodec.decode(bytes)).toThrow('(wrong-shape)');
  });

  test('[K4.4] whatever a neighbour claims, what is passed on can be read', () => {
    const claims = fc.record({
      depth: fc.option(fc.nat({ max: 12 })),
      ids: fc.array(fc.nat(), { maxLength: 13 }),
      clockOffsetMs: fc.option(fc.double({ min: -1e15, max: 1e15, noNaN: true })),
      delayMs: fc.option(fc.nat({ max: 60_000 })),
      linkOffsetMs: fc.option(fc.double({ noNaN: true })),
      linkDelayMs: fc.double({ min: 0, noNaN: true }),
    });
    fc.assert(
      fc.property(claims, ({ depth, ids, clockOffsetMs, delayMs, linkOffsetMs, linkDelayMs }) => {
        const path = encodePath(ids.map((id) => id as ShortId));
        const state = { ...told(rootPosition(peer(0), EPOCH)), depth, path, clockOffsetMs, delayMs };
        const link = { offsetMs: linkOffsetMs, delayMs: linkDelayMs };
        const below = positionBelow(peer(3), state, link);
        const { clockOffsetMs: offsetMs, delayMs: belowMs } = below;
        expect(told(below)).toMatchObject({ depth: below.depth, clockOffsetMs: offsetMs, delayMs: belowMs });
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('clock offset', () => {
  test('[K4.5] adds up along the path', () => {
    expect(chain(4).map(({ clockOffsetMs }) => clockOffsetMs)).toEqual([0, 7, 14, 21, 28]);
  });

  test('[K4.5] is unknown while one link is', () => {
    const [root] = chain(0);
    if (root === undefined) throw new Error('no root');
    const unmeasured = positionBelow(peer(1), told(root), { ...LINK, offsetMs: null });
    expect(unmeasured).toMatchObject({ depth: 1, clockOffsetMs: null });
    expect(positionBelow(peer(2), told(unmeasured), LINK)).toMatchObject({ depth: 2, clockOffsetMs: null });
  });

  test('[K4.5] is unknown when its sum could not be told', () => {
    const state = { ...told(rootPosition(peer(0), EPOCH)), clockOffsetMs: 1e15 };
    expect(positionBelow(peer(1), state, { ...LINK, offsetMs: 1 })).toMatchObject({
      depth: 1,
      clockOffsetMs: null,
    });
    expect(positionBelow(peer(1), state, { ...LINK, offsetMs: -1 })).toMatchObject({
      clockOffsetMs: 1e15 - 1,
    });
  });
});

describe('delay', () => {
  test('[K4.7] adds up along the path', () => {
    expect(chain(4).map(({ delayMs }) => delayMs)).toEqual([0, 20, 40, 60, 80]);
  });

  test('[K4.7] is whole, begins at nothing below a parent that has none, and ends at its limit', () => {
    const state = told(rootPosition(peer(0), EPOCH));
    const below = (delayMs: number | null, linkMs: number): number | null =>
      positionBelow(peer(1), { ...state, delayMs }, { offsetMs: 0, delayMs: linkMs }).delayMs;
    expect(below(30, 20.6)).toBe(51);
    expect(below(null, 20)).toBe(20);
    expect(below(59_990, 20)).toBe(60_000);
    expect(below(0, Infinity)).toBe(60_000);
  });

  test('[K4.7] grows by half of the round trip, and by 12 ms for a page or 1 ms for a headless relay', () => {
    const delayBelow = (kind: PeerKind): number | null =>
      new LonePeer().attach(2, word(2, { delayMs: 50 }), kind).view.delayMs;
    expect(delayBelow('browser')).toBe(50 + 40 / 2 + 12);
    expect(delayBelow('headless')).toBe(50 + 40 / 2 + 1);
    expect(ruleText('K4.7')).toContain('12 ms for a parent that is a page or 1 ms for a headless one');
  });
});

test('[K4.6] slots, viewers and age stop at their limits', () => {
  const load = {
    ...LOAD,
    slots: 70_000,
    freeSlots: 70_000,
    subtreeSlots: 2 ** 33,
    viewers: 2 ** 40,
    ageS: 2 ** 50,
  };
  expect(told(rootPosition(peer(0), EPOCH), load)).toMatchObject({
    slots: 65_535,
    ageS: 4_294_967_295,
    freeSlots: 65_535,
    subtreeSlots: 4_294_967_295,
    viewers: 4_294_967_295,
  });
});
