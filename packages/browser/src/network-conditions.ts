/** What the browser tells of the page's network: what costs its owner money serves nobody unasked. */

import type { NetworkType } from '@casto/core';

/** Network Information API, in Chromium alone. */
interface NetworkInformation extends EventTarget {
  readonly saveData?: boolean;
  readonly type?: string;
}

/** Tells of the network as it is, and whenever it changes. A browser that says nothing is taken to be at home. */
export function followNetwork(tell: (network: NetworkType) => void, signal: AbortSignal): void {
  const connection = networkInformation();
  if (connection === null) return;
  tell(networkOf(connection));
  connection.addEventListener('change', () => tell(networkOf(connection)), { signal });
}

function networkOf({ type, saveData }: NetworkInformation): NetworkType {
  if (type === 'cellular') return 'mobile';
  return saveData === true ? 'metered' : 'unmetered';
}

function networkInformation(): NetworkInformation | null {
  const connection: unknown = 'connection' in navigator ? navigator.connection : null;
  return connection instanceof EventTarget ? connection : null;
}
