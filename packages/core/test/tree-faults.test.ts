/** PROTOCOL.md, F: peers that fail, lie or push. */

import { describe, expect, test } from 'vitest';
import { Bans } from '../src/tree/bans.ts';
import { makesDo } from '../src/tree/parent-checks.ts';
import { createTreeState, newParentLink } from '../src/tree/tree-state.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import {
  about,
  candidate,
  EPOCH,
  id,
  joins,
  LonePeer,
  loneStreamer,
  offered,
  only,
  probes,
  sent,
  START,
  word,
} from './lone-peer.ts';
import { TreeWorld } from './tree-world.ts';

const { ownLineMs, contentMs } = TREE_DEFAULTS;
const { receivedShare, poorReports, delayFactor, delaySlackMs, banMs, longestBanMs, forgetMs } =
  TREE_DEFAULTS;
const { joinBurst, joinsPerSecond, maxBans, starvedMs } = TREE_DEFAULTS;

const POOR = receivedShare - 0.01;

describe('a parent that gives less than it gets', () => {
  test('[F1.1] is left and banned after two reports', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    for (let i = 1; i < poorReports; i++) expect(peer.measured(2, { receivedShare: POOR })).toEqual([]);
    expect(sent('activate', peer.measured(2, { receivedShare: POOR }))).toEqual([3]);
    expect(peer.banned).toEqual({ 2: 'poor-media' });
    expect(about('close', peer.flowing(3))).toEqual([2]);
    expect(peer.active).toEqual([3]);
  });

  test('[F1.1] stays when the reports are not in a row, or it gives enough', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    for (const share of [POOR, 1, POOR, 1, receivedShare, receivedShare]) {
      expect(sent('activate', peer.measured(2, { receivedShare: share }))).toEqual([]);
    }
    expect(peer.banned).toEqual({});
  });

  test('[F1.1] is left without a ban when it says that it gets little itself', () => {
    const peer = new LonePeer().attach(2, word(2, { received: 900 })).standBy(3);
    for (let i = 1; i < poorReports; i++) peer.measured(2, { receivedShare: POOR });
    expect(sent('activate', peer.measured(2, { receivedShare: POOR }))).toEqual([3]);
    expect(peer.banned).toEqual({});
  });

  test('[F1.3] does not count as another one that gives little at the next round trip', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    for (let i = 0; i < poorReports; i++) peer.measured(2, { receivedShare: POOR });
    peer.advance(100);
    peer.measured(2, { rttMs: 40, offsetMs: 0 });
    peer.flowing(3);
    peer.advance(ownLineMs - 100);
    for (let i = 0; i < poorReports; i++) peer.measured(3, { receivedShare: POOR });
    expect(peer.banned).toHaveProperty('3', 'poor-media');
  });

  test('[F1.2] is kept when there is no other', () => {
    const peer = new LonePeer().attach(2);
    for (let i = 0; i < poorReports; i++) peer.measured(2, { receivedShare: POOR });
    expect(peer.view.searchingFor).toBe('parent');
    peer.advance(2_000);
    expect(peer.view.searchingFor).toBe('parent');
    peer.advanceUntil(() => peer.view.searchingFor !== 'parent');
    expect(peer.active).toEqual([2]);
  });

  test('[F1.2] is not made do with once nothing comes from it', () => {
    const peer = new LonePeer().attach(2);
    for (let i = 0; i < poorReports; i++) peer.measured(2, { receivedShare: POOR });
    peer.silent(2);
    peer.advance(120_000);
    expect(peer.view.searchingFor).toBe('parent');
  });

  test('[F1.3] is kept when the one before gave little as well', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    const isPoor = (number: number): void => {
      for (let i = 0; i < poorReports; i++) peer.measured(number, { receivedShare: POOR });
    };
    isPoor(2);
    peer.flowing(3);
    peer.advance(10_000);
    isPoor(3);
    expect([peer.active, Object.keys(peer.banned)]).toEqual([[3], ['2']]);
    peer.advance(contentMs - 1_000);
    isPoor(3);
    expect(peer.active).toEqual([3]);
    // Long after that it is left like any other.
    peer.advance(2_000 + ownLineMs);
    isPoor(3);
    expect(peer.banned).toHaveProperty('3', 'poor-media');
  });

  test('[F1.3] is made do with for twice as long each time, up to ten minutes', () => {
    const { options } = new LonePeer();
    const state = createTreeState(options);
    const link = newParentLink(
      { ...candidate(2), kind: 'browser' },
      { purpose: 'parent', wantsMedia: true, now: START },
    );
    let now = START;
    const lengths = Array.from({ length: 6 }, () => {
      const before = now;
      // One is left, and the next one gives no more.
      expect([makesDo(state, now, link), makesDo(state, now, link)]).toEqual([false, true]);
      now = state.poor.contentUntil;
      return now - before;
    });
    expect(lengths).toEqual([1, 2, 4, 8, 10, 10].map((times) => times * contentMs));
  });

  test('[F1.1] has no children in the end', () => {
    const world = new TreeWorld();
    world.streamer({ maxChildren: 3 });
    const liar = world.join({ maxChildren: 6, uplinkBps: 1e8 });
    liar.givenShare = 0.5;
    const viewers = Array.from({ length: 8 }, () => world.join({ uplinkBps: 20e6 }));
    world.advance(40_000);
    expect(viewers.filter(({ parent }) => parent === liar)).toEqual([]);
    expect(world.unfed).toEqual([]);
  });
});

describe('a lie', () => {
  const paths = {
    'a path shorter than its depth': word(2, { depth: 3 }),
    'a path longer than its depth': word(2, { depth: 1 }),
    'a path that begins elsewhere': { ...word(2), path: word(2, { via: [7, 8] }).path.subarray(4) },
    'a path that ends elsewhere': { ...word(2), path: word(7).path },
  };
  test.each(Object.entries(paths))('[F2.1] like %s is found out at once', (_, state) => {
    const peer = new LonePeer().attach(2).standBy(3);
    const effects = peer.hears(2, state);
    expect(about('close', effects)).toEqual([2]);
    expect(about('play', effects)).toEqual([null]);
    expect(sent('activate', effects)).toEqual([3]);
    expect(peer.banned).toEqual({ 2: 'false-path' });
  });

  test('[F2.1] of a standby is found out too', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    expect(about('close', peer.hears(3, word(3, { depth: 1 })))).toEqual([3]);
    expect(peer.banned).toEqual({ 3: 'false-path' });
  });

  /** 50 ms of the parent's own path, half of 40 ms of round trip, 12 ms for a page. */
  const LIMIT_MS = (50 + 20 + 12) * delayFactor + delaySlackMs;

  test('[F2.2] like a delay that frames take longer than by half and 150 ms is found out', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    expect(sent('activate', peer.measured(2, { latencyMs: LIMIT_MS }))).toEqual([]);
    expect(sent('activate', peer.measured(2, { latencyMs: LIMIT_MS + 1 }))).toEqual([3]);
    expect(peer.banned).toEqual({ 2: 'false-delay' });
  });

  test('[F2.2] is not what a parent tells whose path has become shorter since frames were measured', () => {
    const peer = new LonePeer().attach(2, word(2, { delayMs: 500 })).standBy(3);
    peer.measured(2, { latencyMs: 600 });
    peer.hears(2, word(2, { delayMs: 50 }));
    expect(sent('activate', peer.measured(2, { rttMs: 40, offsetMs: 0 }))).toEqual([]);
    expect(sent('activate', peer.measured(2, { receivedShare: 1 }))).toEqual([]);
    expect(peer.banned).toEqual({});
    expect(sent('activate', peer.measured(2, { latencyMs: 600 }))).toEqual([3]);
    expect(peer.banned).toEqual({ 2: 'false-delay' });
  });

  test('[F2.3] like an epoch that is over is found out after a while', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    peer.advance(2_000);
    peer.hears(3, word(3, { epoch: EPOCH + 1 }));
    peer.advance(5_000);
    peer.hears(2, word(2));
    expect(peer.banned).toEqual({});
    peer.advance(1);
    expect(sent('activate', peer.hears(2, word(2)))).toEqual([3]);
    expect(peer.banned).toEqual({ 2: 'old-epoch' });
  });

  test('[F2.3] is not told by a peer that has no media and no epoch yet', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    peer.hears(3, word(3, { epoch: EPOCH + 1 }));
    peer.advance(5_001);
    peer.hears(2, word(2, { flowing: false }));
    expect(peer.banned).toEqual({});
  });
});

describe('a ban', () => {
  const peer = id(2);
  const lengthOf = (bans: Bans, now: number): number => (bans.get(peer)?.until ?? 0) - now;

  test('[F3.1] doubles with each repetition, up to ten minutes', () => {
    const bans = new Bans(TREE_DEFAULTS);
    const lengths = Array.from({ length: 12 }, () => {
      bans.add(peer, 'no-media', START);
      return lengthOf(bans, START);
    });
    expect(lengths.slice(0, 4)).toEqual([1, 2, 4, 8].map((times) => times * banMs));
    expect(lengths.at(-1)).toBe(longestBanMs);
  });

  test('[F3.1] is shorter for the full and unreachable, and longer for lies', () => {
    const first = (offence: Parameters<Bans['add']>[1]) => {
      const bans = new Bans(TREE_DEFAULTS);
      bans.add(peer, offence, START);
      return lengthOf(bans, START) / banMs;
    };
    expect(
      ['refused', 'unreachable', 'no-media', 'poor-media', 'flood'].map((each) => first(each as 'flood')),
    ).toEqual([0.25, 0.5, 1, 1, 1]);
    expect(['false-delay', 'false-path', 'old-epoch'].map((each) => first(each as 'flood'))).toEqual([
      2, 2, 2,
    ]);
  });

  test('[F3.1] ends, and is forgotten a while after', () => {
    const bans = new Bans(TREE_DEFAULTS);
    bans.add(peer, 'no-media', START);
    const end = START + banMs;
    expect([bans.has(peer, end - 1), bans.has(peer, end)]).toEqual([true, false]);
    bans.add(peer, 'no-media', end + forgetMs);
    expect(bans.get(peer)?.count).toBe(2);
    bans.add(peer, 'no-media', end + 3 * forgetMs);
    expect(bans.get(peer)?.count).toBe(1);
  });

  test('[F3.1, U3.2] is dropped when there are too many, the oldest first', () => {
    const bans = new Bans(TREE_DEFAULTS);
    for (let number = 0; number < maxBans; number++) bans.add(id(100 + number), 'flood', START);
    bans.add(id(100), 'flood', START);
    bans.add(peer, 'flood', START);
    expect(bans.current(START)).toHaveLength(maxBans);
    expect([bans.has(id(100), START), bans.has(id(101), START)]).toEqual([true, false]);
  });

  test('[F3.2] keeps a peer from being asked', () => {
    const viewer = new LonePeer().attach(2).standBy(3);
    viewer.hears(3, word(3, { depth: 1 }));
    expect(probes(viewer.silent(2))).not.toContain(3);
    const found = viewer.found([offered(3), offered(4)]);
    expect([...probes(found), ...joins(found)]).toEqual([4]);
    const sentThere = new LonePeer().attach(2).standBy(3);
    sentThere.hears(3, word(3, { depth: 1 }));
    expect(joins(sentThere.gets(2, { type: 'redirect', parents: [candidate(3)] }))).toEqual([]);
    sentThere.advance(2 * banMs);
    expect(joins(sentThere.gets(2, { type: 'redirect', parents: [candidate(3)] }))).toEqual([3]);
  });

  test('[F3.2] keeps a peer from being asked when it comes after the probe', () => {
    const viewer = new LonePeer().attach(2).standBy(5).child(9);
    viewer.silent(2);
    viewer.found([offered(4)], false);
    viewer.unlinked(5);
    for (let i = 0; i <= joinBurst; i++) viewer.asked(4);
    expect(viewer.banned[4]).toBe('flood');
    expect(joins([...viewer.probed(4), ...viewer.advance(3_000)])).toEqual([]);
  });

  test('[F3.2] keeps a peer from being accepted', () => {
    const viewer = new LonePeer().attach(2).standBy(3);
    viewer.hears(3, word(3, { depth: 1 }));
    expect(viewer.asked(3)).toMatchObject([{ type: 'refuse', reason: 'busy' }]);
  });
});

describe('a flood of joins', () => {
  const answers = (streamer: LonePeer, times: number) =>
    Array.from({ length: times }, () => streamer.asked(2)[0]?.type);

  test('[F4.1] is answered six times and then banned', () => {
    const streamer = loneStreamer(4);
    expect(answers(streamer, joinBurst + 1)).toEqual([
      ...Array.from({ length: joinBurst }, () => 'accept'),
      'refuse',
    ]);
    expect(streamer.banned).toEqual({ 2: 'flood' });
    expect(about('accept', streamer.asked(3))).toEqual([3]);
  });

  test('[F4.1] is none at one join per second', () => {
    const streamer = loneStreamer(4);
    answers(streamer, joinBurst);
    for (let i = 0; i < 20; i++) {
      streamer.now += 1_000 / joinsPerSecond;
      expect(answers(streamer, 1)).toEqual(['accept']);
    }
  });

  test('[F4.1] by ever others takes no more memory', () => {
    const streamer = loneStreamer(1, { tuning: { maxLinks: 0 } });
    for (let i = 0; i < joinBurst; i++) streamer.asked(2);
    for (let number = 1_000; number < 1_300; number++) streamer.asked(number);
    // What was known of the first one has gone.
    streamer.asked(2);
    expect(streamer.banned).toEqual({});
  });
});

describe('a loop', () => {
  test('[L5.4] is left by the peer that finds itself in the path of its parent', () => {
    const peer = new LonePeer().attach(2).child(9);
    const effects = peer.hears(2, word(2, { via: [9, 1, 8] }));
    expect(about('close', effects)).toEqual([2]);
    expect(about('play', effects)).toEqual([null]);
    expect(only('advertise', effects)).toMatchObject([
      { peerId: id(9), state: { depth: null, flowing: false } },
    ]);
    expect(peer.view).toMatchObject({ phase: 'detached', searchingFor: 'parent' });
    expect(peer.banned).toEqual({});
  });

  test('[L5.4] is left before it is played', () => {
    const peer = new LonePeer().attach(2);
    peer.gets(2, { type: 'redirect', parents: [candidate(3)] });
    expect(about('close', peer.up(3, word(3, { via: [1] })))).toEqual([3]);
    expect(peer.active).toEqual([2]);
  });

  test('[L5.4] does not outlive two peers that join each other at the same time', () => {
    const world = new TreeWorld();
    const streamer = world.streamer({ maxChildren: 2 });
    const [a, b] = [
      world.join({ maxChildren: 3, uplinkBps: 1e8 }),
      world.join({ maxChildren: 3, uplinkBps: 1e8 }),
    ];
    Array.from({ length: 4 }, () => world.join({ maxChildren: 2, uplinkBps: 20e6 }));
    world.advance(20_000);
    a.tell({
      type: 'message',
      peerId: streamer.id,
      message: { type: 'redirect', parents: [candidate(b.number)] },
    });
    b.tell({
      type: 'message',
      peerId: streamer.id,
      message: { type: 'redirect', parents: [candidate(a.number)] },
    });
    world.advance(10_000);
    expect(world.loops).toEqual([]);
    expect(world.unfed).toEqual([]);
  });
});

describe('a peer without media', () => {
  const busy = [{ type: 'refuse', reason: 'busy' }];

  test('[F6.1] accepts no child while it is detached', () => {
    const peer = new LonePeer();
    expect(peer.asked(3)).toMatchObject(busy);
    peer.tell({ type: 'start' });
    expect(peer.asked(3)).toMatchObject(busy);
  });

  test('[F6.1] accepts no child while nothing comes', () => {
    const peer = new LonePeer().attach(2);
    peer.silent(2);
    expect(peer.asked(3, { standby: true })).toMatchObject(busy);
    peer.tell({ type: 'revived', peerId: id(2) });
    expect(about('accept', peer.asked(3))).toEqual([3]);
    peer.hears(2, word(2, { flowing: false }));
    expect(peer.asked(4)).toMatchObject(busy);
    peer.advance(starvedMs);
  });

  test('[L5.1, L5.2, F6.1] accepts no child where nobody could stand', () => {
    const deep = word(2, { via: [21, 22, 23, 24, 25, 26, 27, 28, 29, 30] });
    expect(new LonePeer().attach(2, deep).asked(3)).toMatchObject([{ type: 'refuse', reason: 'too-deep' }]);
    const above = new LonePeer().attach(2, word(2, { via: [7, 3] }));
    expect(above.asked(3)).toMatchObject([{ type: 'refuse', reason: 'loop' }]);
  });
});
