/** What this process takes of the machine. */

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

export function usageMeter({ windowMs = WINDOW_MS } = {}): UsageMeter {
  const sliceMs = Math.min(SLICE_MS, windowMs);
  /** What the slices of the window had, the oldest first. */
  let slices: { readonly endedAt: number; readonly lateMs: number }[] = [];
  let sliceBegan = performance.now();
  let lateMs = 0;
  let dueAt = sliceBegan + RESOLUTION_MS;
  // The histogram of node:perf_hooks misses a delay that begins within one of its samples after a reset.
  const sampling = setInterval(() => {
    const now = performance.now();
    lateMs = Math.max(lateMs, now - dueAt);
    dueAt = now + RESOLUTION_MS;
    if (now - sliceBegan < sliceMs) return;
    slices = slices.filter((slice) => now - slice.endedAt < windowMs);
    slices.push({ endedAt: now, lateMs });
    sliceBegan = now;
    lateMs = 0;
  }, RESOLUTION_MS).unref();
  return {
    read: () => {
      const { user, system } = process.cpuUsage();
      const now = performance.now();
      const recent = slices.filter(({ endedAt }) => now - endedAt < windowMs);
      return {
        pid: process.pid,
        cpuSeconds: (user + system) / MICROSECONDS_PER_SECOND,
        residentBytes: process.memoryUsage.rss(),
        eventLoopDelayMs: Math.max(lateMs, now - dueAt, ...recent.map((slice) => slice.lateMs)),
      };
    },
    close: () => clearInterval(sampling),
  };
}
