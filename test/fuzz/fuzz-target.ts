/** What a fuzzer needs to know of the code that it feeds. */

import type { Random } from '@casto/core';

/** A rule was broken. Everything else that a session throws counts as one as well. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/** The code under test, alive from the first input of a run to the last. */
export interface FuzzSession {
  /**
   * Feeds one input and checks what came of it.
   *
   * @returns A word for the outcome, of a small set: it is counted.
   * @throws {FuzzFailure} When a rule was broken.
   */
  feed(input: Uint8Array): string | Promise<string>;
  /** How much the objects under test hold, with the most that they may; read now and then. */
  sizes?(): readonly Size[];
  close(): void | Promise<void>;
}

export interface Size {
  readonly name: string;
  readonly size: number;
  readonly most: number;
}

export interface FuzzTarget {
  readonly name: string;
  /** Inputs under way at once, 1 unless the session waits for something. Above 1 order is not fixed by the seed. */
  readonly concurrency?: number;
  /** Draws one input; the same numbers give the same input. */
  generate(random: Random): Uint8Array;
  open(): FuzzSession | Promise<FuzzSession>;
}

/** @throws {FuzzFailure} Unless the rule holds. */
export function demand(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new FuzzFailure(rule);
}
