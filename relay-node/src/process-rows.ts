/** The processes of the relay as rows of a table: of the processor time that each has had its share of a core. */
import type { ProcessRow } from './dashboard-state.ts';

/** What one process has taken so far. */
export interface ProcessReading {
  /** No other process has it. */
  readonly name: string;
  /** Of all threads since the start of the process; falls back when it is replaced. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly eventLoopDelayMs: number;
}

export class ProcessRows {
  #before = new Map<string, number>();
  #at = -Infinity;
  #rows: ProcessRow[] = [];

  /** As they were read last. */
  get rows(): ProcessRow[] {
    return this.#rows;
  }

  /** @param at - Milliseconds. */
  update(at: number, processes: readonly ProcessReading[]): void {
    const passedMs = at - this.#at;
    this.#rows = processes.map(({ name, cpuSeconds, residentBytes, eventLoopDelayMs }) => {
      const before = this.#before.get(name);
      const isComparable = before !== undefined && cpuSeconds >= before && passedMs > 0;
      const cpuShare = isComparable ? ((cpuSeconds - before) * 1_000) / passedMs : null;
      return { name, cpuShare, loopDelayMs: eventLoopDelayMs, memoryBytes: residentBytes };
    });
    this.#before = new Map(processes.map(({ name, cpuSeconds }) => [name, cpuSeconds]));
    this.#at = at;
  }
}
