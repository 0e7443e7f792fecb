/** What attempts at parents leave behind. Node has no RTCPeerConnection: these connect to nobody. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JoinAnswer, ParentCandidate, TreeJoin } from '@casto/core';
import { freshId } from '@casto/host/conformance/loopback-peers';
import { ParentJoins, type ParentJoinsOptions } from '../src/parent-joins.ts';

const candidate: ParentCandidate = { peerId: await freshId(), addresses: [] };
const channel = await freshId();
const join: TreeJoin = {
  kind: 'browser',
  path: new Uint8Array(),
  standby: false,
  slots: 0,
  ageS: 0,
  layers: 1,
};

let connections = 0;

class UnconnectedConnection extends EventTarget {
  #isClosed = false;

  constructor() {
    super();
    connections++;
  }

  addTransceiver(): object {
    return { receiver: {} };
  }

  createDataChannel(): object {
    return Object.assign(new EventTarget(), { readyState: 'connecting', close: () => {} });
  }

  async createOffer(): Promise<never> {
    throw new Error('this browser offers nothing');
  }

  close(): void {
    if (!this.#isClosed) connections--;
    this.#isClosed = true;
  }
}

/** What a worker keeps for the ends of a page. */
class CountingWorker {
  readonly connectionOptions = {};
  readonly taps = new Set<object>();
  readonly sources = new Set<number>();
  #last = 0;

  createSource(): number {
    this.sources.add(++this.#last);
    return this.#last;
  }

  receive(): object {
    const tap = { close: () => void this.taps.delete(tap) };
    this.taps.add(tap);
    return tap;
  }

  forgetSource(source: number): void {
    this.sources.delete(source);
  }

  get kept(): object {
    return { connections, taps: this.taps.size, sources: this.sources.size };
  }
}

const NOTHING = { connections: 0, taps: 0, sources: 0 };

/** Joins of a page that reaches nobody. */
function createJoins(connect: () => Promise<never>): {
  joins: ParentJoins;
  worker: CountingWorker;
  answers: JoinAnswer[];
} {
  const worker = new CountingWorker();
  const answers: JoinAnswer[] = [];
  const joins = new ParentJoins({
    context: { worker, settings: { iceServers: [] }, targets: [] },
    channel,
    search: {
      finder: { connect, canReach: () => true, release: () => {} },
      failed: () => {},
      refused: () => {},
    },
    neighbours: () => null,
    signal: new AbortController().signal,
    answered: (_: unknown, answer: JoinAnswer) => void answers.push(answer),
    onAccepted: () => {},
    onEvent: () => {},
    onFlowing: () => {},
    // The narrow slices of the page's classes that are used here.
  } as unknown as ParentJoinsOptions);
  return { joins, worker, answers };
}

beforeEach(() => {
  connections = 0;
  vi.stubGlobal('RTCPeerConnection', UnconnectedConnection);
});

afterEach(() => void vi.unstubAllGlobals());

test('an attempt that fails leaves no connection, no taps and no source', async () => {
  const { joins, worker, answers } = createJoins(() => Promise.reject(new Error('nobody is there')));
  for (let attempt = 0; attempt < 5; attempt++) await joins.join(candidate, join);
  expect(answers).toEqual(Array.from({ length: 5 }, () => ({ type: 'failed' })));
  expect(worker.kept).toEqual(NOTHING);
});

test('an attempt that is given up leaves nothing either', async () => {
  let fail: (error: Error) => void = () => {};
  const { joins, worker } = createJoins(() => new Promise((_, reject) => (fail = reject)));
  const attempt = joins.join(candidate, join);
  expect(worker.kept).toEqual({ connections: 1, taps: 2, sources: 1 });
  joins.abandon(candidate.peerId);
  fail(new Error('given up'));
  await attempt;
  expect(worker.kept).toEqual(NOTHING);
});

test('nor does an end that was held ready for nobody', async () => {
  const { joins, worker } = createJoins(() => Promise.reject(new Error('nobody is there')));
  await joins.prepare();
  expect(worker.kept).toEqual({ connections: 1, taps: 2, sources: 1 });
  joins.close();
  expect(worker.kept).toEqual(NOTHING);
});
