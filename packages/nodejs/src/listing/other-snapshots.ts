/** Snapshots of channels that this relay does not have: asked of a relay that does, and kept for a moment. */

import { MalformedError, type ChannelId, type Listing } from '@casto/core';
import { verifySnapshot, type Clock, type RefusalCounter, type SignedSnapshot } from '@casto/host';

/** The next one is taken by then. */
const KEEP_MS = 30_000;
/** 25 kB each. */
const MAX_KEPT = 256;
/** Asked of other relays at a time. */
const MAX_ASKED = 16;

export interface OtherSnapshotsOptions {
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  /** What the other relays say of a channel, and can give a snapshot of; `null`: nothing. */
  readonly listing: (channel: ChannelId) => Listing | null;
  /** Asks for it; what comes is unchecked. Must not reject. */
  readonly ask: (channel: ChannelId) => Promise<Uint8Array | null>;
}

interface Kept extends SignedSnapshot {
  readonly keptAt: number;
}

export class OtherSnapshots {
  readonly #options: OtherSnapshotsOptions;
  readonly #kept = new Map<ChannelId, Kept>();
  readonly #asked = new Map<ChannelId, Promise<Uint8Array | null>>();

  constructor(options: OtherSnapshotsOptions) {
    this.#options = options;
  }

  /** @returns Checked bytes of the newest that any relay lists, or `null`. Never rejects. */
  async get(channel: ChannelId): Promise<Uint8Array | null> {
    const { listing, refused } = this.#options;
    const listed = listing(channel);
    if (listed === null) return null;
    const kept = this.#fresh(channel);
    if (kept !== null && isOf(kept, listed)) return kept.bytes;
    const asked = this.#asked.get(channel);
    if (asked !== undefined) return asked;
    if (this.#asked.size >= MAX_ASKED) {
      refused.count('listing:busy');
      return null;
    }
    const asking = this.#ask(channel, listed).finally(() => this.#asked.delete(channel));
    this.#asked.set(channel, asking);
    return asking;
  }

  #fresh(channel: ChannelId): Kept | null {
    const now = this.#options.clock.now();
    // They stand in the order of their coming.
    for (const [id, { keptAt }] of this.#kept) {
      if (now - keptAt < KEEP_MS) break;
      this.#kept.delete(id);
    }
    return this.#kept.get(channel) ?? null;
  }

  async #ask(channel: ChannelId, listed: Listing): Promise<Uint8Array | null> {
    const { ask, refused, clock } = this.#options;
    const bytes = await ask(channel);
    if (bytes === null) return null;
    try {
      const signed = await verifySnapshot(bytes);
      const { snapshot } = signed;
      if (snapshot.channel !== channel || snapshot.epoch !== listed.parsed.epoch)
        throw new MalformedError('out-of-range', 'snapshot of something else');
      this.#kept.delete(channel);
      this.#makeRoom();
      this.#kept.set(channel, { ...signed, keptAt: clock.now() });
      return bytes;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      refused.count(`snapshot:${error.reason}`);
      return null;
    }
  }

  #makeRoom(): void {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function isOf({ snapshot }: SignedSnapshot, { parsed, snapshotAt }: Listing): boolean {
  return snapshot.epoch === parsed.epoch && snapshot.takenAt >= (snapshotAt ?? 0);
}
