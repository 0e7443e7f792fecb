/** PROTOCOL.md, U3: what holds whatever a peer of the tree is told. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { controlCodec, MAX_CLOCK_OFFSET_MS, MAX_SUBTREE_COUNT } from '../src/control-messages.ts';
import { MAX_AGE_S, MAX_DELAY_MS, MAX_FREE_SLOTS } from '../src/standing.ts';
import type { TreeEffect } from '../src/tree/tree-io.ts';
import { TREE_DEFAULTS, type TreeTuning } from '../src/tree/tree-tuning.ts';
import { HostileWorld } from './hostile-inputs.ts';
import { candidate, id, LonePeer, only, START, word, type LoneSetup } from './lone-peer.ts';

const INPUTS = 250;
const { maxBans, standbys, maxAttempts } = TREE_DEFAULTS;

const setups = fc.record({
  kind: fc.constantFrom('browser' as const, 'headless' as const),
  maxChildren: fc.constantFrom(0, 1, 3, 50),
  layers: fc.constantFrom(1, 0b11, 0b111),
  isStreamer: fc.boolean(),
  liveParents: fc.constantFrom(1, 2),
  maxLinks: fc.constantFrom(4, TREE_DEFAULTS.maxLinks),
  /** A page's clock may begin anywhere: sums with small numbers round otherwise than with large ones. */
  start: fc.constantFrom(START, 0, 131_000.7),
  seed: fc.nat(),
});
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;

/** A peer among liars. `check` sees each of its steps. */
function run(setup: Setup, check: (peer: LonePeer, effects: readonly TreeEffect[]) => void): LonePeer {
  const { isStreamer, liveParents, maxLinks, start, ...options } = setup;
  const tuning: Partial<TreeTuning> = { liveParents, maxLinks };
  const self: LoneSetup = isStreamer ? { self: id(0) } : {};
  const peer = new LonePeer({ ...options, ...self, tuning });
  const world = new HostileWorld(setup.seed);
  peer.now = start;
  for (let i = 0; i < INPUTS; i++) {
    const until = peer.now + world.pauseMs();
    for (let due = peer.tree.deadline(); due !== null && due <= until; due = peer.tree.deadline()) {
      peer.now = Math.max(peer.now, due);
      check(peer, peer.tell({ type: 'timeout' }));
    }
    peer.now = until;
    const effects = peer.tell(world.input());
    check(peer, effects);
    world.see(effects);
  }
  return peer;
}

const fewer = { numRuns: 40 };

describe('whatever arrives', () => {
  test('[U3.2] a step throws nothing, and its effects are bounded', () => {
    fc.assert(
      fc.property(setups, (setup) => {
        run(setup, (peer, effects) => {
          const links = peer.view.children.length + peer.view.parents.length;
          // A word to each neighbour about its place, one about room or farewell, and a search.
          expect(effects.length).toBeLessThanOrEqual(2 * links + 24);
        });
      }),
      fewer,
    );
  });

  test('[U3.2] what is remembered is bounded', () => {
    fc.assert(
      fc.property(setups, (setup) => {
        run(setup, (peer) => {
          const { parents, children, banned } = peer.view;
          expect(children.length).toBeLessThanOrEqual(setup.maxLinks);
          expect(parents.length).toBeLessThanOrEqual(maxAttempts + standbys + setup.liveParents + 2);
          expect(banned.length).toBeLessThanOrEqual(maxBans);
        });
      }),
      fewer,
    );
  });

  test('[U3.2] a parent cannot make its child ask everybody', () => {
    const peer = new LonePeer().attach(2);
    for (let number = 10; number < 300; number++) {
      peer.gets(2, { type: 'redirect', parents: [candidate(number)] });
      peer.advance(10);
      expect(peer.view.parents.length).toBeLessThanOrEqual(2);
    }
  });

  test('[U3.2] timers move on', () => {
    fc.assert(
      fc.property(setups, (setup) => {
        const peer = run(setup, () => {});
        for (let steps = 0; steps < 3_000; steps++) {
          const due = peer.tree.deadline();
          if (due === null) return;
          peer.now = Math.max(peer.now, due);
          peer.tell({ type: 'timeout' });
          const next = peer.tree.deadline();
          if (next !== null && next <= peer.now) peer.tell({ type: 'timeout' });
          expect(peer.tree.deadline() ?? Infinity).toBeGreaterThan(peer.now);
        }
        // At most a few timers per second, however long nothing comes.
        expect(peer.now - setup.start).toBeGreaterThan(300_000);
      }),
      fewer,
    );
  });

  test('[U3.2] timers move on however sums of instants round', () => {
    for (let i = 0; i < 500; i++) {
      const peer = new LonePeer({ tuning: { standbys: 1 } });
      // Behind 2^17 a sum has one bit less than its terms.
      peer.now = 2 ** 17 - 2_300 + i * 1.237;
      peer.attach(2).standBy(3).silent(2);
      expect(() => peer.advance(3_000)).not.toThrow();
    }
  });

  test('[J1.2] no peer is on both sides', () => {
    fc.assert(
      fc.property(setups, (setup) => {
        run(setup, (peer) => {
          const above = new Set(peer.view.parents.map(({ peerId }) => peerId));
          expect(peer.view.children.filter(({ peerId }) => above.has(peerId))).toEqual([]);
          expect(above.has(peer.self)).toBe(false);
        });
      }),
      fewer,
    );
  });

  test('[U3.2] what is said can be read', () => {
    fc.assert(
      fc.property(setups, (setup) => {
        run(setup, (_, effects) => {
          for (const effect of effects) {
            if (effect.type !== 'send' && effect.type !== 'advertise') continue;
            const message =
              effect.type === 'send' ? effect.message : { type: 'state' as const, ...effect.state };
            expect(controlCodec.decode(controlCodec.encode(message))).toEqual(message);
          }
        });
      }),
      fewer,
    );
  });

  test('[U3.2] what is said can be read when parents and children claim the most that they may', () => {
    const parent = word(2, { delayMs: MAX_DELAY_MS, clockOffsetMs: MAX_CLOCK_OFFSET_MS, ageS: MAX_AGE_S });
    const peer = new LonePeer({ ageS: MAX_AGE_S }).attach(2, parent);
    peer.measured(2, { rttMs: 59_000, offsetMs: MAX_CLOCK_OFFSET_MS });
    const most = MAX_SUBTREE_COUNT;
    peer.child(
      3,
      {},
      { freeSlots: MAX_FREE_SLOTS, subtreeSlots: most, viewers: most, slots: MAX_FREE_SLOTS },
    );
    const words = only(
      'advertise',
      peer.done.map(({ effect }) => effect),
    ).concat(only('advertise', peer.advance(10_000)));
    expect(words.map(({ peerId }) => peerId)).toEqual(expect.arrayContaining([id(2), id(3)]));
    for (const { state } of words) {
      const message = { type: 'state' as const, ...state };
      expect(controlCodec.decode(controlCodec.encode(message))).toEqual(message);
    }
  });

  test('[U3.2] a request for a place gets exactly one answer', () => {
    fc.assert(
      fc.property(setups, (setup) => {
        const peer = run(setup, () => {});
        const answers = peer.asked(13).filter(({ type }) => ['accept', 'refuse', 'redirect'].includes(type));
        expect(answers).toHaveLength(1);
      }),
      fewer,
    );
  });

  test('[U3.1] the same inputs have the same effects', () => {
    fc.assert(
      fc.property(setups, (setup) => {
        const [a, b] = [run(setup, () => {}), run(setup, () => {})];
        expect(a.done).toEqual(b.done);
      }),
      { numRuns: 20 },
    );
  });
});
