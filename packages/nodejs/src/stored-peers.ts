/**
 * What libp2p knows of peers: it keeps addresses, protocols and metadata of everybody that ever connected, 12 kB each,
 * and looks whether they are out of date only when somebody asks for them. A relay's viewers come once.
 */

import type { Libp2p, PeerId } from '@libp2p/interface';
import type { Clock } from '@casto/host';
import { DHT_PROTOCOL } from './libp2p-peer.ts';

/** Identify and the connection manager write for a moment after a peer has left. */
const SWEEP_MS = 30_000;
/** The DHT asks relays of its table also when they are not connected. Those that left last are kept. */
const MAX_RELAYS = 1_000;

export interface StoredPeersOptions {
  readonly libp2p: Pick<Libp2p, 'addEventListener' | 'getConnections' | 'peerStore'>;
  readonly clock: Clock;
}

/** Lets libp2p forget those who have left. */
export class StoredPeers {
  readonly #options: StoredPeersOptions;
  readonly #left = new Map<string, PeerId>();
  /** Relays that are known and not connected. */
  readonly #relays = new Map<string, PeerId>();
  #cancelSweep: (() => void) | null = null;
  #isStopped = false;

  constructor(options: StoredPeersOptions) {
    this.#options = options;
    options.libp2p.addEventListener('peer:disconnect', ({ detail }) => {
      this.#left.set(detail.toString(), detail);
      if (!this.#isStopped) this.#cancelSweep ??= options.clock.setTimer(() => void this.#sweep(), SWEEP_MS);
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelSweep?.();
  }

  async #sweep(): Promise<void> {
    this.#cancelSweep = null;
    const left = [...this.#left];
    this.#left.clear();
    for (const [id, peerId] of left) {
      this.#relays.delete(id);
      if (this.#isStopped || this.#isConnected(peerId)) continue;
      if (await this.#isRelay(peerId)) this.#relays.set(id, peerId);
      else await this.#forget(peerId);
    }
    for (const [id, peerId] of this.#relays) {
      if (this.#relays.size <= MAX_RELAYS) return;
      this.#relays.delete(id);
      await this.#forget(peerId);
    }
  }

  async #isRelay(peerId: PeerId): Promise<boolean> {
    const { peerStore } = this.#options.libp2p;
    if (!(await peerStore.has(peerId))) return false;
    return (await peerStore.get(peerId)).protocols.includes(DHT_PROTOCOL);
  }

  async #forget(peerId: PeerId): Promise<void> {
    if (!this.#isConnected(peerId)) await this.#options.libp2p.peerStore.delete(peerId);
  }

  #isConnected(peerId: PeerId): boolean {
    return this.#options.libp2p.getConnections(peerId).length > 0;
  }
}
