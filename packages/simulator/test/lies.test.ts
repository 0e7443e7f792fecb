/** What others hear of a liar. */

import type { LinkState, Standing, TreeEffect, TreeInput, TreePeer } from '@casto/core';
import { encodePath, shortId } from '@casto/core';
import { expect, test } from 'vitest';
import { lyingCore } from '../src/engine/lies.ts';
import { peerIdOf } from '../src/engine/peer-ids.ts';
import { JOIN, STATE } from './small-world.ts';

const path = [0, 1, 2, 3, 4, 5].map((index) => shortId(peerIdOf(index)));
const TRUE_STATE: LinkState = { ...STATE, depth: 5, delayMs: 300, path: encodePath(path) };
const TRUE_STANDING: Standing = {
  kind: 'browser',
  depth: 5,
  delayMs: 300,
  freeSlots: 2,
  ageS: 60,
  layers: 1,
  path: encodePath(path),
  epoch: 3,
  flowing: true,
};
const neighbour = peerIdOf(9);

/** Says what it is told to say, and remembers what it hears. */
class Honest implements TreePeer {
  readonly heard: TreeInput[] = [];
  effects: readonly TreeEffect[] = [];
  due: number | null = null;
  place = TRUE_STANDING;

  step(_now: number, input: TreeInput): readonly TreeEffect[] {
    this.heard.push(input);
    return this.effects;
  }

  deadline(): number | null {
    return this.due;
  }

  standing(): Standing | null {
    return this.place;
  }

  view(): ReturnType<TreePeer['view']> {
    return { parents: [] } as unknown as ReturnType<TreePeer['view']>;
  }
}

function advertised(core: TreePeer): LinkState | undefined {
  const [effect] = core.step(0, { type: 'timeout' });
  return effect?.type === 'advertise' ? effect.state : undefined;
}

test('the shortened path has the depth that it claims, begins with the streamer and ends with the liar', () => {
  const honest = new Honest();
  const liar = lyingCore('short-path', honest, 1);
  honest.effects = [
    { type: 'advertise', peerId: neighbour, state: TRUE_STATE },
    { type: 'report', offer: { kind: 'browser', depth: 5, delayMs: 300, freeSlots: 2, ageS: 1, layers: 1 } },
  ];
  const claimed = { depth: 2, delayMs: 100 };
  const [first, , , , beforeLast, last] = path;

  expect(advertised(liar)).toEqual({
    ...TRUE_STATE,
    ...claimed,
    path: encodePath([first ?? path[0], beforeLast ?? path[0], last ?? path[0]].flatMap((id) => id ?? [])),
  });
  expect(liar.standing(0)).toMatchObject(claimed);
  expect(liar.step(0, { type: 'timeout' })[1]).toMatchObject({ type: 'report', offer: claimed });
});

test('old news are of the epoch before, from the first place that the liar had', () => {
  const honest = new Honest();
  const liar = lyingCore('old-epoch', honest, 1);
  honest.effects = [{ type: 'advertise', peerId: neighbour, state: TRUE_STATE }];
  advertised(liar);
  const elsewhere = { depth: 1, path: encodePath(path.slice(0, 2)), delayMs: 30 };
  honest.effects = [{ type: 'advertise', peerId: neighbour, state: { ...TRUE_STATE, ...elsewhere } }];

  expect(advertised(liar)).toEqual({ ...TRUE_STATE, epoch: 2 });
  honest.place = { ...TRUE_STANDING, ...elsewhere };
  expect(liar.standing(0)).toEqual({ ...TRUE_STANDING, epoch: 2 });
});

test('whoever refuses all says that it is full, and its own core forgets the child', () => {
  const honest = new Honest();
  const liar = lyingCore('refuse', honest, 1);
  const asked: TreeInput = { type: 'asked', peerId: neighbour, addresses: [], join: JOIN };
  honest.effects = [{ type: 'accept', peerId: neighbour, standby: false, layers: 1 }];

  const effects = liar.step(0, asked);

  expect(effects[0]).toMatchObject({ type: 'refuse', peerId: neighbour, reason: 'full' });
  expect(honest.heard).toEqual([asked, { type: 'unlinked', peerId: neighbour, farewell: null }]);
});

test('a flood asks for a place five times a second, and gives back what it gets', () => {
  const honest = new Honest();
  const liar = lyingCore('flood', honest, 1);
  expect(liar.deadline()).toBeNull();
  const candidates = Array.from({ length: 12 }, (_, i) => ({
    peerId: peerIdOf(i + 1),
    addresses: [],
    offer: { kind: 'browser', depth: 1, delayMs: 10, freeSlots: 2, ageS: 1, layers: 1 } as const,
  }));
  liar.step(0, { type: 'found', candidates });

  const joins: TreeEffect[] = [];
  for (let due = liar.deadline(); due !== null && due <= 1_000; due = liar.deadline()) {
    joins.push(...liar.step(due, { type: 'timeout' }));
    const join = joins.at(-1);
    if (join?.type !== 'join') continue;
    const { peerId } = join.candidate;
    expect(
      liar.step(due, { type: 'answered', peerId, answer: { type: 'accepted', kind: 'browser' } }),
    ).toEqual([{ type: 'close', peerId, reason: 'moved' }]);
  }
  expect(joins.map(({ type }) => type)).toEqual(['join', 'join', 'join', 'join', 'join']);
  // Its own core hears nothing of this.
  expect(honest.heard.map(({ type }) => type)).toEqual(['found']);
});
