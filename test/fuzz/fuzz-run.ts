/**
 * One run of a fuzzer: draws inputs, feeds them, counts outcomes, looks for growth, and gives a failing input back
 * as short as it can.
 *
 * Input `index` of a run depends on the seed and the index alone, not on what was fed before.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRandom, type Random } from '@casto/core';
import type { FuzzSession, FuzzTarget, Size } from './fuzz-target.ts';
import { minimise } from './minimise.ts';

/** What the heap may hold more at the end of a run than after a tenth of its inputs or its time: caches and compiled code settle. */
export const MAX_GROWTH_BYTES = 16 * 1024 * 1024;
/** Time in which they settle; runs that end sooner are not looked at, unless a tenth of their inputs was reached. */
const SETTLE_MS = 6_000;
/** A failure may need some of these before it. */
const REMEMBERED_INPUTS = 512;
const SIZES_EVERY = 1_000;
/** So that timers and sockets get their turn while inputs are fed without waiting. */
const TURN_EVERY = 256;

export interface FuzzRunOptions {
  readonly inputs: number;
  readonly seed: number;
  /** Ends the run earlier, in milliseconds. */
  readonly limitMs?: number;
  readonly onProgress?: (done: number) => void;
}

export interface Failure {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  /** What was thrown, with its stack. */
  readonly error: string;
  /** The failing input last. Before it stand those that are needed to get there. */
  readonly inputs: readonly Uint8Array[];
  /** Whether these inputs alone fail again. */
  readonly isReproduced: boolean;
}

export interface FuzzReport {
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
  readonly elapsedMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Bytes of heap and buffers, after garbage collection, at the end less those after a tenth; `null` in short runs. */
  readonly growthBytes: number | null;
  readonly failure: Failure | null;
}

export function inputAt(target: FuzzTarget, seed: number, index: number): Uint8Array {
  return target.generate(randomAt(seed, index));
}

export async function runFuzz(target: FuzzTarget, options: FuzzRunOptions): Promise<FuzzReport> {
  const run = new FuzzRun(target, options);
  return run.run();
}

class FuzzRun {
  readonly #target: FuzzTarget;
  readonly #options: FuzzRunOptions;
  readonly #outcomes = new Map<string, number>();
  readonly #history: Uint8Array[] = [];
  #failed: { index: number; input: Uint8Array | null; error: unknown } | null = null;
  #done = 0;
  #earlyBytes: number | null = null;

  constructor(target: FuzzTarget, options: FuzzRunOptions) {
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<FuzzReport> {
    const stray = (error: unknown): void => {
      this.#failed ??= { index: this.#done, input: null, error };
    };
    process.on('unhandledRejection', stray);
    process.on('uncaughtException', stray);
    const startedAt = performance.now();
    const session = await this.#target.open();
    let growthBytes: number | null = null;
    try {
      await this.#feedAll(session, startedAt);
      growthBytes = this.#earlyBytes === null ? null : (await this.#heldBytes()) - this.#earlyBytes;
      if (growthBytes !== null && growthBytes > MAX_GROWTH_BYTES) {
        this.#failed ??= { index: this.#done, input: null, error: new Error(`grew by ${growthBytes} bytes`) };
      }
    } finally {
      await session.close();
      process.off('unhandledRejection', stray);
      process.off('uncaughtException', stray);
    }
    return {
      target: this.#target.name,
      seed: this.#options.seed,
      inputs: this.#done,
      elapsedMs: performance.now() - startedAt,
      outcomes: Object.fromEntries([...this.#outcomes].sort(([, a], [, b]) => b - a)),
      growthBytes,
      failure: await this.#explain(),
    };
  }

  async #feedAll(session: FuzzSession, startedAt: number): Promise<void> {
    const { inputs, limitMs = Infinity, onProgress } = this.#options;
    const { concurrency = 1 } = this.#target;
    const tenth = Math.floor(inputs / 10);
    const tenthAt = startedAt + (limitMs >= 10 * SETTLE_MS ? limitMs / 10 : Infinity);
    let isEarly = Number.isFinite(inputs) && tenth > 0;
    let next = 0;
    const feedSome = async (): Promise<void> => {
      while (next < inputs && this.#failed === null && performance.now() - startedAt < limitMs) {
        const index = next++;
        const outcome = this.#feed(session, index);
        if (outcome instanceof Promise) await outcome;
        this.#done++;
        if (this.#done % SIZES_EVERY === 0) this.#checkSizes(session, index);
        if (this.#done % TURN_EVERY === 0) await new Promise(setImmediate);
        onProgress?.(this.#done);
        if (isEarly && (this.#done >= tenth || performance.now() >= tenthAt)) {
          isEarly = false;
          this.#earlyBytes = await this.#heldBytes();
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, feedSome));
    this.#checkSizes(session, this.#done);
  }

  #feed(session: FuzzSession, index: number): void | Promise<void> {
    const input = inputAt(this.#target, this.#options.seed, index);
    this.#history.push(input);
    if (this.#history.length > REMEMBERED_INPUTS) this.#history.shift();
    const count = (outcome: string): void => {
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    };
    const fail = (error: unknown): void => void (this.#failed ??= { index, input, error });
    try {
      const outcome = session.feed(new Uint8Array(input));
      if (typeof outcome !== 'string') return outcome.then(count, fail);
      count(outcome);
    } catch (error) {
      fail(error);
    }
  }

  /** Without the inputs that are remembered here, whose sizes are chance. */
  async #heldBytes(): Promise<number> {
    const bytes = await settledBytes();
    return bytes - this.#history.reduce((sum, { length }) => sum + length, 0);
  }

  #checkSizes(session: FuzzSession, index: number): void {
    const grown = grownSize(session.sizes?.() ?? []);
    if (grown !== null) this.#failed ??= { index, input: null, error: new Error(grown) };
  }

  async #explain(): Promise<Failure | null> {
    if (this.#failed === null) return null;
    const { index, input, error } = this.#failed;
    const { name } = this.#target;
    const { seed } = this.#options;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const before = input === null ? this.#history : this.#history.slice(0, this.#history.indexOf(input) + 1);
    const shortest = await minimise(before, (inputs) => failsOn(this.#target, inputs));
    const inputs = shortest ?? before;
    return { target: name, seed, index, error: text, inputs, isReproduced: shortest !== null };
  }
}

/** Feeds inputs to a session of their own. @returns What went wrong, `null` when nothing did. */
export async function replay(target: FuzzTarget, inputs: readonly Uint8Array[]): Promise<unknown> {
  let failure: unknown = null;
  const stray = (error: unknown): void => void (failure ??= error);
  process.on('unhandledRejection', stray);
  process.on('uncaughtException', stray);
  const session = await target.open();
  try {
    for (const input of inputs) await session.feed(Uint8Array.from(input));
    await new Promise(setImmediate);
    const grown = grownSize(session.sizes?.() ?? []);
    if (grown !== null) failure ??= new Error(grown);
  } catch (error) {
    failure ??= error;
  } finally {
    await session.close();
    process.off('unhandledRejection', stray);
    process.off('uncaughtException', stray);
  }
  return failure;
}

async function failsOn(target: FuzzTarget, inputs: readonly Uint8Array[]): Promise<boolean> {
  return (await replay(target, inputs)) !== null;
}

function grownSize(sizes: readonly Size[]): string | null {
  const grown = sizes.find(({ size, most }) => size > most);
  return grown === undefined ? null : `${grown.name}: ${grown.size}, at most ${grown.most} are allowed`;
}

function randomAt(seed: number, index: number): Random {
  // The generator takes 53 bits of seed; both halves reach its state.
  const round = Math.floor(index / INDEX_SPAN);
  return createRandom(((seed + round) >>> 0) + (index % INDEX_SPAN) * 0x100000000);
}

/** Numbers beside a seed of 32 bits that a double still tells apart. */
const INDEX_SPAN = 2 ** 21;

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

/** Twice, with turns of the event loop between, because finalizers free more. */
async function settledBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    if (typeof collectGarbage === 'function') Reflect.apply(collectGarbage, undefined, []);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
