/** Whom neighbours name to each other, and how often they are asked (K9). */

import { describe, expect, test } from 'vitest';
import { MAX_DEPTH, MAX_NEIGHBOURS } from '../src/config.ts';
import { controlCodec, type LinkState } from '../src/control-messages.ts';
import { createLinkControl, type LinkInput } from '../src/link-control.ts';
import { neighboursFor, type KnownNeighbour } from '../src/neighbours.ts';
import { encodePath, shortId } from '../src/peer-id.ts';
import type { Neighbour } from '../src/standing.ts';
import { LinkWorld, someState, START, type Role } from './link-world.ts';
import { id } from './lone-peer.ts';
import { seededRandom } from './seeded-random.ts';

const asker = id(1);

function path(...numbers: number[]): Uint8Array {
  return encodePath(numbers.map((number) => shortId(id(number))));
}

function known(
  number: number,
  { state = {}, ...link }: Partial<Omit<KnownNeighbour, 'state'>> & { state?: Partial<LinkState> } = {},
): KnownNeighbour {
  return {
    peerId: id(number),
    kind: 'browser',
    addresses: [],
    rttMs: 40,
    isParent: false,
    state: someState({ path: path(0, number), ...state }),
    ...link,
  };
}

function named(links: readonly KnownNeighbour[], layers = 0b1): Neighbour[] {
  return neighboursFor({ asker, layers }, links, seededRandom(1));
}

function numbersOf(links: readonly KnownNeighbour[], layers = 0b1): number[] {
  const found = named(links, layers).map(({ peerId }) => peerId);
  return links.flatMap((link, i) => (found.includes(link.peerId) ? [i] : []));
}

const told: Neighbour = {
  peerId: id(2),
  addresses: ['/ip4/192.0.2.1/tcp/1/ws'],
  standing: {
    kind: 'browser',
    depth: 1,
    delayMs: 60,
    freeSlots: 3,
    ageS: 90,
    layers: 0b001,
    path: path(0, 2),
    epoch: 1_700_000_000,
    flowing: true,
  },
  rttMs: 40,
};

describe('[K9.2] a peer that is asked for its neighbours', () => {
  test('tells what each told of its place, and the round trip', () => {
    const { addresses } = told;
    expect(named([known(2, { addresses })])).toEqual([told]);
    const message = { type: 'neighbours', peers: named([known(2, { addresses })]) } as const;
    expect(controlCodec.decode(controlCodec.encode(message))).toEqual(message);
  });

  test.each<[string, KnownNeighbour]>([
    ['the asker', known(1)],
    ['a peer below the asker', known(2, { state: { depth: 2, path: path(0, 1, 2) } })],
    ['a detached peer', known(2, { state: { depth: null } })],
    ['a peer without media', known(2, { state: { flowing: false } })],
    ['a peer with other layers', known(2, { state: { layers: 0b010 } })],
    ['a peer whose child would be too deep', known(2, { state: { depth: MAX_DEPTH } })],
    ['a peer that has told nothing', { ...known(2), state: null }],
    ['a peer whose round trip is not known', known(2, { rttMs: null })],
    ['a child without a free slot', known(2, { state: { freeSlots: 0 } })],
  ])('does not name %s', (_, link) => expect(named([link])).toEqual([]));

  test('names a parent without a free slot, after those that have one', () => {
    const full = known(2, { isParent: true, state: { freeSlots: 0, delayMs: 1 } });
    const free = known(3, { state: { delayMs: 900 } });
    expect(named([full, free]).map(({ peerId }) => peerId)).toEqual([id(3), id(2)]);
  });

  test('names six at most, by their delay', () => {
    const links = Array.from({ length: 10 }, (_, i) => known(2 + i, { state: { delayMs: 100 - i } }));
    expect(numbersOf(links)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(named(links)).toHaveLength(MAX_NEIGHBOURS);
  });

  test('names its parents whatever the number of its children, and draws among those', () => {
    const parent = known(2, { isParent: true, state: { delayMs: 1 } });
    const children = Array.from({ length: 200 }, (_, i) => known(10 + i));
    const random = seededRandom(3);
    const ask = (): Neighbour[] => neighboursFor({ asker, layers: 1 }, [...children, parent], random);
    const answers = Array.from({ length: 50 }, ask);

    expect(answers.every(([first]) => first?.peerId === parent.peerId)).toBe(true);
    expect(new Set(answers.flat().map(({ peerId }) => peerId)).size).toBeGreaterThan(60);
  });

  test('draws as many children as make twelve with its parents', () => {
    const parents = [2, 3].map((number) => known(number, { isParent: true }));
    const children = Array.from({ length: 200 }, (_, i) => known(10 + i));
    let drawn = 0;
    const random = (): number => {
      drawn++;
      return 0;
    };
    neighboursFor({ asker, layers: 1 }, [...parents, ...children], random);
    expect(drawn).toBe(12 - parents.length);
  });

  test('tells the layers of each as they are', () => {
    const links = [
      known(2, { state: { layers: 0b011 } }),
      known(3, { state: { layers: 0b100, delayMs: 61 } }),
    ];
    expect(named(links, 0b110).map(({ standing }) => standing.layers)).toEqual([0b011, 0b100]);
  });
});

describe.each<[Role, Role]>([
  ['child', 'parent'],
  ['parent', 'child'],
])('a question of a %s to its %s', (asking, asked) => {
  test('[K9.1] reaches the owner with the layers, and the answer comes back', () => {
    const world = new LinkWorld({ latencyMs: 10 });
    world.open();
    world[asking].step({ type: 'seek', layers: 0b101 });
    world.advance(20);
    expect(world.effectsOf(asked)).toContainEqual({ type: 'neighbours-wanted', layers: 0b101 });

    world[asking].step({ type: 'received', message: { type: 'neighbours', peers: [told] } });
    expect(world.effectsOf(asking)).toContainEqual({ type: 'neighbours', peers: [told] });
  });

  test('[K9.1] is put at most once a second', () => {
    const control = createLinkControl(asking);
    control.step(START, { type: 'opened' });
    const sent = [0, 1, 999, 1_000, 1_500, 2_000].filter(
      (ms) => control.step(START + ms, { type: 'seek', layers: 1 }).length > 0,
    );
    expect(sent).toEqual([0, 1_000, 2_000]);
  });

  test('[K9.1] is answered at most every 500 ms, however many come', () => {
    const control = createLinkControl(asked);
    control.step(START, { type: 'opened' });
    let answered = 0;
    for (let ms = 0; ms < 5_000; ms++) {
      const effects = control.step(START + ms, { type: 'received', message: { type: 'seek', layers: 1 } });
      answered += effects.filter(({ type }) => type === 'neighbours-wanted').length;
    }
    expect(answered).toBe(10);
  });

  test('[K9.3] is answered once, and an answer that nobody asked for is ignored', () => {
    const control = createLinkControl(asking);
    const answer: LinkInput = { type: 'received', message: { type: 'neighbours', peers: [told] } };
    control.step(START, { type: 'opened' });
    expect(control.step(START + 1, answer)).toEqual([]);
    control.step(START + 2, { type: 'seek', layers: 1 });
    expect(control.step(START + 3, answer)).toEqual([{ type: 'neighbours', peers: [told] }]);
    expect(control.step(START + 4, answer)).toEqual([]);
  });
});
