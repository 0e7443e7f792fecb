/** What this process takes of the machine. */

import { monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks';

export interface ProcessUsage {
  readonly pid: number;
  /** Of all threads since the start of the process, in user and kernel mode. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** How late the event loop was at most in the last half minute, in milliseconds. */
  readonly eventLoopDelayMs: number;
}

export interface UsageMeter {
  read(): ProcessUsage;
  close(): void;
}

/** Each sample is a wake-up. */
const RESOLUTION_MS = 20;
/**
 * What is read does not depend on who else reads. Twice the 15 s between two scrapes (deploy/prometheus), so that one of
 * them sees each delay.
 */
const WINDOW_MS = 30_000;
/** By how much more than the window may be looked back on. */
const SLICE_MS = 1_000;
const MICROSECONDS_PER_SECOND = 1_000_000;
const NANOSECONDS_PER_MS = 1_000_000;

export function usageMeter({ windowMs = WINDOW_MS } = {}): UsageMeter {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  /** What the slices of the window had, the oldest first. */
  let slices: { readonly endedAt: number; readonly lateMs: number }[] = [];
  const slicing = setInterval(
    () => {
      const endedAt = performance.now();
      slices = slices.filter((slice) => endedAt - slice.endedAt < windowMs);
      slices.push({ endedAt, lateMs: latestMs(delay) });
      delay.reset();
    },
    Math.min(SLICE_MS, windowMs),
  ).unref();
  return {
    read: () => {
      const { user, system } = process.cpuUsage();
      const now = performance.now();
      const recent = slices.filter(({ endedAt }) => now - endedAt < windowMs);
      return {
        pid: process.pid,
        cpuSeconds: (user + system) / MICROSECONDS_PER_SECOND,
        residentBytes: process.memoryUsage.rss(),
        eventLoopDelayMs: Math.max(latestMs(delay), ...recent.map(({ lateMs }) => lateMs)),
      };
    },
    close: () => {
      clearInterval(slicing);
      delay.disable();
    },
  };
}

/** What is measured is the time between two samples. */
function latestMs({ count, max }: Pick<RecordableHistogram, 'count' | 'max'>): number {
  return count === 0 ? 0 : Math.max(0, max / NANOSECONDS_PER_MS - RESOLUTION_MS);
}
