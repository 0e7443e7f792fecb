/**
 * Channel records that a relay has seen, and the DHT's rules for them. The DHT's PUT handler never asks the
 * selector, so that an old record would overwrite a newer one: validation itself therefore refuses what a
 * remembered record supersedes.
 */

import { decodeSignedRecord, MalformedError, recordKey, supersedes, type ChannelId } from '@casto/core';
import { verifyRecord, type Clock, type SignedRecord } from '@casto/host';

/** About 1 kB each. Beyond it the record that expires first is forgotten. */
const MAX_RECORDS = 10_000;

export class RecordMemory {
  /** Channels whose records must stay, whatever others bring: those that the relay deals with. */
  isNeeded: (channel: ChannelId) => boolean = () => false;
  readonly #clock: Clock;
  readonly #records = new Map<ChannelId, SignedRecord>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The channel's newest record, unless it has expired. */
  get(channel: ChannelId): SignedRecord | null {
    const known = this.#records.get(channel);
    if (known === undefined) return null;
    if (known.record.expiresAt > this.#clock.now()) return known;
    this.#records.delete(channel);
    return null;
  }

  /** Whether the newest record of a channel is this one, so that it need not be verified again. */
  knows(channel: ChannelId, bytes: Uint8Array): boolean {
    const known = this.get(channel);
    return known !== null && isSame(known.bytes, bytes);
  }

  /**
   * Verifies and remembers a record.
   *
   * @returns The newest record of the channel, and whether the bytes brought it.
   * @throws {MalformedError} When the bytes are no valid record.
   */
  async learn(bytes: Uint8Array): Promise<{ newest: SignedRecord; isNews: boolean }> {
    const signed = await verifyRecord(bytes, this.#clock.now());
    const known = this.get(signed.record.channel);
    if (!supersedes(signed.record, known?.record ?? null)) return { newest: known ?? signed, isNews: false };
    this.#records.delete(signed.record.channel);
    this.#makeRoom();
    this.#records.set(signed.record.channel, signed);
    return { newest: signed, isNews: true };
  }

  /** Throws unless `value` may be stored in the DHT under `key`. */
  async validate(key: Uint8Array, value: Uint8Array): Promise<void> {
    const { newest, isNews } = await this.learn(value);
    if (recordKey(newest.record.channel) !== new TextDecoder().decode(key)) {
      throw new MalformedError('out-of-range', 'record belongs under another key');
    }
    if (!isNews && !isSame(newest.bytes, value))
      throw new MalformedError('out-of-range', 'record is superseded');
  }

  #makeRoom(): void {
    if (this.#records.size < MAX_RECORDS) return;
    let first: SignedRecord | null = null;
    for (const signed of this.#records.values()) {
      if (this.isNeeded(signed.record.channel)) continue;
      if (first === null || signed.record.expiresAt < first.record.expiresAt) first = signed;
    }
    if (first) this.#records.delete(first.record.channel);
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** Among valid records the highest sequence wins. */
export const recordSelectors = {
  casto: (_key: Uint8Array, values: Uint8Array[]): number => {
    let best = 0;
    let bestSequence = -1;
    values.forEach((value, i) => {
      const sequence = sequenceOf(value);
      if (sequence > bestSequence) [best, bestSequence] = [i, sequence];
    });
    return best;
  },
};

function sequenceOf(value: Uint8Array): number {
  try {
    return decodeSignedRecord(value).record.sequence;
  } catch {
    return -1;
  }
}
