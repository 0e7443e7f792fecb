/**
 * Whether the page may serve others unasked: not over a network that its owner pays by the byte, not on the last of a
 * battery, and not from a tab that the browser slows down.
 */

import type { NetworkType } from '@casto/core';

/** Network Information API, in Chromium alone. */
interface NetworkInformation extends EventTarget {
  readonly saveData?: boolean;
  readonly type?: string;
}

/** Battery Status API, in Chromium alone. */
interface BatteryManager extends EventTarget {
  readonly charging: boolean;
  /** 0 to 1. */
  readonly level: number;
}

/** A battery that is not being charged keeps the rest for its owner. */
const LOW_BATTERY = 0.2;

export interface ConditionsOptions {
  /** Whether a hidden tab cannot keep its pace. */
  readonly slowsWhenHidden: boolean;
  readonly signal: AbortSignal;
}

/**
 * Tells of the conditions as they are, and whenever they change. A browser that says nothing is taken to be at home and
 * plugged in.
 */
export function followConditions(tell: (network: NetworkType) => void, options: ConditionsOptions): void {
  const { slowsWhenHidden, signal } = options;
  const connection = networkInformation();
  let battery: BatteryManager | null = null;
  let told: NetworkType | null = null;
  const look = (): void => {
    const isHidden = slowsWhenHidden && document.visibilityState === 'hidden';
    const network = isLow(battery) || isHidden ? 'metered' : networkOf(connection);
    if (network !== told) tell(network);
    told = network;
  };
  look();
  connection?.addEventListener('change', look, { signal });
  if (slowsWhenHidden) document.addEventListener('visibilitychange', look, { signal });
  void findBattery().then((found) => {
    battery = found;
    for (const type of ['levelchange', 'chargingchange']) battery?.addEventListener(type, look, { signal });
    if (!signal.aborted) look();
  });
}

function networkOf(connection: NetworkInformation | null): NetworkType {
  if (connection?.type === 'cellular') return 'mobile';
  return connection?.saveData === true ? 'metered' : 'unmetered';
}

function networkInformation(): NetworkInformation | null {
  const connection: unknown = 'connection' in navigator ? navigator.connection : null;
  return connection instanceof EventTarget ? connection : null;
}

function isLow(battery: BatteryManager | null): boolean {
  return battery !== null && !battery.charging && battery.level < LOW_BATTERY;
}

async function findBattery(): Promise<BatteryManager | null> {
  const getBattery: unknown = Reflect.get(navigator, 'getBattery');
  if (typeof getBattery !== 'function') return null;
  try {
    // Not in TypeScript's library: Chromium alone has it.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return await (getBattery.call(navigator) as Promise<BatteryManager>);
  } catch {
    // A page in a frame may not be told.
    return null;
  }
}
