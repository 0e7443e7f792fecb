/** PROTOCOL.md, J4, P2, C1 and F3: what is computed, for all values. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bans } from '../src/tree/bans.ts';
import { createDirectory } from '../src/tree/directory.ts';
import { Roster } from '../src/tree/roster.ts';
import { childStrength, loadScore, log2, parentCost, type ParentQualities } from '../src/tree/scores.ts';
import { correctSlots, measuredSlots, type SlotConditions } from '../src/tree/slots.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import { MAX_FOUND_PEERS } from '../src/config.ts';
import { id, offered, START } from './lone-peer.ts';

const { uplinkShare, packetOverhead, banMs, longestBanMs, maxBans, roster: rosterSize } = TREE_DEFAULTS;

const share = fc.double({ min: 0, max: 1, noNaN: true });
const kind = fc.constantFrom('browser' as const, 'headless' as const);
const ageS = fc.nat({ max: 0xffffffff });

const qualities: fc.Arbitrary<ParentQualities> = fc.record({
  kind,
  depth: fc.nat({ max: 12 }),
  delayMs: fc.nat({ max: 60_000 }),
  ageS,
  rttMs: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
  lossShare: share,
  receivedShare: share,
});

describe('the cost of a parent', () => {
  test('[J4.1] is the sum of its parts, and the same each time', () => {
    fc.assert(
      fc.property(qualities, (parent) => {
        const cost = parentCost(parent);
        const { totalMs, delayMs, hopsMs, lossMs, stabilityMs } = cost;
        expect(totalMs).toBe(delayMs + hopsMs + lossMs + stabilityMs);
        expect(Number.isFinite(totalMs)).toBe(true);
        expect(parentCost(Object.freeze({ ...parent }))).toEqual(cost);
      }),
    );
  });

  test.each(['delayMs', 'lossShare', 'rttMs'] as const)('[J4.1] never falls with more %s', (quality) => {
    fc.assert(
      fc.property(qualities, qualities, (parent, other) => {
        const [less, more] = [parent[quality] ?? 0, other[quality] ?? 0].sort((a, b) => a - b);
        const cost = (value: number | undefined) => parentCost({ ...parent, [quality]: value }).totalMs;
        expect(cost(more)).toBeGreaterThanOrEqual(cost(less));
      }),
    );
  });

  test('[J4.1] never falls with more hops, and never rises with age or media received', () => {
    fc.assert(
      fc.property(qualities, qualities, (a, b) => {
        const deeper = Math.max(a.depth, b.depth);
        const nearer = Math.min(a.depth, b.depth);
        const cost = (changes: Partial<ParentQualities>) => parentCost({ ...a, ...changes }).totalMs;
        expect(cost({ depth: deeper })).toBeGreaterThanOrEqual(cost({ depth: nearer }));
        expect(cost({ ageS: Math.max(a.ageS, b.ageS) })).toBeLessThanOrEqual(
          cost({ ageS: Math.min(a.ageS, b.ageS) }),
        );
        const [little, much] = [a.receivedShare, b.receivedShare].sort((x, y) => x - y);
        expect(cost({ receivedShare: much ?? 1 })).toBeLessThanOrEqual(cost({ receivedShare: little ?? 1 }));
      }),
    );
  });
});

describe('the strength of a child', () => {
  test('[P2.1] never falls with slots or age', () => {
    const child = fc.record({ kind, slots: fc.nat({ max: 0xffff }), ageS });
    fc.assert(
      fc.property(child, fc.nat({ max: 0xffff }), ageS, (weaker, moreSlots, moreS) => {
        const stronger = { ...weaker, slots: weaker.slots + moreSlots, ageS: weaker.ageS + moreS };
        expect(childStrength(stronger)).toBeGreaterThanOrEqual(childStrength(weaker));
        if (weaker.slots > 0) {
          expect(childStrength({ ...weaker, kind: 'headless' })).toBeGreaterThanOrEqual(
            childStrength(weaker),
          );
        }
      }),
    );
  });
});

describe('the logarithm', () => {
  test('[J4.1, P2.1] is right to 0.09, and never falls', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 2 ** 30, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (x, more) => {
          expect(Math.abs(log2(x) - Math.log2(x))).toBeLessThan(0.09);
          expect(log2(x + more)).toBeGreaterThanOrEqual(log2(x));
        },
      ),
    );
    expect([log2(0.5), log2(1), log2(2), log2(8)]).toEqual([0, 0, 1, 3]);
  });
});

describe('slots', () => {
  const conditions: fc.Arbitrary<SlotConditions> = fc.record({
    maxChildren: fc.nat({ max: 1_000 }),
    network: fc.constantFrom('unmetered' as const, 'metered' as const, 'mobile' as const),
    processor: share,
    uplinkBps: fc.option(fc.double({ min: 0, max: 1e12, noNaN: true })),
    bitrateBps: fc.double({ min: 0, max: 1e9, noNaN: true }),
  });

  test('[C1.1, C1.2] are a whole number that the uplink carries and the owner allows', () => {
    fc.assert(
      fc.property(conditions, (given) => {
        const slots = measuredSlots(given, TREE_DEFAULTS);
        expect(Number.isInteger(slots)).toBe(true);
        expect(slots).toBeGreaterThanOrEqual(0);
        expect(slots).toBeLessThanOrEqual(given.maxChildren);
        const serves = given.network === 'unmetered' && given.processor <= 0.9;
        if (!serves) expect(slots).toBe(0);
        if (given.uplinkBps === null) {
          expect(slots).toBe(serves ? Math.min(1, given.maxChildren) : 0);
          return;
        }
        const neededBps = given.bitrateBps * packetOverhead;
        expect(slots * neededBps).toBeLessThanOrEqual(given.uplinkBps * uplinkShare);
        if (serves && slots < given.maxChildren) {
          expect((slots + 1) * neededBps).toBeGreaterThan(given.uplinkBps * uplinkShare * (1 - 1e-9));
        }
      }),
    );
  });

  test('[C3.1] that were taken by complaints come back one by one', () => {
    const look = fc.record({ active: fc.nat({ max: 20 }), badlyServed: fc.nat({ max: 20 }) });
    fc.assert(
      fc.property(kind, fc.nat({ max: 20 }), fc.array(look, { maxLength: 30 }), (kind, slots, looks) => {
        const least = kind === 'headless' ? TREE_DEFAULTS.leastHeadlessSlots : TREE_DEFAULTS.leastPageSlots;
        let cap: ReturnType<typeof correctSlots> = null;
        let now = START;
        for (const { active, badlyServed } of looks) {
          const before = cap?.slots ?? slots;
          now += 10_000;
          cap = correctSlots(
            cap,
            { now, kind, active, badlyServed: Math.min(active, badlyServed), slots },
            TREE_DEFAULTS,
          );
          const after = cap?.slots ?? slots;
          const isBad = badlyServed > 0 && badlyServed * 2 >= active && active > 0;
          if (isBad) expect(after).toBe(Math.min(slots, Math.max(least, active - 1)));
          else expect(after - before === 0 || after - before === 1).toBe(true);
        }
      }),
    );
  });
});

test('[C1.1] load is of the scarcest resource', () => {
  fc.assert(
    fc.property(share, share, fc.boolean(), (uplink, processor, isMetered) => {
      const load = loadScore({ uplinkShare: uplink, processor, isMetered });
      expect(load).toBe(isMetered ? 1 : Math.max(uplink, processor));
    }),
  );
});

describe('tables', () => {
  test('[F3.1] of bans are bounded, and each ban ends within ten minutes', () => {
    const offence = fc.constantFrom(
      'no-media' as const,
      'false-path' as const,
      'refused' as const,
      'flood' as const,
    );
    const offences = fc.array(fc.tuple(fc.nat({ max: 99 }), offence, fc.nat({ max: 200_000 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(offences, (all) => {
        const bans = new Bans(TREE_DEFAULTS);
        let now = START;
        for (const [number, what, laterMs] of all) {
          now += laterMs;
          bans.add(id(number), what, now);
          expect(bans.has(id(number), now + banMs / 4 - 1)).toBe(true);
          expect(bans.has(id(number), now + longestBanMs)).toBe(false);
        }
        expect(bans.current(now).length).toBeLessThanOrEqual(maxBans);
        expect(bans.current(now + longestBanMs)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('[U2.1] of known peers are bounded', () => {
    const news = fc.array(fc.tuple(fc.nat({ max: 99 }), fc.nat({ max: 60_000 }), fc.nat({ max: 90_000 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(news, (all) => {
        const roster = new Roster(TREE_DEFAULTS);
        let now = START;
        for (const [number, delayMs, laterMs] of all) {
          now += laterMs;
          roster.learn(offered(number, { delayMs }), now);
          expect(roster.size).toBeLessThanOrEqual(rosterSize);
        }
        const best = roster.best(now, rosterSize, () => true);
        expect(best.every(({ seenAt }) => now - seenAt <= TREE_DEFAULTS.freshMs)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('[J2.1, J2.2, J2.4] of a directory are bounded, whatever is asked and told', () => {
    const step = fc.record({
      number: fc.nat({ max: 60 }),
      what: fc.constantFrom('report' as const, 'find' as const, 'gone' as const, 'full' as const),
      freeSlots: fc.nat({ max: 3 }),
      layers: fc.nat({ max: 7 }),
      laterMs: fc.nat({ max: 40_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(), (steps, seed) => {
        const directory = createDirectory({ seed });
        let now = START;
        for (const { number, what, freeSlots, layers, laterMs } of steps) {
          now += laterMs / 10;
          if (what === 'report')
            directory.report(now, id(number), [], offered(number, { freeSlots, layers }).offer);
          if (what === 'full') directory.report(now, id(number), [], null);
          if (what === 'gone') directory.forget(id(number));
          if (what === 'find') {
            const found = directory.find(now, id(number), layers);
            expect(found.length).toBeLessThanOrEqual(MAX_FOUND_PEERS);
            expect(new Set(found.map(({ peerId }) => peerId)).size).toBe(found.length);
            for (const { peerId, offer } of found) {
              expect(peerId).not.toBe(id(number));
              expect(offer.layers & layers).not.toBe(0);
              expect(offer.freeSlots).toBeGreaterThan(0);
            }
          }
          expect(directory.size).toBeLessThanOrEqual(61);
        }
      }),
      { numRuns: 50 },
    );
  });
});
