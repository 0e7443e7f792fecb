/**
 * Puts together what dashboards ask for, at most once in an interval however many there are: whoever asks in between
 * gets the same bytes, or is told that it has them already.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ChannelTree } from '@casto/nodejs';
import { tokenBucket } from '@casto/nodejs/access/token-bucket';
import type { DashboardState, DashboardTree } from './dashboard-state.ts';

/** One answer, ready to be sent. */
export interface Snapshot {
  readonly etag: string;
  readonly body: Buffer;
  gzipped(): Promise<Buffer>;
}

export interface DashboardFeedOptions {
  state: () => DashboardState;
  /** @returns Null when the relay has no place in such a tree. */
  tree: (channel: string) => ChannelTree | null;
  /** Milliseconds. */
  now: () => number;
}

/** Shorter than the two seconds in which a page asks again, so that each of its answers is news. */
const snapshotMs = 1_500;
/** Trees put together in that time. A page shows one. */
const mostTrees = 16;
/** A page asks twice in two seconds, so this is forty pages. */
const answers = { perSecond: 40, burst: 80 };
/** A tree of a thousand children has 200 kB, which a higher level makes hardly smaller. */
const gzipLevel = 4;

const compress = promisify(gzip);

export class DashboardFeed {
  readonly #options: DashboardFeedOptions;
  readonly #allowance = tokenBucket(answers.perSecond, answers.burst);
  #state: Snapshot | null = null;
  #stateMadeAt = -Infinity;
  readonly #trees = new Map<string, Snapshot>();
  #treesSince = -Infinity;

  constructor(options: DashboardFeedOptions) {
    this.#options = options;
  }

  /** Whether one more request is answered. */
  admit(): boolean {
    return this.#allowance.take(this.#options.now());
  }

  state(): Snapshot {
    const now = this.#options.now();
    if (this.#state === null || now - this.#stateMadeAt >= snapshotMs) {
      this.#state = snapshotOf(this.#options.state());
      this.#stateMadeAt = now;
    }
    return this.#state;
  }

  /** @returns `none` where the relay has no place in such a tree, `busy` where too many others were asked for. */
  tree(channel: string): Snapshot | 'none' | 'busy' {
    const now = this.#options.now();
    if (now - this.#treesSince >= snapshotMs) {
      this.#trees.clear();
      this.#treesSince = now;
    }
    const known = this.#trees.get(channel);
    if (known !== undefined) return known;
    if (this.#trees.size >= mostTrees) return 'busy';
    const tree = this.#options.tree(channel);
    if (tree === null) return 'none';
    const told: DashboardTree = { at: Date.now(), tree };
    const snapshot = snapshotOf(told);
    this.#trees.set(channel, snapshot);
    return snapshot;
  }
}

function snapshotOf(value: DashboardState | DashboardTree): Snapshot {
  const body = Buffer.from(JSON.stringify(value));
  let compressed: Promise<Buffer> | null = null;
  return {
    etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    body,
    gzipped: () => (compressed ??= compress(body, { level: gzipLevel })),
  };
}
