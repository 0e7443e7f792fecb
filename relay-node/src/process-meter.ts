/** What this process takes of the machine. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProcessReading } from './process-rows.ts';

export interface ProcessMeter {
  /** Its delay of the event loop is that of 99 in 100 turns since the reading before. */
  read(): ProcessReading;
  /** Idempotent. */
  close(): void;
}

/** The timer whose lateness is measured; fine enough for delays that viewers notice. */
const resolutionMs = 20;
const nsPerMs = 1e6;
const usPerS = 1e6;

export function createProcessMeter(): ProcessMeter {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  return {
    read() {
      const { user, system } = process.cpuUsage();
      // The histogram holds the whole time from one turn to the next.
      const lateMs = delays.count === 0 ? 0 : delays.percentile(99) / nsPerMs - resolutionMs;
      delays.reset();
      return {
        name: 'main',
        cpuSeconds: (user + system) / usPerS,
        residentBytes: process.memoryUsage.rss(),
        eventLoopDelayMs: Math.max(0, lateMs),
      };
    },
    close: () => void delays.disable(),
  };
}
