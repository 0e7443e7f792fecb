/** What peers say to everybody on the channel (K10): without clocks, keys and channels. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { controlCodec, type Post } from '../src/control-messages.ts';
import { createLinkControl } from '../src/link-control.ts';
import { createPostRouter, postId, type PostInput, type PostRouter } from '../src/posts.ts';
import { peerIdNumbered } from './base58.ts';
import { namesOf, PostWorld, START, type WorldPeer } from './post-world.ts';

/** Longer than any post is under way, and its signature being checked at each hop. */
const SETTLED_MS = 3_000;

/** A streamer, and peers below each other. */
function chain(length: number, world = new PostWorld()): { world: PostWorld; peers: WorldPeer[] } {
  const peers = [world.peer()];
  for (let i = 1; i < length; i++) {
    const [above, below] = [peers[i - 1] as WorldPeer, world.peer()];
    world.link(above, below);
    peers.push(below);
  }
  return { world, peers };
}

/** A peer with a page below, and the streamer above. */
function between(): Record<'streamer' | 'peer' | 'page' | 'other', WorldPeer> & { world: PostWorld } {
  const world = new PostWorld({ mostLatencyMs: 0, checkMs: 0 });
  const [streamer, peer, page, other] = [world.peer(), world.peer(), world.peer(), world.peer()];
  world.link(streamer, peer);
  world.link(peer, page);
  world.link(peer, other);
  return { world, streamer, peer, page, other };
}

function countOf(peer: WorldPeer, reason: string): number {
  return peer.dropped.filter((dropped) => dropped === reason).length;
}

describe('[K10.1] a post', () => {
  test('reaches everybody, whoever sends it', () => {
    const { world, peers } = chain(5);
    const said = peers.map((peer) => world.say(peer));
    world.advance(SETTLED_MS);

    for (const { delivered } of peers) {
      expect(namesOf(delivered).sort()).toEqual(namesOf(said).sort());
    }
    // Over each link once: never back.
    expect(world.sent).toBe(peers.length * (peers.length - 1));
  });

  test('that comes two ways is taken once', () => {
    const { world, peers } = chain(4);
    const [streamer, , , last] = peers as [WorldPeer, WorldPeer, WorldPeer, WorldPeer];
    world.link(streamer, last);
    world.say(last);
    world.say(streamer);
    world.advance(SETTLED_MS);

    for (const { delivered, dropped } of peers) expect([delivered.length, dropped]).toEqual([2, []]);
  });

  test('does not go over standbys', () => {
    const { world, streamer, other } = between();
    world.link(streamer, other, { isStandby: true });
    const before = world.sent;
    world.say(streamer);
    world.advance(SETTLED_MS);

    expect(other.delivered).toHaveLength(1);
    expect(world.sent - before).toBe(3);
  });

  test('is taken from a neighbour that sees no standby where this end does', () => {
    const { world, streamer, peer, other } = between();
    world.link(streamer, other, { isStandby: true });
    world.inject(other, streamer, world.post(streamer));
    world.advance(SETTLED_MS);

    expect([other, peer, streamer].map(({ delivered }) => delivered.length)).toEqual([1, 1, 1]);
  });

  test('comes out of the control channel as it went in, at both ends', () => {
    const post = new PostWorld().post({ id: peerIdNumbered(1) } as WorldPeer, 2_048);
    const message = controlCodec.decode(controlCodec.encode({ type: 'post', ...post }));
    if (message === null) throw new Error('unknown');
    for (const role of ['parent', 'child'] as const) {
      const control = createLinkControl(role);
      control.step(START, { type: 'opened' });
      expect(control.step(START, { type: 'received', message })).toEqual([{ type: 'post', post }]);
    }
  });
});

describe('[K10.2] the name of a post', () => {
  test('is the beginning of its signature', () => {
    const signature = Uint8Array.from({ length: 64 }, (_, i) => i);
    expect(postId({ signature })).toBe('000102030405060708090a0b0c0d0e0f');
  });

  test('is remembered for as long as a replay could be taken', () => {
    const { world, streamer, peer, page } = between();
    // As early as it may be: it stays young for the longest.
    const post = world.post(streamer, 20, START + 10_000);
    world.inject(peer, streamer, post);
    for (let s = 0; s < 90; s++) {
      world.advance(1_000);
      world.inject(peer, page, post);
    }

    expect(peer.delivered).toHaveLength(1);
    expect(countOf(peer, 'stale')).toBeGreaterThan(10);
  });

  test.each([
    [60_000, []],
    [60_001, ['stale']],
    [-10_000, []],
    [-10_001, ['early']],
  ])('of a post %i ms old is dropped as %j', (ageMs, dropped) => {
    const { world, streamer, peer } = between();
    world.inject(peer, streamer, world.post(streamer, 20, START - ageMs));
    world.advance(SETTLED_MS);

    expect(peer.dropped).toEqual(dropped);
    expect(peer.delivered).toHaveLength(1 - dropped.length);
  });
});

describe('[K10.3] checking signatures', () => {
  test('keeps the order of what came over a link', () => {
    const { world, peers } = chain(6, new PostWorld({ mostLatencyMs: 200, checkMs: 15 }));
    const [streamer, , , , , last] = peers as [WorldPeer, ...WorldPeer[]];
    const said: Post[] = [];
    for (let i = 0; i < 15; i++) {
      const post = world.say(streamer);
      if (post !== null) said.push(post);
      world.advance(10);
    }
    world.advance(SETTLED_MS);

    expect(said).toHaveLength(15);
    expect(namesOf(last?.delivered ?? [])).toEqual(namesOf(said));
  });

  test('lets sixteen of one link wait, and sixty-four in all', () => {
    const world = new PostWorld({ checkMs: 1_000_000 });
    const peer = world.peer();
    const relays = Array.from({ length: 6 }, () => world.peer());
    const waiting = relays.map((relay) => {
      world.link(peer, relay, { isRelay: true });
      for (let i = 0; i < 20; i++) world.inject(peer, relay, world.post(relay));
      return peer.router.sizes.waiting;
    });

    expect(waiting).toEqual([16, 32, 48, 64, 64, 64]);
    expect(peer.checks).toBe(1);
    // One of the first link is being checked.
    expect(countOf(peer, 'waiting')).toBe(6 * 20 - 65);
    expect(namesOf(peer.delivered)).toEqual([]);
  });

  test('is done once for posts that came two ways while they waited', () => {
    const world = new PostWorld({ checkMs: 10 });
    const [streamer, one, other, peer] = [world.peer(), world.peer(), world.peer(), world.peer()];
    world.link(one, peer);
    world.link(other, peer);
    const [first, second] = [world.post(streamer), world.post(streamer)];
    for (const post of [first, second]) for (const parent of [one, other]) world.inject(peer, parent, post);
    world.advance(SETTLED_MS);

    expect(namesOf(peer.delivered)).toEqual(namesOf([first, second]));
    expect(peer.checks).toBe(2);
  });

  test('answers nothing to a verdict that was not asked for', () => {
    const { world, peer } = between();
    expect(peer.router.step(world.now, { type: 'checked', isGenuine: true })).toEqual([]);
  });
});

describe('[K10.4] how much is said', () => {
  /** How many of a peer's own posts it allows itself, in a row and then over ten seconds. */
  function admitted(router: PostRouter, bytes: number): [number, number] {
    const count = (from: number, until: number, everyMs: number): number => {
      let sum = 0;
      for (let ms = from; ms < until; ms += everyMs) if (router.admit(START + ms, bytes)) sum++;
      return sum;
    };
    let atOnce = 0;
    while (atOnce < 1_000 && router.admit(START, bytes)) atOnce++;
    return [atOnce, count(100, 10_150, 100)];
  }

  test.each([
    ['a viewer', 1, 20, [5, 10]],
    ['a viewer with two units', 1, 513, [2, 5]],
    ['a viewer with nothing to say', 1, 0, [5, 10]],
    ['the streamer', 0, 512, [20, 50]],
    ['the streamer with long texts', 0, 2_048, [5, 12]],
  ])('is limited for %s', (_, self, bytes, allowed) => {
    const router = createPostRouter({ self: peerIdNumbered(self), channel: peerIdNumbered(0) });
    expect(admitted(router, bytes)).toEqual(allowed);
  });

  test('of one viewer twice the burst passes, whatever it sends', () => {
    const { world, streamer, peer, page } = between();
    for (let i = 0; i < 15; i++) world.inject(peer, page, world.post(page));
    world.advance(100);
    expect(peer.delivered).toHaveLength(10);
    expect(countOf(peer, 'too-many-of-sender')).toBe(5);

    for (let s = 0; s < 20; s++) {
      world.advance(1_000);
      for (let i = 0; i < 3; i++) world.inject(peer, page, world.post(page));
    }
    world.advance(100);
    expect(peer.delivered.length - 10).toBeGreaterThanOrEqual(19);
    expect(peer.delivered.length - 10).toBeLessThanOrEqual(21);
    expect(streamer.delivered).toHaveLength(peer.delivered.length);
  });

  test('of one page all that is below it has a share', () => {
    const { world, peer, page, other } = between();
    const crowd = Array.from({ length: 40 }, () => world.peer());
    for (const one of crowd) {
      world.inject(peer, page, world.post(one));
      world.advance(1);
    }
    expect(countOf(peer, 'too-many-of-page')).toBe(20);

    world.inject(peer, other, world.post(other));
    world.advance(100);
    expect(peer.delivered.at(-1)?.from).toBe(other.id);
    expect(peer.delivered).toHaveLength(21);
  });

  test('of all viewers together so much passes that no link is drowned, and the streamer is heard above them', () => {
    const { world, streamer, peer } = between();
    const crowd = Array.from({ length: 300 }, () => world.peer());
    const relay = world.peer();
    world.link(peer, relay, { isRelay: true });
    const before = peer.delivered.length;
    for (let tenths = 0; tenths < 100; tenths++) {
      for (let i = 0; i < 12; i++) {
        const one = crowd[(tenths * 12 + i) % crowd.length];
        if (one !== undefined) world.inject(peer, relay, world.post(one));
      }
      if (tenths % 10 === 0) world.inject(peer, streamer, world.post(streamer, 2_048));
      world.advance(100);
    }
    const heard = peer.delivered.slice(before);
    const ofViewers = heard.filter(({ from }) => from !== streamer.id).length;
    expect(ofViewers).toBeGreaterThanOrEqual(138);
    expect(ofViewers).toBeLessThanOrEqual(141);
    expect(heard.length - ofViewers).toBe(10);
    expect(countOf(peer, 'too-many')).toBe(1_200 - ofViewers);
  });

  test('long posts of all viewers count by their length', () => {
    const { world, peer } = between();
    const relay = world.peer();
    world.link(peer, relay, { isRelay: true });
    for (let i = 0; i < 12; i++) world.inject(peer, relay, world.post(world.peer(), 2_048));
    world.advance(10);
    expect(peer.delivered).toHaveLength(10);
  });
});

describe('[K10.7] a link that comes into use', () => {
  test('brings what was said while a peer had no parent, to it and from it', () => {
    const world = new PostWorld();
    const [streamer, lost, orphan, child] = [world.peer(), world.peer(), world.peer(), world.peer()];
    world.link(streamer, lost);
    world.link(lost, orphan);
    world.link(orphan, child);
    world.link(streamer, orphan, { isStandby: true });
    world.advance(SETTLED_MS);
    world.cut(lost, orphan);
    world.cut(lost, streamer);

    const fromAbove = world.say(streamer);
    const fromBelow = world.say(child);
    world.advance(500);
    expect([streamer.delivered.length, child.delivered.length]).toEqual([1, 1]);
    world.activate(streamer, orphan);
    world.advance(SETTLED_MS);

    for (const peer of [streamer, orphan, child]) {
      expect(namesOf(peer.delivered).sort()).toEqual(namesOf([fromAbove, fromBelow]).sort());
    }
  });

  test('repeats eight posts of the last five seconds, in their order', () => {
    const { world, streamer } = between();
    world.say(streamer);
    world.advance(4_000);
    const said = Array.from({ length: 10 }, () => world.say(streamer));
    world.advance(1_001);
    const late = world.peer();
    world.link(streamer, late);
    world.advance(3_000);
    expect(namesOf(late.delivered)).toEqual(namesOf(said.slice(-8)));

    world.advance(1_000);
    const later = world.peer();
    world.link(streamer, later);
    world.advance(3_000);
    expect(later.delivered).toEqual([]);
  });

  test('gets back nothing that came over it', () => {
    const { world, streamer, peer } = between();
    world.say(streamer);
    world.advance(100);
    const before = world.sent;
    expect(peer.router.step(world.now, { type: 'used', link: streamer.id })).toEqual([]);
    expect(world.sent).toBe(before);
  });
});

describe('[K10.8] a forged post', () => {
  test('goes no further, and whoever passed it on is not heard for a minute', () => {
    const { world, streamer, peer, page, other } = between();
    world.inject(peer, page, world.forgery(streamer));
    world.advance(10);
    world.inject(peer, page, world.post(page));
    world.advance(10);
    expect(peer.dropped).toEqual(['forged', 'muted']);
    expect([peer, other, streamer].map(({ delivered }) => delivered.length)).toEqual([0, 0, 0]);

    world.advance(60_000);
    world.inject(peer, page, world.post(page));
    world.advance(10);
    expect(peer.delivered).toHaveLength(1);
  });

  test('costs one check, however many come at once', () => {
    const { world, streamer, peer, page } = between();
    for (let i = 0; i < 200; i++) world.inject(peer, page, world.forgery(streamer));
    world.advance(1_000);
    expect(peer.checks).toBe(1);
    expect(peer.delivered).toEqual([]);
    expect(peer.dropped).toHaveLength(200);
  });

  test('with the name of a good one does not keep that one away', () => {
    const { world, streamer, peer, page } = between();
    const good = world.post(streamer);
    world.inject(peer, page, world.forgery(streamer, { signature: good.signature }));
    world.inject(peer, streamer, good);
    world.advance(100);
    expect(namesOf(peer.delivered)).toEqual(namesOf([good]));
  });

  test('uses up nothing of whoever it names', () => {
    const world = new PostWorld({ mostLatencyMs: 0, checkMs: 0 });
    const [, peer, victim] = [world.peer(), world.peer(), world.peer()];
    world.link(peer, victim);
    for (let i = 0; i < 30; i++) {
      const forger = world.peer();
      world.link(peer, forger);
      world.inject(peer, forger, world.forgery(victim));
      world.advance(1);
    }
    for (let i = 0; i < 5; i++) world.inject(peer, victim, world.post(victim));
    world.advance(10);
    expect(peer.delivered).toHaveLength(5);
    expect(peer.router.sizes.senders).toBe(1);
  });
});

describe('[K10.9] what is remembered', () => {
  test('stays within bounds in ten minutes of more than passes', () => {
    const world = new PostWorld({ mostLatencyMs: 0, checkMs: 0 });
    const [streamer, peer, relay] = [world.peer(), world.peer(), world.peer()];
    world.link(streamer, peer);
    world.link(peer, relay, { isRelay: true });
    let most = { ids: 0, senders: 0, waiting: 0, repeated: 0 };
    for (let s = 0; s < 600; s++) {
      for (let i = 0; i < 20; i++) {
        // A stranger each time: names cost nothing.
        const from = { id: peerIdNumbered(10 + s * 20 + i) } as WorldPeer;
        world.inject(peer, relay, world.post(from));
      }
      for (let i = 0; i < 8; i++) world.inject(peer, streamer, world.post(streamer));
      world.advance(1_000);
      const { ids, senders, waiting, repeated } = peer.router.sizes;
      most = {
        ids: Math.max(most.ids, ids),
        senders: Math.max(most.senders, senders),
        waiting: Math.max(most.waiting, waiting),
        repeated: Math.max(most.repeated, repeated),
      };
    }
    // Fifteen a second for 70 s, and the bursts.
    expect(most.ids).toBeGreaterThan(1_000);
    expect(most.ids).toBeLessThan(1_200);
    expect(most).toMatchObject({ senders: 256, waiting: 0, repeated: 8 });
  });

  test('of names ends at 4096, even of what its own owner says', () => {
    const router = createPostRouter({ self: peerIdNumbered(9), channel: peerIdNumbered(0) });
    const said = Array.from({ length: 4_100 }, (_, i) => {
      const signature = new Uint8Array(64);
      new DataView(signature.buffer).setUint32(0, i);
      const post = { from: peerIdNumbered(9), sentAt: START, data: new Uint8Array(1), signature };
      return router.step(START, { type: 'said', post })[0]?.type;
    });
    expect(router.sizes.ids).toBe(4_096);
    expect(said.slice(4_095)).toEqual(['deliver', 'drop', 'drop', 'drop', 'drop']);
  });

  test('of links ends with them', () => {
    const { world, peer, page } = between();
    world.inject(peer, page, world.post(page));
    world.advance(10);
    expect(peer.router.sizes.links).toBe(1);
    world.cut(peer, page);
    expect(peer.router.sizes.links).toBe(0);
  });

  test('any inputs in any order are taken, and checks never overlap', () => {
    const post = fc.record({
      from: fc.nat(3).map(peerIdNumbered),
      sentAt: fc.constant(START),
      data: fc.uint8Array({ maxLength: 40 }),
      signature: fc
        .uint8Array({ minLength: 64, maxLength: 64 })
        .map((bytes) => bytes.fill((bytes[0] ?? 0) & 7)),
    });
    const link = fc.nat(3).map(peerIdNumbered);
    const input: fc.Arbitrary<PostInput> = fc.oneof(
      fc.record({
        type: fc.constant('received' as const),
        post,
        link,
        isPageBelow: fc.boolean(),
        ageMs: fc.integer({ min: -20_000, max: 80_000 }),
      }),
      fc.record({ type: fc.constant('checked' as const), isGenuine: fc.boolean() }),
      fc.record({ type: fc.constant('said' as const), post }),
      fc.record({ type: fc.constantFrom('used' as const, 'unlinked' as const), link }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40_000), input), { maxLength: 120 }), (inputs) => {
        const router = createPostRouter({ self: peerIdNumbered(9), channel: peerIdNumbered(0) });
        let [now, checks] = [START, 0];
        for (const [passed, one] of inputs) {
          now += passed;
          if (one.type === 'checked') checks = Math.max(0, checks - 1);
          const effects = router.step(now, one);
          checks += effects.filter(({ type }) => type === 'check').length;
          expect(checks).toBeLessThanOrEqual(1);
          expect(effects.length).toBeLessThanOrEqual(70);
        }
      }),
    );
  });
});

test('[K10.1, K10.3] in any tree everybody gets each post once, and those of one sender in their order', () => {
  const shapes = fc.record({
    seed: fc.nat(),
    // The parent of each peer after the first, as a share of those before it.
    parents: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 25 }),
    // Further links: second parents that deliver, standbys.
    further: fc.array(fc.tuple(fc.nat(25), fc.nat(25), fc.boolean()), { maxLength: 6 }),
    said: fc.array(fc.tuple(fc.nat(25), fc.integer({ min: 0, max: 400 })), { minLength: 1, maxLength: 12 }),
  });
  fc.assert(
    fc.property(shapes, ({ seed, parents, further, said }) => {
      const world = new PostWorld({ seed, mostLatencyMs: 80, checkMs: 3 });
      const peers = [world.peer()];
      for (const share of parents) {
        const parent = peers[Math.floor(share * peers.length)] as WorldPeer;
        const peer = world.peer();
        world.link(parent, peer);
        peers.push(peer);
      }
      for (const [a, b, isStandby] of further) {
        const [parent, child] = [peers[Math.min(a, b) % peers.length], peers[Math.max(a, b) % peers.length]];
        if (!parent || !child || parent === child || parent.links.has(child.id)) continue;
        world.link(parent, child, { isStandby });
      }
      const posts: Post[] = [];
      for (const [by, waitMs] of said) {
        const post = world.say(peers[by % peers.length] as WorldPeer);
        if (post !== null) posts.push(post);
        world.advance(waitMs);
      }
      world.advance(10 * SETTLED_MS);

      for (const { delivered, dropped } of peers) {
        expect(dropped).toEqual([]);
        expect(namesOf(delivered).sort()).toEqual(namesOf(posts).sort());
      }
      const hasTwoWays = further.some(([, , isStandby]) => !isStandby);
      if (hasTwoWays) return;
      for (const { delivered } of peers) {
        for (const { id } of peers) {
          const ofOne = (all: readonly Post[]): string[] => namesOf(all.filter(({ from }) => from === id));
          expect(ofOne(delivered)).toEqual(ofOne(posts));
        }
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('[K10.4] however many viewers flood a tree, each link carries a bounded number', () => {
  const world = new PostWorld({ mostLatencyMs: 10, checkMs: 0 });
  const [streamer, relay] = [world.peer(), world.peer()];
  world.link(streamer, relay, { isRelay: true });
  const viewers = Array.from({ length: 60 }, () => {
    const viewer = world.peer();
    world.link(relay, viewer);
    return viewer;
  });
  for (let tenths = 0; tenths < 100; tenths++) {
    for (const viewer of viewers) {
      world.say(viewer);
      // Those who do not keep to the limits, too.
      world.inject(relay, viewer, world.post(viewer));
    }
    world.advance(100);
  }
  world.advance(SETTLED_MS);

  expect(streamer.delivered.length).toBeGreaterThan(100);
  // 40 at once, and 10 a second.
  expect(streamer.delivered.length).toBeLessThanOrEqual(140 + 30);
  for (const { delivered } of viewers) expect(delivered.length).toBeLessThanOrEqual(140 + 60 + 30);
});
