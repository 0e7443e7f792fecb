/** How a picture of the tree comes about, what it costs, and what liars can do to it (K11). */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BRANCH_LIFE_MS,
  BRANCH_MS,
  BRANCH_NEWS_MS,
  MAX_BRANCH_PEERS,
  MAX_DEPTH,
  MAX_PICTURE_PEERS,
  SURVEY_LIFE_MS,
  SURVEY_MS,
} from '../src/config.ts';
import { controlCodec } from '../src/control-messages.ts';
import { shortId } from '../src/peer-id.ts';
import { joinBranches } from '../src/survey/branches.ts';
import { createSurvey } from '../src/survey/survey.ts';
import type { SurveyEffect, SurveyInput, SurveyPlace } from '../src/survey/survey-io.ts';
import type { Branch, SurveyedPeer, SurveyMessage } from '../src/survey/survey-messages.ts';
import { id, START } from './lone-peer.ts';
import { edgesOf, randomParents, SurveyWorld, type Edges, type Sent } from './survey-world.ts';

/** Up twelve hops and down again, each of them as slow as it may be, with all timers as unlucky as they can be. */
const ANY_DEPTH_MS = 2 * MAX_DEPTH * (BRANCH_NEWS_MS + 250 + 20);
const LARGEST_BYTES = 4_096;

/** A tree of 60 peers, in which the last ones are deep. */
const SOME_TREE = randomParents(60, 7, 6);

function peer(number: number, parent: number | null, changes: Partial<SurveyedPeer> = {}): SurveyedPeer {
  const usual = { kind: 'browser', rttMs: 40, bitrateKbps: 900, viewers: 1 } as const;
  return { id: shortId(id(number)), parent, ...usual, ...changes };
}

function isSame(one: Edges, other: Edges): boolean {
  return one.size === other.size && [...one].every(([number, parent]) => other.get(number) === parent);
}

function ofType(sent: readonly Sent[], type: SurveyMessage['type']): Sent[] {
  return sent.filter(({ message }) => message.type === type);
}

function linksOf(sent: readonly Sent[]): Sent[][] {
  const links = new Map<string, Sent[]>();
  for (const one of sent) {
    const key = `${one.from} ${one.to}`;
    links.set(key, [...(links.get(key) ?? []), one]);
  }
  return [...links.values()];
}

/** The least time between two messages of one type on one link in milliseconds, without surveys that are taken back. */
function leastGapMs(sent: readonly Sent[], type: SurveyMessage['type']): number {
  const counted = ofType(sent, type).filter(({ message }) => message.type !== 'survey' || message.isWanted);
  const gaps = linksOf(counted).flatMap((link) => link.slice(1).map(({ at }, i) => at - (link[i]?.at ?? at)));
  return Math.min(Infinity, ...gaps);
}

describe('a small tree', () => {
  test.each([0, 17, 60])('[K11.2, K11.3, K11.8] peer %i sees all of it', (watcher) => {
    const world = new SurveyWorld(SOME_TREE);
    world.watch(watcher);
    world.advance(ANY_DEPTH_MS);

    expect(world.shownTo(watcher)).toEqual(world.edges);
    expect(world.lastPicture(watcher)).toMatchObject({ depth: 0, hidden: 0 });
    const shown = new Map(world.lastPicture(watcher)?.peers.map((each) => [each.id, each]));
    for (const number of world.numbers) {
      expect(shown.get(shortId(id(number)))).toMatchObject({
        kind: 'browser',
        rttMs: number === 0 ? null : 40,
        bitrateKbps: number === 0 ? null : 1_000 + number,
        viewers: world.viewersOf(number),
      });
    }
  });

  test('[K11.3] is shown about once a second while nothing changes', () => {
    const world = new SurveyWorld(SOME_TREE);
    world.watch(60);
    world.advance(ANY_DEPTH_MS);
    const from = world.now;
    world.advance(10_000);
    const shown = world.picturesOf(60).filter(({ at }) => at >= from);
    expect(shown.length).toBeGreaterThanOrEqual(8);
    expect(shown.length).toBeLessThanOrEqual(11);
  });

  test('[K11.2, K11.3, K11.8] any tree, any watchers, until all see all', () => {
    const cases = fc.record({
      count: fc.integer({ min: 0, max: 70 }),
      seed: fc.integer(),
      width: fc.integer({ min: 1, max: 70 }),
      watchers: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
      latencyMs: fc.integer({ min: 0, max: 150 }),
    });
    fc.assert(
      fc.property(cases, ({ count, seed, width, watchers, latencyMs }) => {
        const world = new SurveyWorld(randomParents(count, seed, width), latencyMs);
        const looking = watchers.map((number) => number % world.size);
        for (const number of looking) world.watch(number);
        const { edges } = world;
        const isWhole = (): boolean => looking.every((number) => isSame(world.shownTo(number), edges));
        world.until(isWhole, ANY_DEPTH_MS + 4 * MAX_DEPTH * latencyMs + 2_000);
        for (const number of looking) expect(world.shownTo(number)).toEqual(edges);
        expect(world.refused).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});

describe('nobody looks', () => {
  test('[K11.2] nothing is sent and no timer runs, before and after', () => {
    const world = new SurveyWorld(SOME_TREE);
    world.advance(20_000);
    expect(world.sent).toEqual([]);

    for (const number of [3, 40, 60]) world.watch(number);
    world.advance(10_000);
    for (const number of [3, 40]) world.watch(number, false);
    world.advance(10_000);
    expect(leastGapMs(world.sent, 'picture')).toBeLessThan(2_000);
    world.watch(60, false);
    const stoppedAt = world.now;
    world.advance(20_000);

    const lastAt = Math.max(...world.sent.map(({ at }) => at));
    expect(lastAt - stoppedAt).toBeLessThan(SURVEY_LIFE_MS);
    for (const number of world.numbers) expect(world.deadlineOf(number)).toBeNull();
  });

  test('[K11.1] what a watcher wanted that says nothing more is over within its life', () => {
    const world = new SurveyWorld(SOME_TREE);
    world.watch(60);
    world.advance(8_000);
    world.mute.add(60);
    const mutedAt = world.now;
    world.advance(30_000);
    const lastAt = Math.max(...world.sent.map(({ at }) => at));
    expect(lastAt - mutedAt).toBeLessThan(SURVEY_LIFE_MS + ANY_DEPTH_MS);
    expect(world.deadlineOf(0)).toBeNull();
  });

  test('[K11.2] pictures go only where somebody below looks', () => {
    const world = new SurveyWorld([0, 0, 1, 2, 3]);
    world.watch(3);
    world.advance(10_000);
    const links = new Set(ofType(world.sent, 'picture').map(({ from, to }) => `${from} ${to}`));
    expect([...links]).toEqual(['0 1', '1 3']);
  });
});

describe('what a link carries', () => {
  test('[K11.1, K11.3, K11.8] is bounded, however many look and come and go', () => {
    const world = new SurveyWorld(randomParents(80, 3, 12));
    for (const number of world.numbers) world.watch(number);
    for (let i = 0; i < 100; i++) {
      world.advance(97);
      const number = 1 + ((i * 31) % 80);
      world.watch(number, i % 3 === 0);
      // A leaf that comes and goes is news each time.
      if (i % 2 === 0) world.add(200 + i, number);
      else world.kill(199 + i);
    }
    expect(leastGapMs(world.sent, 'survey')).toBeGreaterThanOrEqual(1_000);
    expect(leastGapMs(world.sent, 'branch')).toBeGreaterThanOrEqual(BRANCH_NEWS_MS);
    expect(leastGapMs(world.sent, 'picture')).toBeGreaterThanOrEqual(250);
    expect(Math.max(...world.sent.map(({ bytes }) => bytes))).toBeLessThanOrEqual(LARGEST_BYTES);
  });

  test('[K11.5, K11.8] a large tree is cut, its branches are known, and whoever looks sees itself', () => {
    const world = new SurveyWorld(randomParents(600, 11));
    const watchers = [0, 1, 300, 599, 600];
    for (const number of watchers) world.watch(number);
    world.advance(10_000);
    for (const number of watchers) {
      const picture = world.lastPicture(number);
      const shown = edgesOf(picture);
      const count = picture?.peers.length ?? 0;
      expect(count).toBeGreaterThanOrEqual(MAX_BRANCH_PEERS);
      expect(count).toBeLessThanOrEqual(MAX_PICTURE_PEERS);
      expect(count + (picture?.hidden ?? 0)).toBe(world.size);
      expect(shown.has(number)).toBe(true);
      for (const [one, parent] of shown) expect(parent).toBe(world.edges.get(one));
      // Large branches are few.
      const large = world.numbers.filter((one) => world.viewersOf(one) > 30);
      expect(large.length).toBeGreaterThan(10);
      expect(large.filter((one) => !shown.has(one))).toEqual([]);
    }
    expect(Math.max(...world.sent.map(({ bytes }) => bytes))).toBeLessThanOrEqual(LARGEST_BYTES);
  });

  test('[K11.4, K11.5] the largest picture takes less than 4 KiB', () => {
    const peers = Array.from({ length: MAX_PICTURE_PEERS }, (_, i) => ({
      id: 0xffffffff - i,
      parent: i === 0 ? null : i - 1,
      kind: 'headless' as const,
      rttMs: 60_000,
      bitrateKbps: 0xffff,
      viewers: 0xffffffff,
    }));
    const message = { type: 'picture', depth: MAX_DEPTH, peers, hidden: 0xffffffff } as const;
    expect(controlCodec.encode(message).length).toBeLessThanOrEqual(LARGEST_BYTES);
  });
});

describe('a tree that changes', () => {
  test('[K11.3] a dead peer is gone and its child shown below another, within seconds', () => {
    // 0 - 1 - 2 - 3 - 4, and 5 beside 2.
    const world = new SurveyWorld([0, 1, 2, 3, 1]);
    for (const number of [0, 4, 5]) world.watch(number);
    world.advance(10_000);
    world.kill(2);
    world.advance(400);
    world.move(3, 5);
    const isMended = (): boolean =>
      [0, 4, 5].every((number) => {
        const shown = world.shownTo(number);
        return !shown.has(2) && shown.get(3) === 5 && shown.get(4) === 3;
      });
    expect(world.until(isMended, 20_000)).toBeLessThan(5_000);
  });

  test('[K11.7] a peer that moves is shown once, and where it went', () => {
    const world = new SurveyWorld([0, 0, 1, 3]);
    world.watch(0);
    world.advance(5_000);
    world.move(3, 2);
    expect(world.until(() => world.shownTo(0).get(3) === 2, 5_000)).toBeLessThan(2_500);
    world.advance(5_000);
    expect(world.shownTo(0)).toEqual(world.edges);
    for (const { picture } of world.picturesOf(0)) {
      expect(new Set(picture.peers.map((each) => each.id)).size).toBe(picture.peers.length);
    }
  });

  test('[K11.9] whoever has no parent is shown its own branch after two seconds, and the tree again when it has one', () => {
    const world = new SurveyWorld([0, 1, 2, 3]);
    world.watch(3);
    world.advance(8_000);
    const before = world.picturesOf(3).length;
    world.kill(1);
    world.advance(1_900);
    expect(world.picturesOf(3).length).toBeLessThanOrEqual(before + 2);
    expect(world.shownTo(3).has(0)).toBe(true);
    world.advance(3_000);
    expect([...world.shownTo(3)]).toEqual([
      [2, null],
      [3, 2],
      [4, 3],
    ]);
    world.move(2, 0);
    world.advance(4_000);
    expect(world.shownTo(3)).toEqual(world.edges);
  });

  test('[K11.6] a child that knows nothing of surveys is shown alone', () => {
    const world = new SurveyWorld([0, 1, 2, 2]);
    world.mute.add(2);
    world.watch(0);
    world.advance(5_000);
    expect([...world.shownTo(0)]).toEqual([
      [0, null],
      [1, 0],
      [2, 1],
    ]);
    expect(world.lastPicture(0)).toMatchObject({ hidden: 2 });
  });
});

/** The peer with number 1: its parent is 9, its child 2, and it looks. */
const PLACE: SurveyPlace = {
  kind: 'headless',
  isRoot: false,
  depth: 1,
  parent: id(9),
  rttMs: 30.4,
  bitrateBps: 2_000_400,
  viewers: 2,
  children: [{ peerId: id(2), kind: 'browser', rttMs: 12.3, viewers: 1 }],
};

function lonePeer(place: SurveyPlace = PLACE) {
  const survey = createSurvey(id(1));
  let now = START;
  const step = (input: SurveyInput): SurveyEffect[] => survey.step(now, input);
  return {
    survey,
    step,
    receive: (from: number, message: SurveyMessage): SurveyEffect[] =>
      step({ type: 'received', from: id(from), role: from === 9 ? 'parent' : 'child', message }),
    /** All that is done until then. */
    advance: (ms: number): SurveyEffect[] => {
      const end = now + ms;
      const effects: SurveyEffect[] = [];
      for (let due = survey.deadline(); due !== null && due <= end; due = survey.deadline()) {
        now = Math.max(now, due);
        effects.push(...step({ type: 'timeout', place }));
      }
      now = end;
      return effects;
    },
  };
}

const WANTED: SurveyMessage = { type: 'survey', isWanted: true };

function sentTo(number: number, effects: readonly SurveyEffect[]): SurveyMessage[] {
  return effects.flatMap((effect) =>
    effect.type === 'send' && effect.to === id(number) ? [effect.message] : [],
  );
}

test('[K11.1] a parent is asked again every two seconds, and told once when nothing is wanted any more', () => {
  const lone = lonePeer();
  lone.step({ type: 'watch', isWatching: true });
  expect(sentTo(9, lone.advance(10 * SURVEY_MS - 1))).toEqual(Array.from({ length: 10 }, () => WANTED));
  lone.step({ type: 'watch', isWatching: false });
  expect(sentTo(9, lone.advance(60_000))).toEqual([{ type: 'survey', isWanted: false }]);
});

test('[K11.1] a survey that is not repeated holds for five seconds', () => {
  const lone = lonePeer();
  lone.receive(9, WANTED);
  expect(sentTo(9, lone.advance(SURVEY_LIFE_MS - 1)).length).toBeGreaterThanOrEqual(4);
  expect(sentTo(9, lone.advance(60_000))).toEqual([]);
});

test('[K11.1] nobody is asked more than once a second, however often somebody changes his mind', () => {
  const lone = lonePeer();
  const askedAt: number[] = [];
  for (let ms = 0; ms < 20_000; ms += 50) {
    if (ms % 300 === 0) lone.step({ type: 'watch', isWatching: ms % 600 === 0 });
    const asked = sentTo(9, lone.advance(50)).filter(
      (message) => message.type === 'survey' && message.isWanted,
    );
    askedAt.push(...asked.map(() => ms));
  }
  const gaps = askedAt.slice(1).map((ms, i) => ms - (askedAt[i] ?? ms));
  expect(askedAt.length).toBeGreaterThan(5);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
});

test('[K11.2] a peer that looks asks its children only while its parent asks it', () => {
  const lone = lonePeer();
  lone.step({ type: 'watch', isWatching: true });
  expect(sentTo(2, lone.advance(10_000))).toEqual([]);
  lone.receive(9, WANTED);
  expect(sentTo(2, lone.advance(1_000))).toEqual([WANTED]);
});

test('[K11.2] a peer that is not asked asks nobody, and a child that gets no media is not asked', () => {
  const lone = lonePeer({ ...PLACE, children: [] });
  lone.receive(2, WANTED);
  const effects = lone.advance(20_000);
  expect(effects).toEqual([]);
  expect(lone.survey.deadline()).toBeNull();
});

test('[K11.3] a branch tells what the peer knows of itself', () => {
  const lone = lonePeer({ ...PLACE, children: [] });
  lone.receive(9, WANTED);
  expect(sentTo(9, lone.advance(0))).toEqual([
    {
      type: 'branch',
      peers: [peer(1, null, { kind: 'headless', rttMs: 30, bitrateKbps: 2_000, viewers: 2 })],
      hidden: 0,
    },
  ]);
});

test('[K11.3] a parent whose media are not played is told that the peer is shown elsewhere', () => {
  const lone = lonePeer();
  lone.step({ type: 'received', from: id(8), role: 'parent', message: WANTED });
  expect(sentTo(8, lone.advance(0))).toEqual([{ type: 'branch', peers: [], hidden: 0 }]);
});

test('[K11.3] of two parents that ask, only the one whose media are played is told the branch', () => {
  const lone = lonePeer();
  for (const number of [8, 9]) {
    lone.step({ type: 'received', from: id(number), role: 'parent', message: WANTED });
  }
  const effects = lone.advance(0);
  expect(sentTo(8, effects)).toEqual([{ type: 'branch', peers: [], hidden: 0 }]);
  expect(sentTo(9, effects)).toMatchObject([{ peers: [{ id: shortId(id(1)) }] }]);
});

test('[K11.3] a new child is told of after half a second, and what else changes after one', () => {
  const lone = lonePeer();
  lone.receive(9, WANTED);
  lone.advance(3_900);
  lone.receive(9, WANTED);
  lone.receive(2, { type: 'branch', peers: [peer(2, null)], hidden: 0 });
  const times: number[] = [];
  for (let ms = 0; ms < 4_000; ms += 10) {
    if (sentTo(9, lone.advance(10)).some(({ type }) => type === 'branch')) times.push(ms);
    if (ms % 300 !== 0) continue;
    const below = ms >= 1_800 ? [peer(3, 0)] : [];
    lone.receive(2, { type: 'branch', peers: [peer(2, null, { viewers: ms }), ...below], hidden: 0 });
  }
  const gaps = times.slice(1).map((ms, i) => ms - (times[i] ?? ms));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(BRANCH_NEWS_MS);
  expect(Math.min(...gaps)).toBeLessThan(BRANCH_MS);
  expect(gaps.filter((ms) => ms >= BRANCH_MS).length).toBeGreaterThanOrEqual(1);
  expect(times.length).toBeLessThanOrEqual(8);
});

describe('[K11.4] what a neighbour says', () => {
  const good = [peer(2, null), peer(3, 0), peer(4, 1)];
  const chain = Array.from({ length: MAX_DEPTH + 2 }, (_, i) => peer(2 + i, i === 0 ? null : i - 1));

  test.each<[string, SurveyedPeer[]]>([
    ['a branch that begins with another peer', [peer(3, null)]],
    ['a second peer without a parent', [peer(2, null), peer(3, null)]],
    ['a first peer with a parent', [peer(2, 0)]],
    ['a peer that is its own parent', [peer(2, null), peer(3, 1)]],
    ['a parent that comes later', [peer(2, null), peer(3, 2), peer(4, 0)]],
    ['a peer twice', [...good, peer(3, 2)]],
    ['a peer too deep', chain],
  ])('is refused: %s', (_, peers) => {
    const lone = lonePeer();
    lone.receive(9, WANTED);
    lone.advance(0);
    expect(lone.receive(2, { type: 'branch', peers, hidden: 0 })).toEqual([
      { type: 'refused', message: 'branch' },
    ]);
    const told = sentTo(9, lone.advance(1_400));
    expect(told.every((message) => message.type === 'branch' && message.peers.length === 1)).toBe(true);
  });

  test('is refused of a picture as well', () => {
    const lone = lonePeer();
    lone.step({ type: 'watch', isWatching: true });
    lone.advance(0);
    const message = { type: 'picture', depth: 0, peers: [peer(9, null), peer(1, 1)], hidden: 0 } as const;
    expect(lone.receive(9, { ...message, peers: [...message.peers] })).toEqual([
      { type: 'refused', message: 'picture' },
    ]);
    expect(lone.receive(9, { ...message, peers: [] })).toEqual([{ type: 'refused', message: 'picture' }]);
    expect(lone.advance(2_000).filter(({ type }) => type === 'picture')).toEqual([]);
  });

  test('counts for nothing when it was not asked for', () => {
    const lone = lonePeer();
    lone.receive(2, { type: 'branch', peers: good, hidden: 0 });
    lone.receive(9, { type: 'picture', depth: 0, peers: [peer(9, null)], hidden: 0 });
    expect(lone.survey.deadline()).toBeNull();
    lone.receive(9, WANTED);
    expect(sentTo(9, lone.advance(0))).toMatchObject([{ peers: [{ id: shortId(id(1)) }] }]);
  });

  test('counts for nothing within 250 ms of the last', () => {
    const lone = lonePeer();
    lone.receive(9, WANTED);
    lone.step({ type: 'watch', isWatching: true });
    lone.advance(0);
    const show = (below: number): void => {
      lone.receive(9, { type: 'picture', depth: 0, peers: [peer(9, null), peer(below, 0)], hidden: 0 });
      lone.receive(2, { type: 'branch', peers: [peer(2, null), peer(below, 0)], hidden: 0 });
    };
    lone.advance(10);
    show(5);
    lone.advance(200);
    show(6);
    const effects = lone.advance(400);
    const shown = effects.flatMap((effect) => (effect.type === 'picture' ? [edgesOf(effect.picture)] : []));
    const told = sentTo(9, effects).flatMap((message) =>
      message.type === 'branch' ? [edgesOf({ depth: 0, ...message })] : [],
    );
    expect([...shown, ...told].map((edges) => [edges.has(5), edges.has(6)])).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  test('counts four times a second at most', () => {
    const lone = lonePeer();
    lone.step({ type: 'watch', isWatching: true });
    lone.advance(0);
    let shown = 0;
    for (let ms = 0; ms < 10_000; ms += 10) {
      lone.receive(9, { type: 'picture', depth: 0, peers: [peer(9, null), peer(ms, 0)], hidden: 0 });
      shown += lone.advance(10).filter(({ type }) => type === 'picture').length;
    }
    expect(shown).toBeGreaterThan(20);
    expect(shown).toBeLessThanOrEqual(41);
  });
});

test('[K11.6] of a child its own link is believed, not its word', () => {
  const lone = lonePeer();
  lone.receive(9, WANTED);
  lone.advance(0);
  const boast = peer(2, null, { kind: 'headless', rttMs: 0, viewers: 7 });
  lone.receive(2, { type: 'branch', peers: [boast, peer(3, 0)], hidden: 4 });
  const [told] = sentTo(9, lone.advance(BRANCH_NEWS_MS));
  expect(told).toMatchObject({
    hidden: 4,
    peers: [{}, { id: shortId(id(2)), kind: 'browser', rttMs: 12, viewers: 7 }, { id: shortId(id(3)) }],
  });
});

test('[K11.6] a child that stops answering is shown alone after three seconds', () => {
  const lone = lonePeer();
  const renew = (): void => void lone.receive(9, WANTED);
  renew();
  lone.advance(0);
  lone.receive(2, { type: 'branch', peers: [peer(2, null), peer(3, 0)], hidden: 0 });
  lone.advance(BRANCH_LIFE_MS - 100);
  renew();
  const told = sentTo(9, lone.advance(1_500)).at(-1);
  expect(told).toMatchObject({ peers: [{ id: shortId(id(1)) }, { id: shortId(id(2)) }] });
});

test('[K11.7] a peer that two children show is where the later one shows it', () => {
  for (const [first, last] of [
    [2, 3],
    [3, 2],
  ] as const) {
    const child = { kind: 'browser', rttMs: 12, viewers: 2 } as const;
    const lone = lonePeer({ ...PLACE, children: [2, 3].map((number) => ({ peerId: id(number), ...child })) });
    lone.receive(9, WANTED);
    lone.advance(0);
    for (const number of [first, last]) {
      const peers = [peer(number, null, { viewers: 2 }), peer(7, 0)];
      lone.receive(number, { type: 'branch', peers, hidden: 0 });
      lone.advance(10);
    }
    const told = sentTo(9, lone.advance(BRANCH_NEWS_MS)).at(-1);
    expect(told?.type === 'branch' && edgesOf({ depth: 0, ...told }).get(7)).toBe(last);
  }
});

describe('branches that are put together', () => {
  const own = peer(1, null, { viewers: 100 });
  const join = (...branches: Branch[]): Branch => joinBranches(own, branches, MAX_BRANCH_PEERS);
  const branch = (...peers: SurveyedPeer[]): Branch => ({ peers, hidden: 0 });
  const edges = (joined: Branch): Edges => edgesOf({ depth: 0, ...joined });

  test('[K11.7] a child is where it is, whoever else claims it', () => {
    const boasts = { viewers: 9 };
    const joined = join(
      branch(peer(2, null, boasts), peer(3, 0, boasts), peer(4, 1)),
      branch(peer(3, null), peer(5, 0)),
    );
    expect(edges(joined)).toEqual(
      new Map([
        [1, null],
        [2, 1],
        [3, 1],
        [5, 3],
      ]),
    );
  });

  test('[K11.7] of others the first branch counts', () => {
    const joined = join(branch(peer(2, null), peer(4, 0)), branch(peer(3, null), peer(4, 0), peer(5, 1)));
    expect(edges(joined)).toEqual(
      new Map([
        [1, null],
        [2, 1],
        [3, 1],
        [4, 2],
      ]),
    );
  });

  test('[K11.7] the reader itself and what would be too deep are left out', () => {
    const chain = Array.from({ length: MAX_DEPTH + 1 }, (_, i) => peer(2 + i, i === 0 ? null : i - 1));
    expect(join(branch(...chain, peer(1, 0), peer(90, MAX_DEPTH + 1)))).toMatchObject({ hidden: 1 });
    expect(join(branch(...chain)).peers).toHaveLength(MAX_DEPTH + 1);
  });

  test('[K11.5] of too many the ones with most viewers stay, then the less deep', () => {
    const joined = joinBranches(
      own,
      [
        branch(peer(2, null, { viewers: 5 }), peer(3, 0, { viewers: 4 }), peer(4, 1), peer(5, 1)),
        branch(peer(6, null, { viewers: 1 })),
        { peers: [peer(7, null, { viewers: 1 })], hidden: 3 },
      ],
      5,
    );
    const kept = [...edges(joined).keys()];
    expect(kept.slice(0, 3)).toEqual([1, 2, 3]);
    expect(new Set(kept.slice(3))).toEqual(new Set([6, 7]));
    expect(joined.hidden).toBe(3 + 2);
  });

  test('[K11.5] equals are listed by their ids, and nobody before whoever is above it for a boast', () => {
    const numbers = [2, 3, 4].sort((one, other) => shortId(id(one)) - shortId(id(other)));
    const [low = 0, middle = 0, high = 0] = numbers;
    const boast = branch(peer(low, null), peer(8, 0, { viewers: 100 }));
    for (const branches of [
      [boast, branch(peer(middle, null)), branch(peer(high, null))],
      [branch(peer(high, null)), branch(peer(middle, null)), boast],
    ]) {
      expect([...edges(join(...branches)).keys()]).toEqual([1, low, middle, high, 8]);
    }
  });

  test('[K11.5, K11.7] whatever is claimed, a branch is a tree, bounded, and counts the rest', () => {
    const claims = fc.array(
      fc.record({
        number: fc.integer({ min: 0, max: 400 }),
        parent: fc.nat(),
        viewers: fc.integer({ min: 0, max: 0xffffffff }),
      }),
      { maxLength: MAX_BRANCH_PEERS },
    );
    const branches = claims.map((list) =>
      branch(
        ...list.map(({ number, parent, viewers }, i) =>
          peer(number, i === 0 ? null : parent % i, { viewers }),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.array(branches, { maxLength: 8 }), fc.integer({ min: 1, max: 128 }), (given, most) => {
        const joined = joinBranches(own, given, most);
        expect(joined.peers.length).toBeLessThanOrEqual(most);
        expect(joined.peers[0]).toEqual(own);
        const depths: number[] = [];
        joined.peers.forEach(({ parent }, i) => {
          if (i > 0) expect(parent).toBeLessThan(i);
          depths.push(parent === null ? 0 : (depths[parent] ?? NaN) + 1);
        });
        expect(Math.max(...depths)).toBeLessThanOrEqual(MAX_DEPTH);
        expect(new Set(joined.peers.map((each) => each.id)).size).toBe(joined.peers.length);
        const claimed = new Set(given.flatMap(({ peers }) => peers.map((each) => each.id)));
        expect(joined.peers.length + joined.hidden).toBeLessThanOrEqual(
          claimed.size + 1 + given.length * 128,
        );
      }),
      { numRuns: 200 },
    );
  });
});

test('[K11.4] a survey takes any input at any time', () => {
  const peers = fc.array(
    fc.record({
      number: fc.integer({ min: 0, max: 12 }),
      parent: fc.option(fc.nat({ max: 6 }), { nil: null }),
    }),
    { maxLength: 6 },
  );
  const messages = fc.oneof(
    fc.record({ type: fc.constant('survey' as const), isWanted: fc.boolean() }),
    fc
      .record({ type: fc.constantFrom('branch' as const, 'picture' as const), peers })
      .map(({ type, peers: list }): SurveyMessage => {
        const said = { hidden: 1, peers: list.map(({ number, parent }) => peer(number, parent)) };
        return type === 'branch' ? { type, ...said } : { type, depth: 0, ...said };
      }),
  );
  const inputs = fc.oneof(
    fc.boolean().map((isWatching): SurveyInput => ({ type: 'watch', isWatching })),
    fc
      .record({
        from: fc.integer({ min: 0, max: 12 }),
        role: fc.constantFrom('parent' as const, 'child' as const),
        message: messages,
      })
      .map(({ from, role, message }): SurveyInput => ({ type: 'received', from: id(from), role, message })),
    fc.integer({ min: 0, max: 12 }).map((number): SurveyInput => ({ type: 'gone', peerId: id(number) })),
    fc
      .record({
        isRoot: fc.boolean(),
        parent: fc.option(fc.constantFrom(id(9), id(3)), { nil: null }),
        children: fc.subarray([2, 3, 4]),
      })
      .map(({ isRoot, parent, children }): SurveyInput => ({
        type: 'timeout',
        place: {
          ...PLACE,
          isRoot,
          parent,
          children: children.map((number) => ({
            peerId: id(number),
            kind: 'browser',
            rttMs: null,
            viewers: number,
          })),
        },
      })),
  );
  const steps = fc.array(fc.record({ input: inputs, afterMs: fc.double({ min: 0, max: 900, noNaN: true }) }));
  fc.assert(
    fc.property(steps, (script) => {
      const survey = createSurvey(id(1));
      let now = START;
      for (const { input, afterMs } of script) {
        now += afterMs;
        const effects = survey.step(now, input);
        expect(effects.length).toBeLessThanOrEqual(40);
        for (const effect of effects) {
          if (effect.type !== 'send') continue;
          expect(controlCodec.decode(controlCodec.encode(effect.message))).toEqual(effect.message);
        }
        if (input.type === 'timeout') expect(survey.deadline() ?? Infinity).toBeGreaterThan(now);
      }
    }),
    { numRuns: 300 },
  );
});
