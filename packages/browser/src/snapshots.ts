/** A streamer's snapshots: taken and signed every 30 s, and given to the relay that has the announcement. */

import type { Connection, PrivateKey } from '@libp2p/interface';
import { SNAPSHOT_MS, type PeerId } from '@casto/core';
import { ListingClient, signSnapshot, type Clock } from '@casto/host';
import { takePicture } from './snapshot-picture.ts';

/** How often it is looked whether the relay is another one. */
const LOOK_MS = 1_000;
/** While there is no picture yet, it is tried again this often: a camera may start dark. */
const FIRST_MS = 3_000;
const OPEN_MS = 8_000;
/** A relay takes no more, whatever becomes of the connection. */
const LEAST_MS = 6_000;

export interface SnapshotsOptions {
  readonly track: MediaStreamTrack;
  readonly privateKey: PrivateKey;
  readonly channel: PeerId;
  /** Of the broadcast. */
  readonly epoch: number;
  readonly clock: Clock;
  /** To the relay that took the announcement; `null` while there is none. */
  readonly connection: () => Connection | null;
  readonly signal: AbortSignal;
}

/** Takes snapshots until the signal aborts. */
export function keepSnapshots(options: SnapshotsOptions): void {
  const { clock, connection, signal } = options;
  const relay = new SnapshotRelay(clock);
  let latest: Uint8Array | null = null;
  let triedAt = -Infinity;
  let takenAt = 0;
  let isBusy = false;

  const takeOne = async (): Promise<void> => {
    triedAt = clock.now();
    const image = await takePicture(options.track);
    if (image === null) return;
    // A clock set back must not make this streamer's pictures look old.
    takenAt = Math.max(takenAt + 1, Math.floor(clock.now()));
    const { channel, epoch } = options;
    latest = await signSnapshot(options.privateKey, { channel, epoch, takenAt, image });
  };

  const look = async (): Promise<void> => {
    const open = connection();
    if (open === null) return;
    if (clock.now() - triedAt >= (latest === null ? FIRST_MS : SNAPSHOT_MS)) await takeOne();
    if (latest !== null) await relay.give(open, latest);
  };

  const lookRegularly = (): void => {
    if (signal.aborted) return relay.close();
    clock.setTimer(lookRegularly, LOOK_MS);
    if (isBusy) return;
    isBusy = true;
    void look()
      .catch(() => {})
      .finally(() => (isBusy = false));
  };
  lookRegularly();
}

/** Where the snapshots go. A relay that lists nothing to anybody refuses the stream, and is asked with the next one. */
class SnapshotRelay {
  readonly #clock: Clock;
  #connection: Connection | null = null;
  #client: ListingClient | null = null;
  #given: Uint8Array | null = null;
  #givenAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Gives a snapshot that the relay does not have yet. @throws When it cannot be given. */
  async give(connection: Connection, signed: Uint8Array): Promise<void> {
    const isSameRelay = this.#connection === connection;
    const now = this.#clock.now();
    if (isSameRelay && (this.#given === signed || now - this.#givenAt < LEAST_MS)) return;
    this.#givenAt = now;
    this.#given = signed;
    if (!isSameRelay || this.#client?.isClosed !== false) {
      this.close();
      this.#connection = connection;
      this.#client = await ListingClient.open(connection, AbortSignal.timeout(OPEN_MS), this.#clock);
    }
    await this.#client.show(signed);
  }

  close(): void {
    void this.#client?.close();
    this.#client = null;
  }
}
