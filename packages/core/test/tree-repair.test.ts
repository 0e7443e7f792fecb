/** PROTOCOL.md, R: what a peer does when its parent is gone, and what its children notice of it. */

import { describe, expect, test } from 'vitest';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import {
  about,
  candidate,
  EPOCH,
  id,
  joins,
  LonePeer,
  offered,
  only,
  pathOf,
  probes,
  sent,
  word,
} from './lone-peer.ts';
import { EPOCH as WORLD_EPOCH, SILENCE_MS, TreeWorld, type WorldPeer } from './tree-world.ts';

const { activationMs, secondActivationMs, orphanMs, starvedMs } = TREE_DEFAULTS;

/** With a parent 2, and two standbys of which 3 is the nearer one. */
function viewer(): LonePeer {
  return new LonePeer().attach(2).standByAs([
    [4, word(4, { delayMs: 80 })],
    [3, word(3, { delayMs: 60 })],
  ]);
}

describe('a parent', () => {
  test('[R1.1] is played from its first picture since it was asked', () => {
    const peer = new LonePeer();
    peer.tell({ type: 'start' });
    peer.tell({ type: 'named', parents: [candidate(2)] });
    expect(about('play', [...peer.flowing(2), ...peer.up(2)])).toEqual([]);
    expect(peer.flowing(2)).toContainEqual({ type: 'play', peerId: id(2) });
    expect(only('play', peer.flowing(2))).toEqual([]);
  });

  test('[R1.1] that stands by is not played', () => {
    const peer = viewer();
    expect(peer.flowing(3)).toEqual([]);
    expect(peer.active).toEqual([2]);
  });

  test('[R1.2] is kept until the next one delivers, and becomes a standby', () => {
    const peer = new LonePeer().attach(2);
    peer.gets(2, { type: 'redirect', parents: [candidate(3)] });
    peer.up(3, word(3, { via: [] }));
    expect(peer.active).toEqual([2]);
    const effects = peer.flowing(3);
    expect(effects).toContainEqual({ type: 'play', peerId: id(3) });
    expect(sent('pause', effects)).toEqual([2]);
    expect(peer).toMatchObject({ active: [3], standbys: [2] });
  });

  const useless = {
    'is silent': (peer: LonePeer) => peer.silent(2),
    drains: (peer: LonePeer) => peer.gets(2, { type: 'drain', withinMs: 5_000 }),
    'is below the new one': (peer: LonePeer) => peer.hears(2, word(2, { via: [3] })),
  };
  test.each(Object.entries(useless))('[R1.2] that %s is left instead', (_, happens) => {
    const peer = new LonePeer().attach(2);
    peer.gets(2, { type: 'redirect', parents: [candidate(3)] });
    peer.up(3, word(3, { via: [] }));
    happens(peer);
    expect(about('close', peer.flowing(3))).toEqual([2]);
    expect(peer).toMatchObject({ active: [3], standbys: [] });
  });
});

describe('a lost parent', () => {
  const losses = {
    'is silent': (peer: LonePeer) => peer.silent(2),
    'is gone': (peer: LonePeer) => peer.unlinked(2),
    drains: (peer: LonePeer) => peer.gets(2, { type: 'drain', withinMs: 5_000 }),
    'delivers nothing': (peer: LonePeer) => peer.tell({ type: 'starved', peerId: id(2) }),
    lies: (peer: LonePeer) => peer.hears(2, word(2, { depth: 1 })),
  };
  test('[R2.1] that has a standby is replaced without a gap', () => {
    const world = new TreeWorld();
    const streamer = world.streamer({ maxChildren: 3 });
    Array.from({ length: 12 }, () => world.join({ uplinkBps: 20e6 }));
    world.advance(30_000);
    const prepared = (peer: WorldPeer) => peer.children.filter(({ standbys }) => standbys.length > 0);
    const lost = streamer.children.find((peer) => prepared(peer).length > 0);
    const orphans = lost ? prepared(lost) : [];
    expect(orphans).not.toEqual([]);
    if (lost) world.crash(lost);
    world.advance(SILENCE_MS + 6 * world.latencyMs);
    expect(orphans.filter((each) => !world.isFed(each)).map(({ number }) => number)).toEqual([]);
  });

  test.each(Object.entries(losses))(
    '[R2.1] that %s is replaced by the best standby at once',
    (_, happens) => {
      const peer = viewer();
      expect(sent('activate', happens(peer))).toEqual([3]);
    },
  );

  const drain = { type: 'drain', withinMs: 5_000 } as const;

  test('[R2.1] that said that it goes before its first picture is played, and replaced', () => {
    const peer = new LonePeer();
    peer.tell({ type: 'start' });
    peer.tell({ type: 'named', parents: [candidate(2)] });
    peer.up(2);
    peer.gets(2, drain);
    peer.flowing(2);
    expect(peer).toMatchObject({ active: [2], view: { searchingFor: 'parent' } });
  });

  test('[R2.1] is not given up for one that said that it goes', () => {
    const peer = new LonePeer().attach(2);
    peer.gets(2, { type: 'redirect', parents: [candidate(3)] });
    peer.up(3, word(3, { via: [] }));
    expect(about('close', peer.gets(3, drain))).toEqual([3]);
    peer.flowing(3);
    expect(peer.active).toEqual([2]);
  });

  test('[R2.1] is replaced by the best standby, whichever was found first', () => {
    const near = [3, word(3, { delayMs: 60 })] as const;
    const far = [4, word(4, { delayMs: 80 })] as const;
    const chosen = [
      [near, far],
      [far, near],
    ].map((standbys) => sent('activate', new LonePeer().attach(2).standByAs(standbys).silent(2)));
    expect(chosen).toEqual([[3], [3]]);
  });

  test('[R2.1] is not replaced by a standby that could not deliver', () => {
    const unusable = [
      word(3, { flowing: false }),
      word(3, { depth: null }),
      word(3, { epoch: EPOCH - 1 }),
      word(3, { via: [2] }),
      word(3, { via: [21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] }),
    ];
    for (const state of unusable) {
      const peer = viewer();
      peer.tell({ type: 'broadcast', epoch: EPOCH });
      peer.hears(3, state);
      expect(sent('activate', peer.silent(2))).toEqual([4]);
    }
  });

  test('[R2.2] without standbys is looked for among known peers and at the directories, both at once', () => {
    const peer = new LonePeer().attach(2);
    peer.found([offered(5), offered(6)]);
    const effects = peer.silent(2);
    expect(probes(effects)).toEqual([5, 6]);
    expect(only('seek', effects)).toHaveLength(1);
    const wellKnown = new LonePeer().attach(2);
    wellKnown.found([5, 6, 7, 8, 9, 10].map((number) => offered(number)));
    expect(probes(wellKnown.silent(2))).toHaveLength(4);
  });

  test('[R2.2] is followed by the first standby that says that it can deliver', () => {
    const peer = new LonePeer().attach(2).standByAs([[3, word(3, { flowing: false })]]);
    expect(sent('activate', peer.unlinked(2))).toEqual([]);
    expect(sent('activate', peer.hears(3, word(3)))).toEqual([3]);
  });

  describe('[R2.3] that leaves its child too deep', () => {
    const tooDeep = word(2, { via: [102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112] });

    test('is replaced by a standby, and then by another one when that delivers nothing', () => {
      const peer = viewer();
      expect(sent('activate', peer.hears(2, tooDeep))).toEqual([3]);
      expect(peer.view.depth).toBeNull();
      expect(sent('activate', peer.advance(activationMs))).toEqual([4]);
      expect(peer.flowing(4)).toContainEqual({ type: 'play', peerId: id(4) });
      expect(peer).toMatchObject({ active: [4], view: { depth: 3 } });
    });

    test('is looked for anew until the peer has a place, though it delivers all the time', () => {
      const peer = new LonePeer().attach(2).standBy(3);
      peer.hears(2, tooDeep);
      peer.advance(activationMs);
      expect(peer.standbys).toEqual([]);
      expect(peer.looking().view.searchingFor).toBe('parent');
      expect(peer.active).toEqual([2]);
    });

    test('is looked for anew when the standby is lost on the way', () => {
      const peer = new LonePeer().attach(2).standBy(3);
      peer.hears(2, tooDeep);
      peer.unlinked(3);
      expect(peer.looking().view.searchingFor).toBe('parent');
    });

    test('is followed by a standby that gets a place later', () => {
      const peer = new LonePeer().attach(2).standByAs([[3, word(3, { flowing: false })]]);
      peer.hears(2, tooDeep);
      expect(sent('activate', peer.hears(3, word(3)))).toEqual([3]);
    });
  });

  test('[R3.1] is replaced by the second standby when the first is slow', () => {
    const peer = viewer();
    peer.silent(2);
    expect(sent('activate', peer.advance(secondActivationMs - 1))).toEqual([]);
    expect(sent('activate', peer.advance(1))).toEqual([4]);
    expect(peer.flowing(4)).toContainEqual({ type: 'play', peerId: id(4) });
    expect(only('play', peer.flowing(3))).toEqual([]);
  });

  test('[R3.1] is searched for when the only standby is slow', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    expect(only('seek', [...peer.silent(2), ...peer.advance(secondActivationMs - 1)])).toEqual([]);
    expect(only('seek', peer.advance(1))).toHaveLength(1);
  });

  test('[R3.2] is not waited for: what delivers nothing in time is left, and banned if it claimed to have media', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    peer.silent(2);
    expect(about('close', peer.advance(activationMs - 1))).toEqual([]);
    expect(about('close', peer.advance(1))).toEqual([3]);
    expect(peer.banned).toEqual({ 3: 'no-media' });
  });

  test('[R3.2] that has no media itself is left without a ban', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    peer.silent(2);
    peer.hears(3, word(3, { flowing: false }));
    expect(about('close', peer.advance(activationMs))).toEqual([3]);
    expect(peer.banned).toEqual({});
  });

  test('[R4.1] that is heard again before another delivers stays', () => {
    const peer = viewer();
    peer.silent(2);
    peer.tell({ type: 'revived', peerId: id(2) });
    const effects = peer.flowing(3);
    expect(only('play', effects)).toEqual([]);
    expect(sent('pause', effects)).toEqual([3]);
    expect(peer).toMatchObject({ active: [2], standbys: [4, 3] });
  });

  test('[R4.1] that is heard again is not looked for any more', () => {
    const peer = new LonePeer({ tuning: { standbys: 0 } }).attach(2);
    expect(only('seek', peer.silent(2))).toHaveLength(1);
    peer.tell({ type: 'revived', peerId: id(2) });
    expect(only('seek', peer.advance(20_000))).toEqual([]);
  });
});

describe('an orphan', () => {
  /** With a parent, a child, and nobody to turn to. */
  function orphan(): LonePeer {
    return new LonePeer({ tuning: { standbys: 0 } }).attach(2).child(5);
  }

  test('[R5.1] keeps its children while it searches', () => {
    const world = new TreeWorld();
    world.streamer({ maxChildren: 1 });
    const [relay, leaf] = world.chain(2);
    if (!relay || !leaf) throw new Error('no chain');
    world.isCut = (a, b) => [a.id, b.id].includes(world.channel);
    world.sever(relay);
    world.advance(5_000);
    expect(relay.view.phase).toBe('detached');
    expect(relay.children).toEqual([leaf]);
    world.isCut = () => false;
    world.advance(60_000);
    expect([relay, leaf].map((each) => world.isFed(each))).toEqual([true, true]);
  });

  test('[R5.1] tells its children that nothing flows after 400 ms', () => {
    const peer = orphan();
    const early = [...peer.silent(2), ...peer.advance(orphanMs - 1)];
    expect(about('advertise', early)).not.toContain(5);
    const told = only('advertise', peer.advance(1));
    expect(told).toMatchObject([{ peerId: id(5), state: { flowing: false } }]);
  });

  test('[R5.1] tells them that it is detached when the parent is gone', () => {
    const peer = orphan();
    expect(about('advertise', [...peer.unlinked(2), ...peer.advance(orphanMs - 1)])).toEqual([]);
    expect(only('advertise', peer.advance(1))).toMatchObject([{ state: { depth: null, flowing: false } }]);
    const found = [
      ...peer.tell({ type: 'named', parents: [candidate(6)] }),
      ...peer.up(6),
      ...peer.flowing(6),
    ];
    expect(only('advertise', found).find(({ peerId }) => peerId === id(5))).toMatchObject({
      state: { depth: 3, flowing: true },
    });
  });

  test('[R5.1] tells them nothing when it succeeds in time', () => {
    const peer = new LonePeer()
      .attach(2, word(2, { via: [9] }))
      .standBy(3)
      .child(5);
    peer.silent(2);
    peer.advance(100);
    const effects = [...peer.flowing(3), ...peer.advance(orphanMs)];
    const told = only('advertise', effects).filter(({ peerId }) => peerId === id(5));
    expect(told).toMatchObject([{ state: { flowing: true } }]);
  });
});

describe('a child of an orphan', () => {
  test('[R6.1] waits for its parent to repair, and then repairs itself', () => {
    const waits = [1, 2, 3].map((seed) => {
      const peer = new LonePeer({ seed }).attach(2).standBy(3);
      const before = peer.now;
      expect(sent('activate', peer.hears(2, word(2, { flowing: false })))).toEqual([]);
      peer.advanceUntil((effects) => sent('activate', effects).length > 0, 1);
      return peer.now - before;
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(starvedMs);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.5 * starvedMs + 1);
    expect(new Set(waits).size).toBe(3);
  });

  test('[R6.1] waits also when a standby has news meanwhile', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    peer.hears(2, word(2, { depth: null, path: pathOf(2).subarray(4), flowing: false }));
    expect(peer.view.depth).toBeNull();
    expect(sent('activate', peer.hears(3, word(3, { delayMs: 70 })))).toEqual([]);
    expect(sent('activate', peer.advance(1.5 * starvedMs + 1))).toEqual([3]);
  });

  test('[R6.1] stays when its parent has repaired', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    peer.hears(2, word(2, { flowing: false }));
    peer.advance(starvedMs - 1);
    peer.hears(2, word(2));
    expect(sent('activate', peer.advance(2 * starvedMs))).toEqual([]);
  });

  test('[R6.1] waits anew each time that the media stop', () => {
    const peer = new LonePeer().attach(2).standBy(3);
    const stopped = word(2, { flowing: false });
    const patienceMs = starvedMs - 100;
    for (const [state, ms] of [
      [stopped, patienceMs],
      [word(2), 50],
      [stopped, patienceMs],
    ] as const) {
      peer.hears(2, state);
      expect(sent('activate', peer.advance(ms))).toEqual([]);
    }
  });

  test('[R6.1] is fed again when its parent is', () => {
    const world = new TreeWorld();
    const streamer = world.streamer({ maxChildren: 2 });
    Array.from({ length: 12 }, () => world.join({ maxChildren: 2, uplinkBps: 20e6 }));
    world.advance(30_000);
    const lost = streamer.children[0];
    if (!lost) throw new Error('no child');
    world.crash(lost);
    world.advance(activationMs + 1.5 * starvedMs);
    expect(world.unfed).toEqual([]);
  });
});

describe('two live parents', () => {
  test('[R7.1] deliver both, and one that is lost is no interruption', () => {
    const peer = new LonePeer({ tuning: { liveParents: 2 } }).attach(2).standBy(3, 4);
    const second = 3;
    expect(sent('activate', peer.hears(second, word(second, { freeSlots: 1 })))).toEqual([second]);
    const effects = peer.flowing(second);
    expect(only('play', effects)).toEqual([]);
    expect(sent('pause', effects)).toEqual([]);
    expect(peer.active).toEqual([2, second]);
    expect(peer.silent(2)).toContainEqual({ type: 'play', peerId: id(second) });
  });

  test('[R7.2] are the standbys with room, as soon as they have it, and no more than wanted', () => {
    const peer = new LonePeer({ tuning: { liveParents: 2 } }).attach(2).standBy(3, 4);
    expect(sent('activate', peer.advance(3 * TREE_DEFAULTS.upkeepMs))).toEqual([]);
    expect(sent('activate', peer.hears(4, word(4, { freeSlots: 1, delayMs: 400 })))).toEqual([4]);
    expect(sent('activate', peer.hears(3, word(3, { freeSlots: 1 })))).toEqual([]);
    peer.flowing(4);
    expect(sent('activate', peer.advance(3 * TREE_DEFAULTS.upkeepMs))).toEqual([]);
  });

  test('[R7.1] are one too many by default', () => {
    const peer = viewer();
    peer.hears(3, word(3, { freeSlots: 1 }));
    expect(sent('activate', peer.advance(3 * TREE_DEFAULTS.upkeepMs))).toEqual([]);
  });
});

describe('a new epoch', () => {
  test('[R8.1] is followed by everybody', () => {
    const world = new TreeWorld();
    const streamer = world.streamer({ maxChildren: 2 });
    const viewers = Array.from({ length: 8 }, () => world.join({ uplinkBps: 20e6 }));
    world.advance(20_000);
    world.tell(streamer, { type: 'broadcast', epoch: WORLD_EPOCH + 5 });
    world.advance(1_000);
    expect(viewers.map(({ view }) => view.epoch)).toEqual(viewers.map(() => WORLD_EPOCH + 5));
    expect(world.unfed).toEqual([]);
  });

  test('[R8.1] makes parents of an older one useless', () => {
    const peer = viewer();
    peer.hears(4, word(4, { epoch: EPOCH + 1, delayMs: 80 }));
    expect(peer.view.epoch).toBe(EPOCH + 1);
    expect(sent('activate', peer.silent(2))).toEqual([4]);
    peer.flowing(4);
    expect(peer.tree.standing(peer.now)?.epoch).toBe(EPOCH + 1);
  });

  test('[R8.1] is not given up for a parent of an older one that is heard again', () => {
    const peer = viewer();
    peer.hears(4, word(4, { epoch: EPOCH + 1 }));
    peer.silent(2);
    peer.tell({ type: 'revived', peerId: id(2) });
    expect(peer.flowing(4)).toContainEqual({ type: 'play', peerId: id(4) });
    expect(peer.active).toEqual([4]);
  });

  test('[R8.1] comes before the picture of an older one', () => {
    const peer = viewer();
    expect(sent('activate', peer.silent(2))).toEqual([3]);
    peer.tell({ type: 'broadcast', epoch: EPOCH + 1 });
    expect(only('play', peer.flowing(3))).toEqual([]);
    expect(peer.hears(3, word(3, { epoch: EPOCH + 1 }))).toContainEqual({ type: 'play', peerId: id(3) });
  });

  test('[R8.1] is looked for by a peer whose parent stays in the old one', () => {
    const peer = viewer();
    peer.tell({ type: 'broadcast', epoch: EPOCH + 1 });
    peer.advance(5_001);
    peer.hears(4, word(4, { epoch: EPOCH + 1 }));
    expect(sent('activate', peer.hears(2, word(2)))).toEqual([4]);
    expect(joins(peer.done.map(({ effect }) => effect))).not.toContain(5);
  });
});
