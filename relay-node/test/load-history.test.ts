import { expect, test } from 'vitest';
import { ProcessRows } from '../src/process-rows.ts';
import { LoadHistory, mostSamples, type LoadReading } from '../src/load-history.ts';

const still: LoadReading = {
  at: 0,
  inBytes: 0,
  outBytes: 0,
  inPackets: 0,
  outPackets: 0,
  viewers: 0,
  cpuMs: 0,
  loopDelayMs: 0,
  memoryBytes: 1,
};

test('counters become rates, and the rest is as it was read', () => {
  const history = new LoadHistory();
  history.add(still);
  expect(history.columns.inBps).toEqual([]);
  history.add({
    ...still,
    at: 2_000,
    inBytes: 1_000,
    outPackets: 10,
    cpuMs: 500,
    viewers: 3,
    loopDelayMs: 1.26,
  });
  expect(history.columns).toEqual({
    inBps: [4_000],
    outBps: [0],
    inPps: [0],
    outPps: [5],
    viewers: [3],
    cpuShare: [0.25],
    loopDelayMs: [1.3],
    memoryBytes: [1],
  });
});

test('counters that begin anew show as nothing, and a clock that stands still adds nothing', () => {
  const history = new LoadHistory();
  history.add({ ...still, at: 1_000, inBytes: 5_000 });
  history.add({ ...still, at: 2_000, inBytes: 10 });
  history.add({ ...still, at: 2_000, inBytes: 20 });
  history.add({ ...still, at: 1_500, inBytes: 30 });
  expect(history.columns.inBps).toEqual([0]);
});

test('only the last minutes are kept', () => {
  const history = new LoadHistory();
  for (let i = 0; i < 3 * mostSamples; i++) history.add({ ...still, at: i * 5_000, viewers: i });
  for (const column of Object.values(history.columns)) expect(column).toHaveLength(mostSamples);
  expect(history.columns.viewers.at(-1)).toBe(3 * mostSamples - 1);
});

test('a process has its share of a core, and none before two readings or when it was replaced', () => {
  const rows = new ProcessRows();
  const reading = { residentBytes: 7, eventLoopDelayMs: 2 };
  const shares = (at: number, cpu: Record<string, number>) => {
    rows.update(
      at,
      Object.entries(cpu).map(([name, cpuSeconds]) => ({ name, cpuSeconds, ...reading })),
    );
    return rows.rows.map(({ cpuShare }) => cpuShare);
  };
  expect(shares(0, { main: 1, 'worker-1': 5 })).toEqual([null, null]);
  expect(shares(2_000, { main: 2, 'worker-1': 1, 'worker-2': 1 })).toEqual([0.5, null, null]);
  expect(shares(2_000, { main: 2 })).toEqual([null]);
  expect(rows.rows).toEqual([{ name: 'main', cpuShare: null, loopDelayMs: 2, memoryBytes: 7 }]);
});
