/** What this process takes of the machine. */

import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface ProcessUsage {
  readonly pid: number;
  /** Of all threads since the start of the process, in user and kernel mode. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** How late the event loop was at most in the last second or so, in milliseconds. */
  readonly eventLoopDelayMs: number;
}

export interface UsageMeter {
  read(): ProcessUsage;
  close(): void;
}

/** Each sample is a wake-up. */
const RESOLUTION_MS = 20;
/** Two who read at the same time read the same. */
const WINDOW_MS = 900;
const MICROSECONDS_PER_SECOND = 1_000_000;
const NANOSECONDS_PER_MS = 1_000_000;

export function usageMeter(): UsageMeter {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let [resetAt, lateMs] = [-Infinity, 0];
  return {
    read: () => {
      const { user, system } = process.cpuUsage();
      const now = performance.now();
      if (now - resetAt >= WINDOW_MS && delay.count > 0) {
        // What is measured is the time between two samples.
        lateMs = Math.max(0, delay.max / NANOSECONDS_PER_MS - RESOLUTION_MS);
        delay.reset();
        resetAt = now;
      }
      return {
        pid: process.pid,
        cpuSeconds: (user + system) / MICROSECONDS_PER_SECOND,
        residentBytes: process.memoryUsage.rss(),
        eventLoopDelayMs: lateMs,
      };
    },
    close: () => void delay.disable(),
  };
}
