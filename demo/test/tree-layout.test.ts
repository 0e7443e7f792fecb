import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { CastoTreePeer } from 'casto';

import { layOutTree } from '../src/tree/tree-layout.ts';
import type { PlacedPeer } from '../src/tree/tree-layout.ts';

function peer(id: string, parent: string | null, depth: number): CastoTreePeer {
  const kind = parent === null ? 'streamer' : 'browser';
  return { id, parent, kind, depth, rttMs: null, bitrateBps: null, viewers: 0, self: false };
}

/** Trees in which the parent of each peer is one before it. */
const trees = fc.array(fc.nat(), { maxLength: 120 }).map((choices) => {
  const peers = [peer('p0', null, 0)];
  choices.forEach((choice, index) => {
    const parent = peers[choice % peers.length] ?? peer('p0', null, 0);
    peers.push(peer(`p${index + 1}`, parent.id, parent.depth + 1));
  });
  return peers;
});

/** What peers tell of each other while a tree changes: parents that are gone, circles, names that occur twice. */
const rumours = fc.array(
  fc
    .record({ id: fc.nat(30), parent: fc.option(fc.nat(40)), depth: fc.nat(12) })
    .map(({ id, parent, depth }) => peer(`p${id}`, parent === null ? null : `p${parent}`, depth)),
  { maxLength: 60 },
);

test('a chain with a fork: hops are columns, leaves are rows, a parent stands between its children', () => {
  const layout = layOutTree([peer('s', null, 0), peer('r', 's', 1), peer('a', 'r', 2), peer('b', 'r', 2)]);
  const at = (id: string) => {
    const found = layout.peers.find((placed) => placed.peer.id === id);
    return [found?.column, found?.row];
  };
  expect([at('s'), at('r'), at('a'), at('b')]).toEqual([
    [0, 0.5],
    [1, 0.5],
    [2, 0],
    [2, 1],
  ]);
  expect([layout.columns, layout.rows]).toEqual([3, 2]);
  expect(new Set(layout.links.map(({ from, to }) => from.peer.id + to.peer.id))).toEqual(
    new Set(['ra', 'rb', 'sr']),
  );
});

test('an empty tree takes no rows', () => {
  expect(layOutTree([])).toEqual({ peers: [], links: [], columns: 1, rows: 0 });
});

test('everybody is drawn once, a hop to the right of the parent, nobody on top of anybody, no lines cross', () => {
  fc.assert(
    fc.property(trees, (peers) => {
      const { peers: placed, links, rows, columns } = layOutTree(peers);
      expect(placed).toHaveLength(peers.length);
      expect(new Set(placed.map(({ peer: { id } }) => id))).toEqual(new Set(peers.map(({ id }) => id)));
      expect(links).toHaveLength(peers.length - 1);
      for (const { from, to } of links) expect(to.column).toBe(from.column + 1);
      for (const { row, column } of placed) {
        expect(row).toBeGreaterThanOrEqual(0);
        expect(row).toBeLessThan(rows);
        expect(column).toBeLessThan(columns);
      }
      expect(new Set(placed.map(placeOf)).size).toBe(placed.length);
      // Between two columns the lines keep the order of their ends.
      for (let column = 0; column < columns; column += 1) {
        const between = links.filter(({ from }) => from.column === column);
        between.sort((one, other) => one.to.row - other.to.row);
        const starts = between.map(({ from }) => from.row);
        expect(starts).toEqual(starts.toSorted((one, other) => one - other));
      }
    }),
  );
});

test('rumours that contradict each other are drawn too, everybody once', () => {
  fc.assert(
    fc.property(rumours, (peers) => {
      const { peers: placed, rows } = layOutTree(peers);
      const ids = placed.map(({ peer: { id } }) => id);
      expect(new Set(ids)).toEqual(new Set(peers.map(({ id }) => id)));
      expect(ids).toHaveLength(new Set(ids).size);
      expect(rows).toBeLessThanOrEqual(placed.length);
    }),
  );
});

test('the order does not depend on the order of the reports', () => {
  fc.assert(
    fc.property(trees, (peers) => {
      const placesOf = (all: readonly PlacedPeer[]) =>
        new Map(all.map((placed) => [placed.peer.id, placeOf(placed)]));
      expect(placesOf(layOutTree(peers.toReversed()).peers)).toEqual(placesOf(layOutTree(peers).peers));
    }),
  );
});

test('a tree as deep as a list is long does not exhaust the stack', () => {
  const chain = Array.from({ length: 2000 }, (_, index) =>
    peer(`p${index}`, index === 0 ? null : `p${index - 1}`, index),
  );
  expect(layOutTree(chain).columns).toBe(2000);
});

function placeOf({ column, row }: PlacedPeer): string {
  return `${column}/${row}`;
}
