/** Parents that are heard and give nothing. */

import { describe, expect, test } from 'vitest';
import { MEDIA_LOOK_MS, MediaWatch, type FedParent } from '../src/index.ts';
import { freshId } from '../src/conformance/loopback-peers.ts';

const channel = await freshId();
const parentId = await freshId();
/** Below a parent at depth 1. */
const PATIENCE_MS = 2_500;

type State = NonNullable<FedParent['link']['remoteState']>;

function stateOf(depth: number, flowing: boolean): State {
  return {
    depth,
    path: new Uint8Array(4 * (depth + 1)),
    freeSlots: 0,
    subtreeSlots: 0,
    viewers: 0,
    epoch: 1,
    clockOffsetMs: 0,
    flowing,
    delayMs: 20,
    slots: 1,
    ageS: 60,
    layers: 1,
    received: null,
  };
}

/** A parent in the hands of a test. */
class TestParent implements FedParent {
  readonly link;
  lastMediaAt: number | null = null;

  constructor({ peerId = parentId, depth = 1 } = {}) {
    this.link = { peerId, isSilent: false, remoteState: stateOf(depth, true) };
  }

  says(flowing: boolean): void {
    this.link.remoteState = { ...this.link.remoteState, flowing };
  }
}

/** A child that has watched for an hour, with its clock. */
class Watching {
  now = 3_600_000;
  readonly told: string[] = [];
  readonly #watch = new MediaWatch({ channel, tell: ({ type }) => void this.told.push(type) });

  /** Looks every 250 ms, with or without media from those that give some. */
  pass(ms: number, parents: TestParent[], giving: TestParent[] = []): string[] {
    for (const end = this.now + ms; this.now < end;) {
      this.now += MEDIA_LOOK_MS;
      for (const parent of giving) parent.lastMediaAt = this.now;
      this.#watch.look(parents, this.now);
    }
    return this.told.splice(0);
  }

  /** Stands still, and then looks once. */
  oversleep(ms: number, parents: TestParent[]): string[] {
    this.now += ms;
    this.#watch.look(parents, this.now);
    return this.told.splice(0);
  }
}

describe('a parent that is heard and gives nothing', () => {
  test('[R2.4] is silent to the tree, once', () => {
    const child = new Watching();
    const parent = new TestParent();
    child.pass(10_000, [parent], [parent]);
    expect(child.pass(PATIENCE_MS, [parent])).toEqual([]);
    expect(child.pass(5_000, [parent])).toEqual(['silent']);
  });

  test('[R2.4] is revived by what comes after all, also while it says that it has nothing', () => {
    for (const flowing of [true, false]) {
      const child = new Watching();
      const parent = new TestParent();
      child.pass(10_000, [parent], [parent]);
      expect(child.pass(4_000, [parent])).toEqual(['silent']);
      parent.says(flowing);
      expect(child.pass(1_000, [parent], [parent])).toEqual(['revived']);
    }
  });

  test('[R2.4] is told again after its link was silent in between', () => {
    const child = new Watching();
    const parent = new TestParent();
    child.pass(10_000, [parent], [parent]);
    child.pass(4_000, [parent]);
    parent.link.isSilent = true;
    expect(child.pass(4_000, [parent])).toEqual([]);
    parent.link.isSilent = false;
    expect(child.pass(4_000, [parent])).toEqual(['silent']);
  });

  test('[R2.4] is given more time by those further down, so that one repairs for all below it', () => {
    const waits = [1, 2, 5].map((depth) => {
      const child = new Watching();
      const parent = new TestParent({ depth });
      child.pass(10_000, [parent], [parent]);
      let waited = 0;
      while (child.pass(MEDIA_LOOK_MS, [parent]).length === 0) waited += MEDIA_LOOK_MS;
      return waited;
    });
    expect(waits).toEqual([2_500, 2_750, 3_500]);
  });

  test('[R2.4] is not blamed by a child that stood still itself', () => {
    const child = new Watching();
    const parent = new TestParent();
    child.pass(10_000, [parent], [parent]);
    expect(child.oversleep(8_000, [parent])).toEqual([]);
    expect(child.pass(10_000, [parent], [parent])).toEqual([]);
  });
});

describe('a child waits', () => {
  test('[R2.4, R6.1] for a parent that says that it has nothing, and as long again once it has', () => {
    const child = new Watching();
    const parent = new TestParent();
    child.pass(10_000, [parent], [parent]);
    parent.says(false);
    expect(child.pass(60_000, [parent])).toEqual([]);
    parent.says(true);
    expect(child.pass(PATIENCE_MS, [parent])).toEqual([]);
    expect(child.pass(1_000, [parent])).toEqual(['silent']);
  });

  test('[R2.4] for the streamer, because nobody has what it does not give', () => {
    const child = new Watching();
    const streamer = new TestParent({ peerId: channel, depth: 0 });
    child.pass(10_000, [streamer], [streamer]);
    expect(child.pass(600_000, [streamer])).toEqual([]);
  });

  test('[R2.4] for a source that gives a picture every second, as browsers do for a still screen', () => {
    const child = new Watching();
    const parent = new TestParent();
    for (let second = 0; second < 600; second++) {
      expect(child.pass(MEDIA_LOOK_MS, [parent], [parent])).toEqual([]);
      expect(child.pass(1_000 - MEDIA_LOOK_MS, [parent])).toEqual([]);
    }
  });

  test('[R2.4] for longer and longer where no parent has anything new, and then as before', () => {
    const child = new Watching();
    const first = new TestParent();
    child.pass(10_000, [first], [first]);
    child.pass(4_000, [first]);
    const moves: number[] = [];
    let parent = new TestParent();
    // Every new parent begins with what it keeps.
    child.pass(MEDIA_LOOK_MS, [parent], [parent]);
    for (let quarters = 0; quarters < 4 * 600; quarters++) {
      if (!child.pass(MEDIA_LOOK_MS, [parent]).includes('silent')) continue;
      moves.push(child.now);
      parent = new TestParent();
      child.pass(MEDIA_LOOK_MS, [parent], [parent]);
    }
    const waits = moves.slice(1).map((at, i) => Math.round((at - (moves[i] ?? at)) / 1_000));
    expect(waits.slice(0, 5)).toEqual([6, 11, 21, 41, 81]);
    expect(moves.length).toBeLessThan(13);
    child.pass(10_000, [parent], [parent]);
    expect(child.pass(3_000, [parent])).toEqual(['silent']);
  });
});
