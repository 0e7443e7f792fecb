/** Snapshots that streamers gave this relay: the newest of each channel, for as long as the relay has it from them. */

import {
  isNewerSnapshot,
  MalformedError,
  type ChannelId,
  type ChannelRecord,
  type PeerId,
} from '@casto/core';
import { verifySnapshot, type Clock, type SignedSnapshot, type SnapshotRefusal } from '@casto/host';
import { MAX_CHANNELS } from '../relay-options.ts';

/** A streamer takes one in 30 s, and one more when it has lost its relay. */
const LEAST_MS = 5_000;

export interface OwnSnapshotsOptions {
  readonly clock: Clock;
  /** The record of a channel that is live here, and comes from its streamer; `null`: it does not. */
  readonly record: (channel: ChannelId) => ChannelRecord | null;
}

interface Kept extends SignedSnapshot {
  readonly keptAt: number;
}

export class OwnSnapshots {
  readonly #options: OwnSnapshotsOptions;
  readonly #kept = new Map<ChannelId, Kept>();

  constructor(options: OwnSnapshotsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#kept.size;
  }

  /** The newest of a channel's present broadcast. */
  get(channel: ChannelId): SignedSnapshot | null {
    const record = this.#options.record(channel);
    const kept = this.#kept.get(channel);
    return kept !== undefined && record?.listed === true && record.epoch === kept.snapshot.epoch
      ? kept
      : null;
  }

  /** @returns Why it is not taken, or `null`. */
  async take(bytes: Uint8Array, from: PeerId): Promise<SnapshotRefusal | null> {
    const { clock, record } = this.#options;
    const broadcast = record(from);
    if (broadcast === null) return 'not-owner';
    if (!broadcast.listed) return 'not-listed';
    const known = this.#kept.get(from);
    if (known !== undefined && clock.now() - known.keptAt < LEAST_MS) return 'too-often';
    const signed = await verified(bytes);
    if (signed === null) return 'bad-snapshot';
    const { channel, epoch } = signed.snapshot;
    if (channel !== from) return 'not-owner';
    if (epoch !== broadcast.epoch || !isNewerSnapshot(signed.snapshot, known?.snapshot ?? null))
      return 'superseded';
    this.forgetEnded();
    if (this.#kept.size < MAX_CHANNELS || known !== undefined)
      this.#kept.set(from, { ...signed, keptAt: clock.now() });
    return null;
  }

  /** Lets go of those whose channels have ended. */
  forgetEnded(): void {
    for (const channel of this.#kept.keys()) if (this.get(channel) === null) this.#kept.delete(channel);
  }
}

async function verified(bytes: Uint8Array): Promise<SignedSnapshot | null> {
  try {
    return await verifySnapshot(bytes);
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}
