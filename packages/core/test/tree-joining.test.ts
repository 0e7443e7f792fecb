/** PROTOCOL.md, J: from a start to the first picture. */

import { describe, expect, test } from 'vitest';
import { MAX_DEPTH, MAX_FOUND_PEERS } from '../src/config.ts';
import type { PeerKind } from '../src/link-messages.ts';
import { createDirectory } from '../src/tree/directory.ts';
import { parentCost } from '../src/tree/scores.ts';
import type { TreeEffect } from '../src/tree/tree-io.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import {
  about,
  candidate,
  EPOCH,
  id,
  joins,
  LonePeer,
  loneStreamer,
  numberOf,
  offered,
  only,
  pathOf,
  probes,
  sent,
  standing,
  START,
  uplinkFor,
  word,
  type LoneSetup,
} from './lone-peer.ts';
import { TreeWorld } from './tree-world.ts';

const { probeMs, probeSettleMs, directoryMs, attemptMs, retryMs, longestRetryMs, maxRedirects } =
  TREE_DEFAULTS;

const { hedgeMs, answerMs, maxAttempts, raceMs } = TREE_DEFAULTS;

/** A newcomer: it asks the likely best at once. */
function joiner(): LonePeer {
  const peer = new LonePeer();
  peer.tell({ type: 'start' });
  return peer;
}

/** Asked unseen, and in vain, so that the others are probed. */
const DECOY = 90;

/** One that probes these, the first of all directories' answers. */
function probing(numbers: readonly number[], setup: LoneSetup = {}, isLast = true): LonePeer {
  const peer = new LonePeer(setup);
  peer.tell({ type: 'start' });
  expect(joins(peer.found([offered(DECOY)], false))).toEqual([DECOY]);
  expect(
    probes(
      peer.found(
        numbers.map((each) => offered(each)),
        isLast,
      ),
    ),
  ).toEqual(numbers.slice(0, 4));
  peer.answered(DECOY, { type: 'redirected', parents: [] });
  return peer;
}

/** Who is asked when all of these answer. */
function answers(peer: LonePeer, ...numbers: number[]): number[] {
  return joins(numbers.flatMap((each) => peer.probed(each)));
}

describe('a search', () => {
  test('[J1.1] goes on until there is a parent', () => {
    const world = new TreeWorld();
    const streamer = world.streamer();
    world.isCut = () => true;
    const viewer = world.join();
    world.advance(60_000);
    expect(viewer.view).toMatchObject({ phase: 'detached', searchingFor: 'parent' });
    world.isCut = () => false;
    world.advance(2 * longestRetryMs);
    expect(viewer.parent).toBe(streamer);
  });

  test('[J1.2] asks neither its own children nor its parents nor itself', () => {
    const peer = new LonePeer().attach(2).child(3);
    const effects = peer.advance(1_600);
    expect(only('seek', effects)).toHaveLength(1);
    expect(probes(peer.found([1, 2, 3, 4].map((number) => offered(number))))).toEqual([4]);
  });

  test('[J1.2] does not ask for a place below itself when its parent sends it there', () => {
    for (const number of [1, 2, 3]) {
      const peer = new LonePeer().attach(2).child(3);
      expect(joins(peer.gets(2, { type: 'redirect', parents: [candidate(number)] }))).toEqual([]);
    }
  });

  test('[J1.2] does not ask a peer that became its child while it was probed', () => {
    const peer = new LonePeer().attach(2);
    peer.advance(1_600);
    peer.found([offered(4), offered(5)]);
    peer.child(4);
    expect(joins([...peer.probed(4), ...peer.probed(5)])).toEqual([5]);
  });

  test('[J1.2] takes no parent as a child', () => {
    const path = pathOf(102, 2, 3);
    expect(new LonePeer().attach(2).asked(2, { path })).toMatchObject([{ type: 'refuse', reason: 'loop' }]);
    const peer = new LonePeer().attach(2).standBy(3);
    expect(peer.asked(3, { path })).toMatchObject([{ type: 'refuse', reason: 'loop' }]);
  });
});

describe('candidates', () => {
  test('[J2.1] come from two directories, of which neither fills the probes', () => {
    const peer = new LonePeer();
    expect(only('seek', peer.tell({ type: 'start' }))).toHaveLength(1);
    const eight = (first: number) => Array.from({ length: 8 }, (_, i) => offered(first + i));
    expect(joins(peer.found([offered(DECOY)], false))).toEqual([DECOY]);
    expect(probes(peer.found(eight(3), false))).toEqual([3, 4, 5, 6]);
    expect(probes(peer.found(eight(20)))).toEqual([20]);
  });

  test('[J2.1] are at most eight, and have free slots', () => {
    const directory = createDirectory({ seed: 1 });
    for (let i = 2; i < 40; i++) {
      directory.report(START, id(i), [], offered(i, { freeSlots: i % 2 }).offer);
    }
    const found = directory.find(START, id(1), 1);
    expect(found).toHaveLength(MAX_FOUND_PEERS);
    expect(found.every(({ offer }) => offer.freeSlots > 0)).toBe(true);
  });

  test('[J2.2] are the best of those drawn', () => {
    const directory = createDirectory({ seed: 1 });
    for (let i = 2; i < 32; i++)
      directory.report(START, id(i), [], offered(i, { delayMs: 1_000 - 20 * i }).offer);
    const found = directory.find(START, id(1), 1).map(({ peerId }) => numberOf(peerId));
    expect(found).toEqual([31, 30, 29, 28, 27, 26, 25, 24]);
  });

  test('are listed for people without counting as named', () => {
    const directory = createDirectory({ seed: 1 });
    for (let i = 2; i < 10; i++) directory.report(START, id(i), [], offered(i, { freeSlots: 1 }).offer);
    for (let i = 0; i < 20; i++) expect(directory.list(START, 5)).toHaveLength(5);
    expect(directory.find(START, id(1), 1)).toHaveLength(8);
    expect(directory.list((START + 3_600_000) as typeof START, 5)).toEqual([]);
  });

  test('[J2.2] are drawn, so that a crowd spreads', () => {
    const directory = createDirectory({ seed: 1 });
    for (let i = 2; i < 402; i++)
      directory.report(START, id(i), [], offered(i, { delayMs: i, freeSlots: 50 }).offer);
    const named = new Set(
      Array.from({ length: 100 }, () => directory.find(START, id(1), 1).map(({ peerId }) => peerId)).flat(),
    );
    expect(named.size).toBeGreaterThan(150);
  });

  test('[J2.2] are not named again after three times per free slot, until they report', () => {
    const directory = createDirectory({ seed: 1 });
    const report = () => directory.report(START, id(2), [], offered(2, { freeSlots: 2 }).offer);
    const named = () => Array.from({ length: 9 }, () => directory.find(START, id(1), 1)).flat().length;
    report();
    expect(named()).toBe(6);
    report();
    expect(named()).toBe(6);
  });

  test('[J2.2] are named anew when nobody has come for two seconds', () => {
    const directory = createDirectory({ seed: 1 });
    directory.report(START, id(2), [], offered(2, { freeSlots: 1 }).offer);
    const namedAt = (ms: number) =>
      Array.from({ length: 9 }, () => directory.find(START + ms, id(1), 1)).flat().length;
    expect([0, 2_000, 2_001].map(namedAt)).toEqual([3, 0, 3]);
  });

  test('[J2.3] are forgotten when they do not repeat their offer', () => {
    const directory = createDirectory({ seed: 1 });
    directory.report(START, id(2), [], offered(2).offer);
    expect(directory.find(START + 75_000, id(1), 1)).toHaveLength(1);
    expect(directory.find(START + 75_001, id(1), 1)).toEqual([]);
    expect(directory.size).toBe(0);
    expect(75_000).toBeGreaterThan(2 * TREE_DEFAULTS.reportAgainMs);
  });

  test('[J2.3] pass on a layer that the joiner wants, and are somebody else', () => {
    const directory = createDirectory({ seed: 1 });
    directory.report(START, id(2), [], offered(2, { layers: 0b010 }).offer);
    expect(directory.find(START, id(1), 0b101)).toEqual([]);
    expect(directory.find(START, id(2), 0b010)).toEqual([]);
    expect(directory.find(START, id(1), 0b110)).toHaveLength(1);
  });

  test('[J2.4] are at most five thousand', () => {
    const directory = createDirectory({ seed: 1 });
    for (let i = 1; i <= 5_010; i++) directory.report(START, id(i), [], offered(i).offer);
    expect(directory.size).toBe(5_000);
    for (let i = 1; i <= 5_010; i++) directory.forget(id(i));
    expect(directory.size).toBe(0);
  });

  test('[J2.5] are asked unseen by a newcomer, the likely best of an answer', () => {
    const peer = joiner();
    const effects = peer.found([offered(2), offered(3, { delayMs: 20 }), offered(4)], false);
    expect(joins(effects)).toEqual([3]);
    expect(probes(effects)).toEqual([2, 4]);
    expect(joins(peer.found([offered(5, { delayMs: 0 })]))).toEqual([]);
  });

  test('[J2.5] are not asked unseen where they are useless, or by a peer that has media', () => {
    const useless = [{ depth: MAX_DEPTH }, { layers: 0b110 }, { freeSlots: 0 }];
    expect(joins(joiner().found(useless.map((offer, i) => offered(2 + i, offer))))).toEqual([]);
    const attached = new LonePeer().attach(2).looking();
    expect(joins(attached.found([offered(3)]))).toEqual([]);
  });

  test('[J2.6] begin with the relay itself as long as it has room', () => {
    const directory = createDirectory({ seed: 1, own: id(9) });
    for (let i = 2; i < 402; i++) {
      directory.report(START, id(i), [], offered(i, { freeSlots: 1, delayMs: i === 9 ? 0 : 500 }).offer);
    }
    const firsts = Array.from({ length: 50 }, () => directory.find(START, id(1), 1)[0]?.peerId);
    expect(new Set(firsts)).toEqual(new Set([id(9)]));
    expect(directory.find(START, id(1), 0b110)).toEqual([]);
    directory.report(START, id(9), [], null);
    expect(directory.find(START, id(1), 1)[0]?.peerId).not.toBe(id(9));
  });
});

describe('probes', () => {
  test('[J3.1] are at most six at a time, with the one that is asked unseen', () => {
    const peer = joiner();
    const all = [3, 20, 40].flatMap((first) =>
      peer.found(
        [0, 1, 2, 3, 4].map((i) => offered(first + i)),
        false,
      ),
    );
    expect(probes(all).length + joins(all).length).toBe(TREE_DEFAULTS.probes);
  });

  test('[J3.1] of a search for a standby are at most three at a time', () => {
    const peer = new LonePeer().attach(2).looking();
    expect(peer.view.searchingFor).toBe('standby');
    const all = [3, 20].flatMap((first) =>
      peer.found(
        [0, 1].map((i) => offered(first + i)),
        false,
      ),
    );
    expect(probes(all)).toEqual([3, 4, 20]);
  });

  test('[J3.1] are answered with the standing as it is', () => {
    const peer = new LonePeer({ ageS: 100, layers: 0b11, tuning: { preemption: false } });
    expect(peer.tree.standing(peer.now)).toBeNull();
    peer.tell({ type: 'uplink', bps: 1e9 });
    peer.attach(2, word(2, { via: [8], layers: 0b10 })).child(3, { layers: 0b10 });
    peer.now += 5_000;
    const place = { depth: 3, path: pathOf(8, 2, 1), delayMs: 82, epoch: EPOCH };
    const room = { kind: 'browser', freeSlots: 5, ageS: 105, layers: 0b10 };
    expect(peer.tree.standing(peer.now)).toEqual({ ...place, ...room, flowing: true });
    peer.silent(2);
    expect(peer.tree.standing(peer.now)?.flowing).toBe(false);
  });

  test('[J3.2] are waited for shortly once two good answers are there', () => {
    const peer = probing([3, 4, 5]);
    peer.now += 50;
    peer.probed(3);
    peer.now += 30;
    peer.probed(4);
    peer.advance(1_000);
    expect(peer.times('join').slice(1, 3)).toEqual([80 + probeSettleMs, 80 + probeSettleMs]);
  });

  test('[J3.2] are waited for half a second where peers are known, else until a directory can have answered', () => {
    const peer = probing([3, 4, 5]);
    peer.probed(3);
    peer.advance(directoryMs + probeMs);
    expect(peer.times('join').slice(1)).toEqual([directoryMs + probeMs]);

    const known = new LonePeer().attach(2);
    known.found([offered(3), offered(4)]);
    known.silent(2);
    known.probed(3);
    known.advance(probeMs);
    expect(known.times('join').slice(1)).toEqual([probeMs]);
  });

  test('[J3.2] are not waited for when nobody is left to answer', () => {
    expect(answers(probing([3]), 3)).toEqual([3]);
    const early = probing([3], {}, false);
    expect(answers(early, 3)).toEqual([]);
    expect(joins(early.advance(probeSettleMs))).toEqual([3]);
    const lastAnswer = probing([3], {}, false);
    lastAnswer.probed(3);
    expect(joins(lastAnswer.found([]))).toEqual([3]);
  });

  const bad = {
    'where no media flow': standing(3, { flowing: false }),
    'of an older epoch': standing(3, { epoch: EPOCH - 1 }),
    'with a path shorter than its depth': standing(3, { depth: 3 }),
    'with a path longer than its depth': standing(3, { depth: 1 }),
    'whose path begins elsewhere': standing(3, { path: pathOf(7, 3).subarray(4), depth: 1 }),
    'below the joiner': standing(3, { via: [1] }),
    'without a layer that the joiner wants': standing(3, { layers: 0b110 }),
    'without a free slot': standing(3, { freeSlots: 0 }),
    'that is as deep as can be': standing(3, { via: [21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] }),
  };
  test.each(Object.entries(bad))('[J3.3] of a place %s lead to no join', (_, answer) => {
    const peer = probing([3]);
    peer.tell({ type: 'broadcast', epoch: EPOCH });
    expect(joins(peer.probed(3, answer))).toEqual([]);
    expect(joins(peer.advance(2_000))).toEqual([]);
  });

  test('[J3.3] of a place whose children are not too deep lead to a join', () => {
    const via = [21, 22, 23, 24, 25, 26, 27, 28, 29, 30];
    expect(via.length + 2).toBe(MAX_DEPTH);
    expect(joins(probing([3]).probed(3, standing(3, { via })))).toEqual([3]);
  });

  test('[J3.3] are not made where the offer says enough', () => {
    const useless = [{ depth: MAX_DEPTH }, { layers: 0b110 }, { freeSlots: 0 }];
    const peer = probing([], {}, false);
    const effects = peer.found(useless.map((offer, i) => offered(3 + i, offer)));
    expect([...probes(effects), ...joins(effects)]).toEqual([]);
  });
});

describe('the cost of a parent', () => {
  const page = {
    kind: 'browser',
    depth: 5,
    delayMs: 100,
    ageS: 0,
    rttMs: 40,
    lossShare: 0,
    receivedShare: 1,
  } as const;

  test('[J4.1] is its path, the way to it, and what a hop costs', () => {
    expect(parentCost(page)).toEqual({ totalMs: 180, delayMs: 132, hopsMs: 48, lossMs: 0, stabilityMs: -0 });
    expect(parentCost({ ...page, rttMs: null }).delayMs).toBe(100 + 150 / 2 + 12);
    expect(parentCost({ ...page, kind: 'headless' })).toMatchObject({ delayMs: 121, stabilityMs: -60 });
  });

  test('[J4.1] rises by 20 ms per percent of loss and of missed media', () => {
    expect(parentCost({ ...page, lossShare: 0.01 }).lossMs).toBeCloseTo(20);
    expect(parentCost({ ...page, lossShare: 0.01, receivedShare: 0.98 }).lossMs).toBeCloseTo(60);
  });

  test('[J4.1] falls by 12 ms each time that the age doubles, twice that near the streamer', () => {
    const saved = (ageS: number, depth: number) => -parentCost({ ...page, ageS, depth }).stabilityMs;
    expect(saved(30, 5)).toBeCloseTo(12);
    expect(saved(90, 4)).toBeCloseTo(24);
    expect(saved(90, 3)).toBeCloseTo(48);
    expect(saved(1_800, 5)).toBe(saved(1_000_000, 5));
  });

  test('[J4.1] decides who is asked', () => {
    const peer = probing([3, 4, 5]);
    peer.probed(3, standing(3, { delayMs: 300 }));
    peer.probed(4, standing(4, { delayMs: 40 }), 200);
    expect(joins(peer.probed(5, standing(5, { delayMs: 30 })))).toEqual([5, 4]);
  });

  test('[J4.2] of pages rises with those that could not be reached', () => {
    const peer = probing([3, 4, 5, 6]);
    peer.probed(3, standing(3, { delayMs: 20 }));
    peer.probed(4, standing(4, { delayMs: 30 }));
    peer.probed(6, standing(6, { delayMs: 250 }));
    peer.probed(5, standing(5, { kind: 'headless', delayMs: 350 }));
    peer.advance(TREE_DEFAULTS.probeSettleMs);
    expect(joins(peer.done.map(({ effect }) => effect)).slice(-2)).toEqual([3, 4]);
    expect(joins(peer.answered(3, { type: 'failed' }))).toEqual([5]);
  });

  test('[J4.2] of a full relay is higher, and it is asked all the same', () => {
    const peer = probing([3, 4, 5]);
    peer.probed(3, standing(3, { delayMs: 300 }));
    peer.probed(4, standing(4, { kind: 'headless', freeSlots: 0, delayMs: 90 }));
    expect(joins(peer.probed(5, standing(5, { freeSlots: 0, delayMs: 10 })))).toEqual([4, 3]);
  });

  test('[J4.2] of a full relay is 100 ms higher', () => {
    const order = (fullDelayMs: number) => {
      const peer = probing([3, 4]);
      peer.probed(4, standing(4, { kind: 'headless', freeSlots: 0, delayMs: fullDelayMs }));
      return joins(peer.probed(3, standing(3, { delayMs: 100 })));
    };
    // It saves 11 ms for being a relay, and 60 ms more.
    const equalMs = 100 + 11 + 60 - 100;
    expect(order(equalMs - 1)).toEqual([4, 3]);
    expect(order(equalMs + 1)).toEqual([3, 4]);
  });

  /** Whom a peer asks unseen: a page, or a headless relay whose path takes so much longer. */
  function preferred(peer: LonePeer, longerMs: number): number[] {
    const relay = offered(5, { kind: 'headless', delayMs: 50 + 11 + 60 + longerMs });
    return joins(peer.found([offered(3), relay]));
  }

  /** One that reached none of so many pages, and asks the directories again. */
  function failing(times: number): LonePeer {
    const peer = joiner();
    for (let i = 0; i < times; i++) {
      peer.tell({ type: 'named', parents: [candidate(50 + i)] });
      peer.answered(50 + i, { type: 'failed' });
    }
    peer.advanceUntil((effects) => only('seek', effects).length > 0);
    return peer;
  }

  test('[J4.2] of pages rises four times at most', () => {
    expect(preferred(failing(1), 149)).toEqual([5]);
    expect(preferred(failing(1), 151)).toEqual([3]);
    expect(preferred(failing(6), 599)).toEqual([5]);
    expect(preferred(failing(6), 601)).toEqual([3]);
  });

  test('[J4.2] of pages is as before when one was reached', () => {
    const peer = failing(2);
    peer.tell({ type: 'named', parents: [candidate(60)] });
    peer.up(60);
    peer.unlinked(60);
    peer.advanceUntil((effects) => only('seek', effects).length > 0);
    expect(preferred(peer, 1)).toEqual([3]);
  });

  test('[J2.5] decides who is asked unseen', () => {
    const peer = joiner();
    expect(joins(peer.found([offered(3, { delayMs: 90 }), offered(4, { delayMs: 20 })]))).toEqual([4]);
  });
});

describe('attempts', () => {
  test('[J5.1] are made at two peers, and the first picture decides', () => {
    const peer = probing([3, 4, 5]);
    expect(answers(peer, 3, 4, 5)).toEqual([3, 4]);
    const asked = only(
      'join',
      peer.done.map(({ effect }) => effect),
    ).slice(1);
    expect(asked.map(({ join }) => join.standby)).toEqual([false, false]);
    peer.up(3);
    peer.up(4);
    expect(peer.flowing(4)).toContainEqual({ type: 'play', peerId: id(4) });
    const later = peer.flowing(3);
    expect(only('play', later)).toEqual([]);
    expect(sent('pause', later)).toEqual([3]);
    expect(peer).toMatchObject({ active: [4], standbys: [3] });
  });

  test('[J5.1] are made at three peers when a parent is lost', () => {
    const peer = new LonePeer().attach(2);
    peer.found([3, 4, 5, 6].map((number) => offered(number)));
    peer.silent(2);
    expect([...answers(peer, 3, 4, 5, 6), ...joins(peer.advance(probeSettleMs))]).toEqual([3, 4, 5]);
  });

  test('[J5.1] are made at three peers when a round found no place', () => {
    const peer = probing([3]);
    expect(answers(peer, 3)).toEqual([3]);
    peer.refused(3);
    peer.advance(retryMs);
    const numbers = [4, 5, 6, 7];
    const unseen = joins(peer.found(numbers.map((number) => offered(number))));
    expect([...unseen, ...answers(peer, ...numbers), ...joins(peer.advance(probeSettleMs))]).toEqual([
      4, 5, 6,
    ]);
  });

  test('[J5.2] that do not connect in time are given up', () => {
    const peer = probing([3, 4]);
    expect(answers(peer, 3, 4)).toEqual([3, 4]);
    peer.accepted(3);
    peer.advance(2 * attemptMs + longestRetryMs);
    expect(peer.times('close')).toHaveLength(2);
    for (const at of peer.times('close')) {
      expect(at).toBeGreaterThanOrEqual(attemptMs);
      expect(at).toBeLessThanOrEqual(attemptMs + longestRetryMs);
    }
    expect(peer.banned).toEqual({ 3: 'unreachable', 4: 'unreachable' });
  });

  test('[J5.2] that are refused or fail make room for the next best', () => {
    const peer = probing([3, 4, 5, 6]);
    expect(answers(peer, 3, 4, 5, 6)).toEqual([3, 4]);
    expect(joins(peer.refused(3))).toEqual([5]);
    expect(joins(peer.answered(4, { type: 'failed' }))).toEqual([6]);
    expect(peer.banned).toEqual({ 3: 'refused', 4: 'unreachable' });
  });

  test('[J5.2] are given up even when all of them hang', () => {
    const peer = joiner();
    for (let i = 0; i < 60; i++) {
      peer.found([offered(10 + 2 * i), offered(11 + 2 * i)]);
      peer.probed(11 + 2 * i);
      peer.advance(500);
    }
    expect(peer.times('close').length).toBeGreaterThan(2 * maxAttempts);
    expect(Object.values(peer.banned)).toContain('unreachable');
  });

  test('[J5.3] that are not answered get others beside them sooner', () => {
    const peer = probing([3, 4, 5, 6]);
    expect(answers(peer, 3, 4, 5, 6)).toEqual([3, 4]);
    peer.accepted(3);
    expect(joins(peer.advance(answerMs - 1))).toEqual([]);
    expect(joins(peer.advance(1))).toEqual([5]);
  });

  test('[J5.3] that are slow get others beside them, five in all', () => {
    const peer = probing([3, 4, 5, 6]);
    expect(answers(peer, 3, 4, 5, 6)).toEqual([3, 4]);
    peer.accepted(3);
    peer.accepted(4);
    expect(joins(peer.advance(hedgeMs - 1))).toEqual([]);
    expect(joins(peer.advance(1))).toEqual([5, 6]);
  });

  test('[J5.3] that took twice as long make room for others when there are as many as may be', () => {
    for (const [waitMs, closed, asked] of [
      [hedgeMs + retryMs, [], []],
      [2 * hedgeMs, [3], [5]],
    ] as const) {
      const peer = probing([3, 4], { tuning: { maxAttempts: 2 } });
      expect(answers(peer, 3, 4)).toEqual([3, 4]);
      peer.accepted(3);
      peer.now += 1;
      peer.accepted(4);
      peer.advance(waitMs);
      // It is known since the first round.
      peer.probed(DECOY, null);
      const effects = [...peer.found([offered(5)]), ...peer.probed(5)];
      expect(about('close', effects)).toEqual(closed);
      expect(joins(effects)).toEqual(asked);
    }
  });

  test('[J5.3] are never more than five, those that are asked unseen included', () => {
    const peer = joiner();
    for (let number = 10; number < 90; number++) {
      peer.found([offered(number)], false);
      peer.advance(100);
      expect(peer.view.parents.length).toBeLessThanOrEqual(maxAttempts);
    }
    const prober = joiner();
    for (let number = 10; number < 90; number++) {
      prober.found([offered(number), offered(number + 100)]);
      prober.probed(number + 100);
      prober.advance(300);
      expect(prober.view.parents.length).toBeLessThanOrEqual(maxAttempts);
    }
  });

  test('[J5.4] that deliver soon after the first may take its place, if they are better', () => {
    const race = (afterMs: number, delayMs: number) => {
      const peer = probing([3, 4]);
      expect(answers(peer, 3, 4)).toEqual([3, 4]);
      peer.up(3, word(3, { delayMs: 300 }));
      peer.up(4, word(4, { delayMs }));
      peer.flowing(3);
      peer.now += afterMs;
      peer.flowing(4);
      return peer.active;
    };
    expect(race(raceMs - 1, 50)).toEqual([4]);
    expect(race(raceMs, 50)).toEqual([3]);
    expect(race(raceMs - 1, 290)).toEqual([3]);
  });

  test('[J5.5] of newcomers find more room at headless relays than there are slots', () => {
    const landed = (kind: PeerKind, path: Uint8Array) => {
      const relay = new LonePeer({ kind, maxChildren: 100, tuning: { preemption: false } });
      relay.tell({ type: 'uplink', bps: uplinkFor(6) });
      relay.attach(2);
      const offer =
        only('report', relay.advance(5_000)).at(-1)?.offer ??
        only(
          'report',
          relay.done.map(({ effect }) => effect),
        ).at(-1)?.offer;
      const accepted = Array.from({ length: 12 }, (_, i) =>
        about('accept', relay.asked(50 + i, { path })),
      ).flat();
      return [accepted.length, offer?.freeSlots];
    };
    const room = 6 + Math.ceil(6 * TREE_DEFAULTS.landingShare);
    expect(landed('headless', new Uint8Array())).toEqual([room, room]);
    expect(landed('headless', pathOf(8, 9))).toEqual([6, room]);
    expect(landed('browser', new Uint8Array())).toEqual([6, 6]);
  });
});

test('[J5.6] who comes back to a relay reached nobody of those it was sent to', () => {
  const relay = new LonePeer({
    kind: 'headless',
    maxChildren: 4,
    tuning: { preemption: false, landingShare: 0 },
  });
  relay.tell({ type: 'uplink', bps: uplinkFor(2) });
  relay.attach(2).child(6).child(7);
  for (const number of [50, 51]) {
    expect(about('accept', relay.asked(number))).toEqual([]);
    expect(about('accept', relay.asked(number))).toEqual([number]);
  }
  expect(about('accept', relay.asked(52))).toEqual([]);
  expect(about('accept', relay.asked(52))).toEqual([]);
});

describe('a redirect', () => {
  function fullStreamer(...rooms: number[]): LonePeer {
    const streamer = loneStreamer(rooms.length, { tuning: { preemption: false } });
    rooms.forEach((room, i) => streamer.child(2 + i, { slots: 2 }, { freeSlots: room, subtreeSlots: 0 }));
    return streamer;
  }

  /** Whom it names to one joiner after the other. */
  function namedTo(streamer: LonePeer, joiners: number): number[][] {
    return Array.from({ length: joiners }, (_, i) =>
      only('redirect', streamer.asked(100 + i)).flatMap(({ parents }) =>
        parents.map(({ peerId }) => numberOf(peerId)),
      ),
    );
  }

  test('[J6.1] names up to three children with room at or below them', () => {
    expect(namedTo(fullStreamer(0, 1, 0), 1)).toEqual([[3]]);
    expect(namedTo(fullStreamer(9, 9, 9, 9, 9), 1)[0]).toHaveLength(3);
    expect(fullStreamer(0, 0).asked(9)).toMatchObject([{ type: 'refuse', reason: 'full' }]);
    const deep = loneStreamer(1).child(2, { slots: 2 }, { freeSlots: 0, subtreeSlots: 7 });
    expect(namedTo(deep, 1)).toEqual([[2]]);
  });

  test('[J6.1] names those further up where there is a choice', () => {
    const streamer = loneStreamer(2, { tuning: { preemption: false } });
    streamer
      .child(2, { slots: 2 }, { freeSlots: 0, subtreeSlots: 50 })
      .child(3, { slots: 2 }, { freeSlots: 1 });
    expect(namedTo(streamer, 2)).toEqual([[3], [2]]);
  });

  test('[J6.1] draws them by how much room there is', () => {
    const firsts = namedTo(fullStreamer(600, 200, 200), 400).map(([first]) => first);
    const share = firsts.filter((first) => first === 2).length / firsts.length;
    expect(share).toBeGreaterThan(0.5);
    expect(share).toBeLessThan(0.7);
    expect(new Set(firsts)).toEqual(new Set([2, 3, 4]));
  });

  test('[J6.1] is followed to the first peer that may be asked', () => {
    const peer = new LonePeer().attach(2).child(3);
    peer.gets(2, { type: 'redirect', parents: [candidate(8)] });
    expect(joins(peer.redirected(8, 1, 2, 3, 5, 6))).toEqual([5]);
  });

  test('[J6.1] is followed twelve times in a round', () => {
    const peer = joiner();
    peer.found([offered(2)]);
    const followed = Array.from({ length: 20 }, (_, i) => joins(peer.redirected(2 + i, 3 + i)).length);
    expect(followed.reduce((sum, each) => sum + each)).toBe(maxRedirects);
    peer.advanceUntil(() => peer.times('seek').length === 2);
    peer.found([offered(50)]);
    expect(joins(peer.redirected(50, 51))).toEqual([51]);
  });

  test('[J6.2] by somebody who can be believed needs no probes, and forgives', () => {
    const peer = joiner();
    peer.found([offered(2)]);
    peer.answered(2, { type: 'failed' });
    expect(peer.banned).toEqual({ 2: 'unreachable' });
    expect(joins(peer.tell({ type: 'named', parents: [candidate(2)] }))).toEqual([2]);
    expect(peer.banned).toEqual({});
  });
});

describe('a search without success', () => {
  test('[J7.1] begins again after waits that double, of which half is drawn', () => {
    const drawn: number[][] = [1, 2, 3].map((seed) => {
      const peer = new LonePeer({ seed });
      peer.tell({ type: 'start' });
      const waits: number[] = [];
      for (let round = 0; round < 8; round++) {
        peer.found([]);
        const before = peer.now;
        peer.advanceUntil((effects) => only('seek', effects).length > 0, 1);
        waits.push(peer.now - before);
      }
      return waits;
    });
    for (const waits of drawn) {
      waits.forEach((waitMs, round) => {
        const longest = Math.min(longestRetryMs, retryMs * 2 ** round);
        expect(waitMs).toBeGreaterThanOrEqual(longest / 2);
        expect(waitMs).toBeLessThanOrEqual(longest + 1);
      });
    }
    expect(new Set(drawn.map(([first]) => first)).size).toBe(3);
  });

  test('[J7.2] ends when it was for a standby', () => {
    const peer = new LonePeer().attach(2);
    peer.advance(1_600);
    expect(peer.view.searchingFor).toBe('standby');
    peer.found([]);
    expect(peer.view.searchingFor).toBeNull();
    expect(only('seek', peer.advance(longestRetryMs))).toEqual([]);
  });

  test('[J7.2] ends when it was for a better parent', () => {
    const deep = word(2, { via: [21, 22, 23] });
    const peer = new LonePeer({ tuning: { standbys: 0 } }).attach(2, deep).looking();
    expect(peer.view.searchingFor).toBe('better');
    const effects: TreeEffect[] = [...peer.found([]), ...peer.advance(2 * longestRetryMs)];
    expect(peer.view.searchingFor).toBeNull();
    expect(only('seek', effects)).toEqual([]);
    expect(peer.active).toEqual([2]);
  });
});
