import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { CASTO } from '../../src/casto.ts';
import { CastoError } from '../../src/errors.ts';
import { asCastoError, CastoRun, isFlowing } from '../../src/player/casto-run.ts';
import type { CastoStats } from '../../src/stats.ts';

const STATS: CastoStats = {
  role: 'viewer',
  channel: 'abc',
  peerId: 'me',
  depth: 1,
  path: [],
  parents: [{ peerId: 'relay', kind: 'headless', role: 'active', rttMs: 1 }],
  children: [],
  slots: 0,
  freeSlots: 0,
  search: null,
  forwarding: 'none',
  keyFrameRequests: 0,
  video: null,
  audio: null,
  latencyMs: null,
  upload: { bytes: 0, bitsPerSecond: 0 },
  download: { bytes: 1, bitsPerSecond: 1 },
};

/** Stands for a CASTO object: what it tells is up to the test. */
class FakeCasto extends EventTarget {
  stopped = 0;
  current = STATS;
  settle: { resolve: (stream: MediaStream) => void; reject: (error: unknown) => void } | null = null;

  start(): Promise<MediaStream> {
    return new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }
  stats(): Promise<CastoStats> {
    return Promise.resolve(this.current);
  }
  stop(): Promise<void> {
    this.stopped++;
    return Promise.resolve();
  }
  tell(type: string, detail: unknown = {}): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function begin(create?: () => CASTO): { run: CastoRun; casto: FakeCasto; heard: string[] } {
  const casto = new FakeCasto();
  const heard: string[] = [];
  const run = new CastoRun(create ?? (() => casto as unknown as CASTO), {
    onState: (state) => heard.push(state),
    onStream: () => heard.push('stream'),
    onAttached: () => heard.push('attached'),
    onError: ({ reason }) => heard.push(`error ${reason}`),
  });
  return { run, casto, heard };
}

const STREAM = {} as MediaStream;

async function goLive(casto: FakeCasto): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  casto.settle?.resolve(STREAM);
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a run', () => {
  test('tells the stream, then that it is live', async () => {
    const { run, casto, heard } = begin();
    expect(heard).toEqual([]);
    await goLive(casto);
    expect(heard).toEqual(['connecting', 'stream', 'live']);
    expect(run.state).toBe('live');
    await run.stop();
  });

  test('speaks of waiting when no picture comes for some seconds', async () => {
    const { run, casto, heard } = begin();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(heard).toEqual(['connecting', 'waiting']);
    await goLive(casto);
    expect(run.state).toBe('live');
    await run.stop();
  });

  test('that is stopped at once begins nothing', async () => {
    const create = vi.fn<() => CASTO>(() => new FakeCasto() as unknown as CASTO);
    const { run, heard } = begin(create);
    await run.stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(create).not.toHaveBeenCalled();
    expect(heard).toEqual([]);
  });

  test('that is stopped while the object is made stops that too', async () => {
    const casto = new FakeCasto();
    let made = (_casto: CASTO): void => {};
    const run = new CastoRun(() => new Promise<CASTO>((resolve) => (made = resolve)), {});
    await vi.advanceTimersByTimeAsync(0);
    await run.stop();
    made(casto as unknown as CASTO);
    await vi.advanceTimersByTimeAsync(0);
    expect(casto.stopped).toBe(1);
    expect(casto.settle).toBeNull();
  });

  test('is silent after its stop, and leaves no timer', async () => {
    const { run, casto, heard } = begin();
    await goLive(casto);
    await run.stop();
    heard.length = 0;
    casto.tell('ended');
    casto.tell('attached');
    casto.tell('error', new CastoError('no-relay', 'gone'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heard).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    expect(casto.stopped).toBe(1);
    expect(run.state).toBe('idle');
  });

  test('reconnects when nothing has come for more than two seconds, and is live with the first bit', async () => {
    const { run, casto } = begin();
    await goLive(casto);
    casto.current = { ...STATS, download: { bytes: 1, bitsPerSecond: 0 } };
    await vi.advanceTimersByTimeAsync(2_000);
    expect(run.state).toBe('live');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(run.state).toBe('reconnecting');
    casto.current = STATS;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(run.state).toBe('live');
    await run.stop();
  });

  test('says when media comes from another parent', async () => {
    const { run, casto, heard } = begin();
    await goLive(casto);
    casto.tell('parent-changed', { parent: 'b', previous: 'a' });
    expect(heard.at(-1)).toBe('attached');
    await run.stop();
  });

  test('ends and comes back with the streamer', async () => {
    const { run, casto, heard } = begin();
    await goLive(casto);
    casto.tell('ended');
    casto.tell('live');
    expect(heard.slice(-2)).toEqual(['ended', 'live']);
    await run.stop();
  });

  test('that comes back after a long silence has time for its first picture', async () => {
    const { run, casto, heard } = begin();
    await goLive(casto);
    casto.current = { ...STATS, download: { bytes: 1, bitsPerSecond: 0 } };
    casto.tell('ended');
    await vi.advanceTimersByTimeAsync(60_000);
    heard.length = 0;
    casto.tell('live');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(heard).toEqual(['live']);
    await run.stop();
  });

  test('fails with the reason, and does not go on waiting', async () => {
    const { run, casto, heard } = begin();
    await vi.advanceTimersByTimeAsync(0);
    casto.settle?.reject(new CastoError('relay-full', 'full'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heard).toEqual(['connecting', 'error relay-full', 'failed']);
    expect(run.state).toBe('failed');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a mistake in the options is a failure as well', async () => {
    const { heard } = begin(() => {
      throw new TypeError('app must be text');
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual(['connecting', 'error protocol', 'failed']);
  });
});

test('a streamer whom nobody watches is live none the less', () => {
  expect(isFlowing({ ...STATS, parents: [] })).toBe(false);
  const child = { peerId: 'relay', kind: 'headless' as const, role: 'active' as const, rttMs: null };
  expect(isFlowing({ ...STATS, role: 'streamer', children: [child] })).toBe(true);
});

test('failures keep their class, and others get a reason', () => {
  const known = new CastoError('no-relay', 'gone');
  expect(asCastoError(known, 'protocol')).toBe(known);
  const other = asCastoError(new TypeError('no module'), 'no-relay');
  expect(other).toMatchObject({ name: 'CastoError', reason: 'no-relay', message: 'no module' });
});
