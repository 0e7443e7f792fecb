import type { Clock } from '@casto/host';
import type { PeerConnection } from 'node-datachannel';

/** Listing local addresses takes a few milliseconds. */
const GATHER_MS = 2000;

/** Waits until a connection knows its own candidates, or for two seconds: then those that it has are enough. */
export function gathered(connection: PeerConnection, clock: Clock): Promise<void> {
  if (connection.gatheringState() === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    const cancel = clock.setTimer(resolve, GATHER_MS);
    connection.onGatheringStateChange((state) => {
      if (state !== 'complete') return;
      cancel();
      resolve();
    });
  });
}
