import { expect, test } from 'vitest';

import type { CastoStats } from 'casto';

import { factsOf } from '../src/statistics/facts.ts';
import { statsFile, statsFileName } from '../src/statistics/stats-file.ts';
import { plotData, SAMPLES_KEPT, StatsHistory } from '../src/statistics/stats-history.ts';
import { relayingWords } from '../src/words/figures.ts';

const START_MS = Date.UTC(2027, 0, 31, 18, 5, 0);

function viewerStats(lost: number, more: Partial<CastoStats> = {}): CastoStats {
  return {
    role: 'viewer',
    channel: 'channel',
    peerId: 'peer',
    depth: 2,
    path: [],
    parents: [{ peerId: 'parent', kind: 'headless', role: 'active', rttMs: 12 }],
    children: [],
    slots: 3,
    freeSlots: 3,
    search: null,
    forwarding: 'encoded-streams',
    keyFrameRequests: 0,
    video: {
      codec: 'vp8',
      width: 1280,
      height: 720,
      framesPerSecond: 30,
      frames: 1,
      keyFrames: 1,
      packetsLost: lost,
      freezes: 0,
    },
    audio: { codec: 'opus', packetsLost: 0 },
    latencyMs: 140,
    upload: { bytes: 0, bitsPerSecond: 1 },
    download: { bytes: 0, bitsPerSecond: 2_000_000 },
    ...more,
  };
}

function historyOf(...lost: number[]): StatsHistory {
  const history = new StatsHistory();
  lost.forEach((count, second) => history.add(viewerStats(count), 4, START_MS + 1000 * second));
  return history;
}

test('losses are counted from sample to sample; the first one knows of none', () => {
  expect(historyOf(5, 5, 8).samples.map(({ packetsLost }) => packetsLost)).toEqual([0, 0, 3]);
});

test('a count that begins anew, or goes back, is no loss', () => {
  expect(historyOf(10, 2, 3).samples.map(({ packetsLost }) => packetsLost)).toEqual([0, 0, 1]);
});

test('ten minutes are kept, and no more', () => {
  const history = new StatsHistory();
  for (let second = 0; second < SAMPLES_KEPT + 50; second += 1) {
    history.add(viewerStats(0), 0, START_MS + 1000 * second);
  }
  expect(history.samples).toHaveLength(SAMPLES_KEPT);
  expect(history.samples[0]?.atMs).toBe(START_MS + 50_000);
});

test('a viewer receives, a streamer sends', () => {
  const history = historyOf(0);
  history.add(viewerStats(0, { role: 'streamer' }), 0, START_MS + 1000);
  expect(history.samples.map(({ bitrateBps }) => bitrateBps)).toEqual([2_000_000, 1]);
});

test('plots get times in seconds, and a gap where a tab slept', () => {
  const history = historyOf(0, 0);
  history.add(viewerStats(0, { latencyMs: null }), 0, START_MS + 61_000);
  const startS = START_MS / 1000;
  expect(plotData(history.samples, 'latencyMs')).toEqual([
    [startS, startS + 1, startS + 31, startS + 61],
    [140, 140, null, null],
  ]);
  expect(plotData([], 'depth')).toEqual([[], []]);
});

test('the file holds the samples and the last look, and its name sorts by time', () => {
  const history = historyOf(0, 1);
  const file: unknown = JSON.parse(statsFile(history, { userAgent: 'Browser/1', nowMs: START_MS }));
  expect(file).toMatchObject({
    format: 'casto-statistics',
    version: 1,
    savedAt: '2027-01-31T18:05:00.000Z',
    userAgent: 'Browser/1',
    samples: [{ atMs: START_MS }, { packetsLost: 1, viewers: 4, depth: 2 }],
    stats: { role: 'viewer', latencyMs: 140 },
  });
  expect(statsFileName(START_MS)).toBe('casto-2027-01-31-18-05-00.json');
});

test('the next broadcast begins with an empty history', () => {
  const history = historyOf(7);
  history.clear();
  expect(history.samples).toEqual([]);
  expect(history.latest).toBeNull();
  history.add(viewerStats(9), 0, START_MS);
  expect(history.samples[0]?.packetsLost).toBe(0);
});

test('the figures of the moment are named', () => {
  expect(factsOf(null)).toEqual([]);
  const facts = new Map(factsOf(viewerStats(0, { search: 'better' })));
  expect(facts.get('Picture')).toBe('1280 × 720 at 30');
  expect(facts.get('Children')).toBe('0 of 3');
  expect(facts.get('Looking for')).toBe('a better parent');
});

test('viewers are told to how many they relay', () => {
  const child = { peerId: 'child', kind: 'browser', role: 'active', rttMs: null } as const;
  const words = (changes: Partial<CastoStats>) => relayingWords(viewerStats(0, changes), 'on');
  expect(words({ children: [child] })).toMatch(/relaying to 1 other viewer\./);
  expect(words({ children: [child, child] })).toMatch(/relaying to 2 other viewers\./);
  expect(words({})).toMatch(/nobody yet/);
  expect(words({ slots: 0 })).toMatch(/no room/);
  expect(words({ role: 'streamer' })).toBe('');
  expect(relayingWords(null, 'on')).toBe('');
});

test('whoever passes nothing on by choice is told that, and nothing of missing room', () => {
  expect(relayingWords(viewerStats(0, { slots: 0 }), 'off')).toBe('You pass nothing on.');
});
