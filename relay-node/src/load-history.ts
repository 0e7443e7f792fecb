/**
 * How busy the relay was in the last minutes, whether or not anybody looked: one sample every few seconds, made of
 * counters that only grow, in columns that JSON and the dashboard's graphs take as they are.
 */

/** What is read for a sample. Counters since the start of the process. */
export interface LoadReading {
  /** Milliseconds, monotonic. */
  at: number;
  inBytes: number;
  outBytes: number;
  inPackets: number;
  outPackets: number;
  viewers: number;
  /** Processor time of all threads of all processes. */
  cpuMs: number;
  /** How late the event loop of the worst process was at most in the half minute before. */
  loopDelayMs: number;
  memoryBytes: number;
}

/** Columns of equal length, the oldest sample first. */
export interface LoadColumns {
  inBps: number[];
  outBps: number[];
  inPps: number[];
  outPps: number[];
  viewers: number[];
  /** Of one core, 1 for all of it. */
  cpuShare: number[];
  loopDelayMs: number[];
  memoryBytes: number[];
}

const columnNames = [
  'inBps',
  'outBps',
  'inPps',
  'outPps',
  'viewers',
  'cpuShare',
  'loopDelayMs',
  'memoryBytes',
] as const satisfies (keyof LoadColumns)[];
const bitsPerByte = 8;

/** Ten minutes. */
export const sampleMs = 5_000;
export const mostSamples = 120;

export class LoadHistory {
  readonly #columns: LoadColumns = {
    inBps: [],
    outBps: [],
    inPps: [],
    outPps: [],
    viewers: [],
    cpuShare: [],
    loopDelayMs: [],
    memoryBytes: [],
  };
  #before: LoadReading | null = null;

  /** The first reading is only what the next one is compared with. */
  add(reading: LoadReading): void {
    const before = this.#before;
    this.#before = reading;
    const passedMs = before === null ? 0 : reading.at - before.at;
    if (before === null || passedMs <= 0) return;
    // Where a part of the relay began anew its counters did too.
    const rate = (now: number, then: number): number => (Math.max(0, now - then) * 1_000) / passedMs;
    this.#push({
      inBps: Math.round(bitsPerByte * rate(reading.inBytes, before.inBytes)),
      outBps: Math.round(bitsPerByte * rate(reading.outBytes, before.outBytes)),
      inPps: Math.round(rate(reading.inPackets, before.inPackets)),
      outPps: Math.round(rate(reading.outPackets, before.outPackets)),
      viewers: reading.viewers,
      cpuShare: rounded(rate(reading.cpuMs, before.cpuMs) / 1_000, 3),
      loopDelayMs: rounded(reading.loopDelayMs, 1),
      memoryBytes: reading.memoryBytes,
    });
  }

  get columns(): Readonly<LoadColumns> {
    return this.#columns;
  }

  #push(sample: Record<keyof LoadColumns, number>): void {
    for (const name of columnNames) {
      const column = this.#columns[name];
      column.push(sample[name]);
      if (column.length > mostSamples) column.shift();
    }
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
