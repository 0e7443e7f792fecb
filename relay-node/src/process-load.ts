/** What this process takes of the machine. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface ProcessLoad {
  /** Processor time of all threads since the start, in milliseconds. */
  readonly cpuMs: number;
  /** 99 of 100 turns of the event loop were late by less than this, since it was asked last. */
  readonly loopDelayMs: number;
  readonly memoryBytes: number;
}

export interface ProcessMeter {
  read(): ProcessLoad;
  close(): void;
}

/** The timer whose lateness is measured; fine enough for delays that viewers notice. */
const resolutionMs = 20;
const nsPerMs = 1e6;
const usPerMs = 1_000;

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
        cpuMs: (user + system) / usPerMs,
        loopDelayMs: Math.max(0, lateMs),
        memoryBytes: process.memoryUsage.rss(),
      };
    },
    close: () => void delays.disable(),
  };
}
