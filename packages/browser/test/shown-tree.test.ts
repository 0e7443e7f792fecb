/** What `watchTree()` shows of a picture, and to whom. */

import { describe, expect, test } from 'vitest';
import { shortId, type PeerId, type Picture, type SurveyedPeer } from '@casto/core';
import { freshId } from '@casto/host/conformance/loopback-peers';
import type { CastoTree } from '../src/casto-tree.ts';
import { castoTree } from '../src/shown-tree.ts';
import { TreeWatchers } from '../src/tree-watchers.ts';

const [channel, relay, self] = [await freshId(), await freshId(), await freshId()];

function peer(id: PeerId, parent: number | null, changes: Partial<SurveyedPeer> = {}): SurveyedPeer {
  const usual = { kind: 'browser', rttMs: null, bitrateKbps: null, viewers: 1 } as const;
  return { id: shortId(id), parent, ...usual, ...changes };
}

function hex(id: PeerId): string {
  return shortId(id).toString(16).padStart(8, '0');
}

test('a picture becomes a tree with short ids, depths, bits per second and the own place', () => {
  const picture: Picture = {
    depth: 0,
    hidden: 3,
    peers: [
      peer(channel, null, { viewers: 4 }),
      peer(relay, 0, { kind: 'headless', rttMs: 30, bitrateKbps: 2_500, viewers: 4 }),
      peer(self, 1),
    ],
  };
  expect(castoTree(picture, channel, self)).toEqual({
    hidden: 3,
    peers: [
      {
        id: hex(channel),
        parent: null,
        kind: 'streamer',
        depth: 0,
        rttMs: null,
        bitrateBps: null,
        viewers: 4,
        self: false,
      },
      {
        id: hex(relay),
        parent: hex(channel),
        kind: 'headless',
        depth: 1,
        rttMs: 30,
        bitrateBps: 2_500_000,
        viewers: 4,
        self: false,
      },
      {
        id: hex(self),
        parent: hex(relay),
        kind: 'browser',
        depth: 2,
        rttMs: null,
        bitrateBps: null,
        viewers: 1,
        self: true,
      },
    ],
  });
});

test('a relay that takes a broadcast in is the first, and a page that is cut off is no streamer', () => {
  const taken = castoTree(
    { depth: 1, hidden: 0, peers: [peer(relay, null, { kind: 'headless' }), peer(self, 0)] },
    channel,
    self,
  );
  expect(taken.peers).toMatchObject([
    { kind: 'headless', parent: null, depth: 1 },
    { kind: 'browser', depth: 2, self: true },
  ]);
  const alone = castoTree({ depth: 0, hidden: 0, peers: [peer(self, null)] }, channel, self);
  expect(alone.peers).toMatchObject([{ kind: 'browser', parent: null, depth: 0, self: true }]);
});

test('the id of the streamer further down makes nobody the streamer', () => {
  const peers = [peer(relay, null), peer(channel, 0)];
  const { peers: shown } = castoTree({ depth: 0, hidden: 0, peers }, channel, self);
  expect(shown.map(({ kind }) => kind)).toEqual(['browser', 'browser']);
});

describe('those who look', () => {
  const tree: CastoTree = { peers: [], hidden: 1 };

  test('are shown every tree until they stop', () => {
    const watchers = new TreeWatchers();
    const [one, other]: CastoTree[][] = [[], []];
    const first = watchers.add((shown) => void one?.push(shown));
    watchers.add((shown) => void other?.push(shown));
    watchers.show(tree);
    first.stop();
    first.stop();
    watchers.show(tree);
    expect([one, other]).toEqual([[tree], [tree, tree]]);
  });

  test('are told of when the first comes and the last goes, however early or late', () => {
    const watchers = new TreeWatchers();
    const early = watchers.add(() => {});
    const told: boolean[] = [];
    watchers.onWatched = (isWatched) => void told.push(isWatched);
    const late = watchers.add(() => {});
    early.stop();
    late.stop();
    watchers.add(() => {});
    expect(told).toEqual([true, false, true]);
  });
});
