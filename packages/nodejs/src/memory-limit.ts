/** Whether the relay has grown beyond what its operator allows. */

import type { Clock } from '@casto/host';

/** Reading the size costs a system call, and joins come in crowds. */
const SAMPLE_MS = 1_000;

export interface MemoryLimit {
  /** As of at most a second ago. */
  readonly isExceeded: boolean;
}

/**
 * @param maxBytes - Resident set size; `null`: no limit.
 * @param residentBytes - Of all processes of the relay.
 */
export function memoryLimit(maxBytes: number | null, clock: Clock, residentBytes: () => number): MemoryLimit {
  let sampledAt = -Infinity;
  let isExceeded = false;
  return {
    get isExceeded() {
      if (maxBytes === null) return false;
      const now = clock.now();
      if (now - sampledAt >= SAMPLE_MS) {
        sampledAt = now;
        isExceeded = residentBytes() > maxBytes;
      }
      return isExceeded;
    },
  };
}
