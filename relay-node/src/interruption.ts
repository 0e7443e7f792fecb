/** Ctrl-C and its relatives: the first asks to stop, a later one to quit at once. */

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type StopSignal = (typeof stopSignals)[number];

export interface SignalSource {
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

export interface Interruption {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
  close(): void;
}

/**
 * Under `npm` and `npx` one Ctrl-C arrives twice: from the terminal, and passed on by npm.
 * No finger is that fast.
 */
const echoMs = 400;

export function watchInterruption(signals: SignalSource): Interruption {
  let firstAtMs: number | null = null;
  let resolveFirst = (): void => {};
  let resolveSecond = (): void => {};
  const first = new Promise<void>((resolve) => (resolveFirst = resolve));
  const second = new Promise<void>((resolve) => (resolveSecond = resolve));
  const listener = (): void => {
    const nowMs = performance.now();
    if (firstAtMs === null) {
      firstAtMs = nowMs;
      resolveFirst();
    } else if (nowMs - firstAtMs > echoMs) {
      resolveSecond();
    }
  };
  for (const signal of stopSignals) signals.on(signal, listener);
  return {
    first,
    second,
    close() {
      for (const signal of stopSignals) signals.off(signal, listener);
    },
  };
}
