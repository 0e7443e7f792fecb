/**
 * How busy the processor is, where the browser tells (Compute Pressure, W3C Working Draft of 2025: Chromium on a secure
 * page). A viewer's page then serves others no longer at the cost of its owner's picture.
 */

type Pressure = 'nominal' | 'fair' | 'serious' | 'critical';

/** The part of PressureObserver that is used here: TypeScript's library does not have it. */
interface PressureObserverLike {
  observe(source: 'cpu', options: { sampleInterval: number }): Promise<void>;
  disconnect(): void;
}

type PressureObserverClass = new (
  callback: (records: readonly { readonly state: string }[]) => void,
) => PressureObserverLike;

/** A page that loads something is busy for a moment, and its children are none to send away for that. */
const SAMPLE_MS = 5_000;

/**
 * Shares of the processor in use: Chromium's states begin at 0.6, 0.75 and 0.9 of it, and only the last is beyond what
 * rule C1.1 of PROTOCOL.md allows.
 */
const LOADS: Readonly<Record<Pressure, number>> = { nominal: 0.3, fair: 0.65, serious: 0.8, critical: 0.95 };

/** Tells the share of the processor that is in use, 0 to 1, whenever it is another. A browser that says nothing is idle. */
export function followProcessor(tell: (load: number) => void, { signal }: { signal: AbortSignal }): void {
  const Observer = pressureObserver();
  if (Observer === null || signal.aborted) return;
  let told = 0;
  const observer = new Observer((records) => {
    const state = records.at(-1)?.state;
    const load = isPressure(state) ? LOADS[state] : told;
    if (load !== told && !signal.aborted) tell(load);
    told = load;
  });
  signal.addEventListener('abort', () => observer.disconnect());
  // A page in a frame may not be told, and some machines tell nothing.
  observer.observe('cpu', { sampleInterval: SAMPLE_MS }).catch(() => {});
}

function isPressure(state: string | undefined): state is Pressure {
  return state !== undefined && Object.hasOwn(LOADS, state);
}

function pressureObserver(): PressureObserverClass | null {
  const found: unknown = Reflect.get(globalThis, 'PressureObserver');
  // Not in TypeScript's library.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return typeof found === 'function' ? (found as PressureObserverClass) : null;
}
