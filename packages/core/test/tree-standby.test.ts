/** PROTOCOL.md, S: links that wait until they are needed. */

import { describe, expect, test } from 'vitest';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import {
  about,
  EPOCH,
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
  word,
} from './lone-peer.ts';
import { TreeWorld } from './tree-world.ts';

const { upkeepMs, standbysPerSlot, standbysBesides } = TREE_DEFAULTS;

/** Whom an attached peer asks to stand by, of candidates that all answer. */
function chosen(peer: LonePeer, ...standings: [number, ReturnType<typeof standing>][]): number[] {
  peer.looking();
  expect(peer.view.searchingFor).toBe('standby');
  peer.found(standings.map(([number]) => offered(number)));
  return joins(standings.flatMap(([number, answer]) => peer.probed(number, answer)));
}

describe('an attached peer', () => {
  test('[S1.1] keeps two standbys, which get no media and take no slots', () => {
    const world = new TreeWorld();
    const streamer = world.streamer({ maxChildren: 4 });
    const viewers = Array.from({ length: 20 }, () => world.join({ uplinkBps: 20e6 }));
    world.advance(60_000);
    const counts = viewers.map(({ standbys }) => standbys.length);
    expect(Math.max(...counts)).toBe(TREE_DEFAULTS.standbys);
    // Those whose parent has most of a small tree below it find fewer.
    expect(counts.filter((count) => count === TREE_DEFAULTS.standbys).length).toBeGreaterThan(15);
    for (const viewer of viewers) {
      for (const other of viewer.standbys) expect(world.peer(other).children).not.toContain(viewer);
    }
    const { freeSlots, slots } = streamer.view;
    expect(slots - freeSlots).toBe(streamer.children.length);
  });

  test('[S1.1] asks for as many as are missing, without media', () => {
    const peer = new LonePeer().attach(2);
    expect(chosen(peer, [3, standing(3)], [4, standing(4)], [5, standing(5)])).toHaveLength(2);
    const asked = only(
      'join',
      peer.done.map(({ effect }) => effect),
    ).slice(-2);
    expect(asked.map(({ join }) => join.standby)).toEqual([true, true]);
    asked.forEach(({ candidate }) => peer.up(numberOf(candidate.peerId)));
    expect(peer.standbys).toHaveLength(2);
    expect(only('seek', peer.advance(5 * upkeepMs))).toEqual([]);
  });

  test('[S1.2] that found none looks again ever later', () => {
    const peer = new LonePeer({ tuning: { rebalanceMs: 1e9 } }).attach(2);
    const waits: number[] = [];
    for (let before = 0; waits.length < 6;) {
      peer.looking();
      const at = peer.times('seek').at(-1) ?? 0;
      waits.push(at - before);
      before = at;
      peer.found([]);
    }
    [1, 1, 2, 4, 8, 8].forEach((times, i) => {
      const leastMs = i === 0 ? 1_000 : upkeepMs * times;
      expect(waits[i]).toBeGreaterThanOrEqual(leastMs);
      expect(waits[i]).toBeLessThanOrEqual(1.5 * leastMs);
    });
    expect(waits[5]).not.toBe(waits[4]);
  });

  test('[S1.2] that found one looks for the other sooner', () => {
    const peer = new LonePeer({ tuning: { rebalanceMs: 1e9 } }).attach(2);
    for (let round = 0; round < 4; round++) expect(chosen(peer)).toEqual([]);
    expect(chosen(peer, [3, standing(3)])).toEqual([3]);
    peer.up(3);
    peer.advance(5_000);
    peer.looking().found([]);
    const before = peer.now;
    peer.looking();
    expect(peer.now - before).toBeLessThan(4 * upkeepMs);
  });
});

describe('a candidate', () => {
  test('[S2.1] below the own parent is no standby', () => {
    const peer = new LonePeer().attach(2);
    expect(chosen(peer, [3, standing(3, { via: [2] })], [4, standing(4, { via: [2, 9] })])).toEqual([]);
  });

  test('[S2.1] below the streamer is one even when the streamer is the own parent', () => {
    const peer = new LonePeer().attach(0, word(0));
    expect(chosen(peer, [3, standing(3, { via: [] })])).toEqual([3]);
  });

  test('[S2.2] that shares hops with the own path costs 30 ms for each', () => {
    const choice = (fasterMs: number) => {
      const peer = new LonePeer({ tuning: { standbys: 1 } }).attach(2, word(2, { via: [8, 9] }));
      const shared = standing(3, { via: [8, 9], delayMs: 100 - fasterMs });
      return chosen(peer, [3, shared], [4, standing(4, { via: [6, 7], delayMs: 100 })]);
    };
    expect(choice(59)).toEqual([4]);
    expect(choice(61)).toEqual([3]);
  });

  test('[S2.4] that is full is asked only when nobody else was found, and is the last choice', () => {
    const full = standing(3, { freeSlots: 0 });
    const peer = new LonePeer({ tuning: { standbys: 1 } }).attach(2).looking();
    const offer = offered(3, { freeSlots: 0 });
    expect(probes(peer.found([offer]))).toEqual([]);
    expect(peer.view.searchingFor).toBeNull();
    peer.looking();
    peer.found([offer, offered(4)]);
    peer.probed(3, full);
    expect(joins(peer.probed(4, standing(4, { delayMs: 50 + 390 })))).toEqual([4]);
    const other = new LonePeer({ tuning: { standbys: 1 } }).attach(2).looking();
    other.found([]);
    other.looking();
    other.found([offer]);
    expect(joins(other.probed(3, full))).toEqual([3]);
  });
});

describe('a standby', () => {
  const useless = {
    'is below the own parent': word(3, { via: [2] }),
    'gets no media': word(3, { flowing: false }),
    'is detached': word(3, { depth: null }),
    'is at the greatest depth': word(3, { via: [21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] }),
    'is of an older epoch': word(3, { epoch: EPOCH - 1 }),
  };
  test.each(Object.entries(useless))('[S2.3] that %s is replaced at the next upkeep', (_, state) => {
    const peer = new LonePeer().attach(2).standBy(3, 4);
    peer.tell({ type: 'broadcast', epoch: EPOCH });
    expect(peer.standbys).toEqual([3, 4]);
    expect(about('close', peer.hears(3, state))).toEqual([]);
    expect(
      about(
        'close',
        peer.advanceUntil((effects) => about('close', effects).length > 0),
      ),
    ).toEqual([3]);
    peer.probed(3, null);
    peer.found([offered(5)]);
    expect(joins(peer.probed(5))).toEqual([5]);
  });

  test('[S2.3] that is silent or drains is let go at once', () => {
    const peer = new LonePeer().attach(2).standBy(3, 4);
    expect(about('close', peer.silent(3))).toEqual([3]);
    expect(about('close', peer.gets(4, { type: 'drain', withinMs: 5_000 }))).toEqual([4]);
  });

  test('[S2.3] that is of use stays', () => {
    const peer = new LonePeer().attach(2).standBy(3, 4);
    expect(only('close', peer.advance(5 * upkeepMs))).toEqual([]);
  });
});

describe('two peers that are of use to each other', () => {
  const deeper = pathOf(102, 103, 104, 3);

  test('[S2.5] the deeper one lets go of the other as a child, and asks it', () => {
    const peer = new LonePeer().attach(2).child(3, { standby: true, path: pathOf(3) });
    const effects = [...peer.looking().found([offered(3)]), ...peer.probed(3)];
    expect(about('close', effects)).toEqual([3]);
    expect(joins(effects)).toEqual([3]);
    expect(effects.findIndex(({ type }) => type === 'close')).toBeLessThan(
      effects.findIndex(({ type }) => type === 'join'),
    );
  });

  test('[S2.5] a child that is served, or stands no higher, is not asked', () => {
    const served = new LonePeer()
      .attach(2)
      .child(3, { path: pathOf(3) })
      .looking();
    expect(probes(served.found([offered(3)]))).toEqual([]);
    const equal = new LonePeer()
      .attach(2)
      .child(3, { standby: true, path: pathOf(102, 3) })
      .looking();
    expect(probes(equal.found([offered(3, { depth: 3 })]))).toEqual([]);
  });

  test('[S2.5] the higher one lets go of its standby and takes it in', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    const effects = peer.asked(3, { path: deeper, standby: true });
    expect(effects.map(({ type }) => type)).toEqual(expect.arrayContaining(['close', 'accept']));
    expect(peer.standbys).toEqual([]);
    expect(peer.view.children).toMatchObject([{ role: 'standby' }]);
  });

  test('[S2.5] the higher one keeps a standby that is activated', () => {
    const peer = new LonePeer().attach(2).standByAs([[3, word(3, { freeSlots: 1 })]]);
    expect(sent('activate', peer.gets(2, { type: 'redirect', parents: [] }))).toEqual([3]);
    expect(peer.asked(3, { path: deeper })).toMatchObject([{ type: 'refuse', reason: 'loop' }]);
  });

  test('[S2.5] a peer without a place is taken in by the one that it was a standby of', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    expect(about('accept', peer.asked(3))).toEqual([3]);
  });

  test('[S2.5] the deeper one ends up with a standby', () => {
    const world = new TreeWorld();
    const streamer = world.streamer({ maxChildren: 2 });
    const above = world.join({ maxChildren: 1, uplinkBps: 20e6 });
    const beside = world.join({ maxChildren: 1, uplinkBps: 20e6 });
    const below = world.join({ maxChildren: 1, uplinkBps: 20e6 });
    world.advance(60_000);
    expect(streamer.children).toHaveLength(2);
    const parent = below.parent === above ? above : beside;
    expect(below.parent).toBe(parent);
    expect(below.standbys).toContain((parent === above ? beside : above).id);
  });
});

describe('a peer that has lost something', () => {
  /** With one standby; it has looked for the other in vain, and would wait for more than a minute. */
  function resigned(): LonePeer {
    const peer = new LonePeer({ tuning: { standbys: 2, rebalanceMs: 1e9 } }).attach(2).standBy(3);
    peer.advance(5_000);
    for (let round = 0; round < 4; round++) peer.looking().found([]);
    expect(peer.view.searchingFor).toBeNull();
    return peer;
  }

  const losses = {
    'is gone': (peer: LonePeer) => peer.unlinked(3),
    'is silent': (peer: LonePeer) => peer.silent(3),
  };
  test.each(Object.entries(losses))(
    '[S1.3] looks for another as soon as if it had not looked in vain: a standby that %s',
    (_, happens) => {
      const peer = resigned();
      const before = peer.now;
      happens(peer);
      peer.looking();
      expect(peer.now - before).toBeGreaterThanOrEqual(upkeepMs);
      expect(peer.now - before).toBeLessThanOrEqual(1.5 * upkeepMs + 100);
    },
  );
});

describe('a parent', () => {
  test('[S3.1] accepts two standbys per slot and two besides', () => {
    const streamer = loneStreamer(3);
    const most = standbysPerSlot * 3 + standbysBesides;
    const answers = Array.from(
      { length: most + 1 },
      (_, i) => streamer.asked(2 + i, { standby: true })[0]?.type,
    );
    expect(answers).toEqual([...Array.from({ length: most }, () => 'accept'), 'refuse']);
    expect(streamer.view.freeSlots).toBe(3);
  });

  test('[S3.1] accepts none without slots', () => {
    const full = [{ type: 'refuse', reason: 'full' }];
    expect(loneStreamer(0).asked(2, { standby: true })).toMatchObject(full);
    const slow = loneStreamer(3);
    slow.tell({ type: 'uplink', bps: 0 });
    expect(slow.asked(2, { standby: true })).toMatchObject(full);
  });

  test('[S1.1, S3.1] gives a standby a slot when it is activated', () => {
    const streamer = loneStreamer(3).child(2, { standby: true });
    expect(streamer.gets(2, { type: 'activate', layer: 0 })).toMatchObject([
      { type: 'serve', isActive: true },
    ]);
    expect(streamer.view.freeSlots).toBe(2);
    expect(sent('redirect', streamer.gets(2, { type: 'activate', layer: 0 }))).toEqual([]);
    expect(streamer.gets(2, { type: 'pause' })).toMatchObject([{ type: 'serve', isActive: false }]);
    expect(streamer.view.freeSlots).toBe(3);
  });

  test('[S3.1] lets a child go that pauses where there are standbys enough', () => {
    const streamer = loneStreamer(2).child(2).child(3);
    const most = standbysPerSlot * 2 + standbysBesides;
    for (let i = 0; i < most - 1; i++) streamer.child(10 + i, { standby: true });
    expect(streamer.gets(2, { type: 'pause' })).toMatchObject([{ type: 'serve', isActive: false }]);
    expect(about('close', streamer.gets(3, { type: 'pause' }))).toEqual([3]);
  });
});
