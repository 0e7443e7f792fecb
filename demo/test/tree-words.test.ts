import { expect, test } from 'vitest';

import type { CastoTreePeer } from 'casto';

import { changesBetween, changeWords } from '../src/tree/tree-changes.ts';
import { linkWords, nameOf, summaryWords } from '../src/tree/tree-words.ts';

const STREAMER: CastoTreePeer = {
  id: '00000000',
  parent: null,
  kind: 'streamer',
  depth: 0,
  rttMs: null,
  bitrateBps: null,
  viewers: 2,
  self: false,
};
const RELAY: CastoTreePeer = { ...STREAMER, id: '11112222', parent: '00000000', kind: 'headless', depth: 1 };
const VIEWER: CastoTreePeer = { ...STREAMER, id: 'aaaabbbb', parent: '11112222', kind: 'browser', depth: 2 };
const SELF: CastoTreePeer = { ...VIEWER, id: 'ccccdddd', self: true, rttMs: 12.4, bitrateBps: 1_840_000 };

test('peers are called by what they are, and the one who looks is you', () => {
  expect([STREAMER, RELAY, VIEWER, SELF].map(nameOf)).toEqual([
    'Streamer',
    'Relay 1111',
    'Viewer aaaa',
    'You',
  ]);
});

test('a link is told by round trip and bitrate, as far as they are known', () => {
  expect(linkWords(SELF)).toBe('12 ms · 1.8 Mb/s');
  expect(linkWords({ ...SELF, rttMs: 0.2, bitrateBps: null })).toBe('<1 ms');
  expect(linkWords(VIEWER)).toBe('');
});

test('one sentence sums the tree up', () => {
  expect(summaryWords({ peers: [STREAMER, RELAY, VIEWER, SELF], hidden: 0 })).toBe(
    '1 relay and 2 viewers, 2 levels deep. You are 2 hops from the streamer.',
  );
  expect(summaryWords({ peers: [{ ...STREAMER, self: true }, RELAY], hidden: 1 })).toBe(
    '1 relay and 0 viewers, 1 level deep. 1 more peer is not shown.',
  );
  expect(summaryWords({ peers: [], hidden: 0 })).toBe('Nobody is known yet.');
});

test('a relay that dies and the viewer that finds another parent are news', () => {
  const other: CastoTreePeer = { ...RELAY, id: '33334444' };
  const before = [STREAMER, RELAY, VIEWER];
  const after = [STREAMER, other, { ...VIEWER, parent: other.id }];
  const changes = changesBetween(before, after);
  expect(changes).toEqual({ joined: ['33334444'], left: ['11112222'], moved: ['aaaabbbb'] });
  expect(changeWords(changes)).toBe('One peer left, One peer found another parent, One peer joined.');
});

test('a tree that stays has no news', () => {
  const changes = changesBetween([STREAMER, RELAY], [{ ...RELAY, rttMs: 3 }, STREAMER]);
  expect(changes).toEqual({ joined: [], left: [], moved: [] });
  expect(changeWords(changes)).toBe('');
});
