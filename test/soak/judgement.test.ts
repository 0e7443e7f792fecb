/** What a soak fails for. */

import { describe, expect, test } from 'vitest';
import { isMet } from '../bench/report.ts';
import { judgeSoak } from './judgement.ts';
import type { RelaySample } from './relay-samples.ts';
import type { SoakReport } from './relay-soak.ts';

const SAMPLE: RelaySample = {
  atS: 0,
  residentMb: 200,
  heapMb: 40,
  openFiles: 30,
  resources: 26,
  children: 1,
  guests: 0,
  eventLoopP99Ms: 10,
};
const REPORT: SoakReport = {
  samples: Array.from({ length: 10 }, () => SAMPLE),
  before: SAMPLE,
  after: SAMPLE,
  joins: 10,
  guests: 3,
  leaves: 2,
  kills: 2,
  relayKills: 1,
  packets: 1_000,
  lost: 0,
  problems: [],
};

/** @returns What is not as it should be. */
function faults(changes: Partial<SoakReport>): string[] {
  const goals = judgeSoak({ ...REPORT, ...changes });
  return goals.filter((goal) => !isMet(goal)).map(({ what }) => what);
}

test('a relay that holds afterwards what it held before passes', () => {
  expect(faults({})).toEqual([]);
});

describe('fails for', () => {
  test.each<[string, Partial<RelaySample>]>([
    ['files left open', { openFiles: 37 }],
    ['sockets, timers and pipes left', { resources: 35 }],
    ['links left', { children: 2 }],
    ['WHIP and WHEP sessions left', { guests: 1 }],
  ])('%s', (what, left) => {
    expect(faults({ after: { ...SAMPLE, ...left } })).toEqual([what]);
  });

  test('memory that grows all the while', () => {
    const samples = Array.from({ length: 20 }, (_, i) => ({
      ...SAMPLE,
      residentMb: 200 + 4 * i,
      heapMb: 40 + i,
    }));
    expect(faults({ samples })).toEqual(['memory of the process, growth', 'JS heap, growth']);
  });

  test('a soak without samples', () => {
    expect(faults({ samples: [] })).toEqual(['memory of the process, growth', 'JS heap, growth']);
  });

  test('lost packets, and problems', () => {
    expect(faults({ lost: 1, problems: ['a crowd was not let in'] })).toEqual([
      'packets lost by the viewer that stays',
      'problems',
    ]);
  });
});

test('what libp2p opens and closes by itself is not held against it', () => {
  expect(faults({ after: { ...SAMPLE, openFiles: 36, resources: 34 } })).toEqual([]);
});
