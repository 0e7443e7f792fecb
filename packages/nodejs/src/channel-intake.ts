/** Where a channel is taken in from: its streamer when that is connected here, else another relay. */

import type { Connection } from '@libp2p/interface';
import { MalformedError, type ChannelId, type PeerId } from '@casto/core';
import type { RefusalCounter, SignedRecord } from '@casto/host';
import type { RecordMemory } from './record-memory.ts';
import type { RelayChannel } from './relay-channel.ts';
import type { RelayLog } from './relay-log.ts';

/** What the channels need of the network of relays. */
export interface CarrierSearch {
  findCarriers(channel: ChannelId): AsyncIterable<PeerId>;
  findRecord(channel: ChannelId): Promise<Uint8Array | null>;
  connect(relay: PeerId): Promise<Connection>;
  /** Makes a record known, and its channel findable here while it is live. Never rejects. */
  publish(signed: SignedRecord): Promise<void>;
  /** The channel is not to be found here any more. Never rejects. */
  withdraw(channel: ChannelId): Promise<void>;
  loadChanged(): void;
}

export interface ChannelIntakeOptions {
  media: RelayChannel;
  records: RecordMemory;
  log: RelayLog;
  refused: RefusalCounter;
  network: () => CarrierSearch | null;
}

export class ChannelIntake {
  /** The streamer's own connection, while it announces the channel here as live. */
  streamer: Connection | null = null;
  /** Another relay says that it carries the channel. */
  isElsewhere = false;
  readonly #options: ChannelIntakeOptions;
  #pulling: Promise<boolean> | null = null;
  /** The part of it that asks the streamer. */
  #pullingStreamer: Promise<boolean> | null = null;

  constructor(options: ChannelIntakeOptions) {
    this.#options = options;
  }

  get isPulling(): boolean {
    return this.#pulling !== null;
  }

  /** Takes the channel in, unless it already comes from the right place. @returns Whether it comes in. */
  async takeIn(): Promise<boolean> {
    if (this.#hasItsSource()) return true;
    this.#pulling ??= this.#pullFromAnywhere().finally(() => {
      this.#pulling = null;
    });
    return this.#pulling;
  }

  /**
   * Takes the channel in, and waits no longer than for its streamer: two relays that wait for each other would wait
   * for ever.
   *
   * @returns Whether it comes from the streamer.
   */
  async takeInFromStreamer(): Promise<boolean> {
    void this.takeIn();
    await this.#pullingStreamer;
    return this.#options.media.parent === this.#channel;
  }

  /** Asks other relays for the channel and its record, without taking it in. */
  async search(): Promise<void> {
    const [isElsewhere] = await Promise.all([this.#isFoundElsewhere(), this.record()]);
    this.isElsewhere = isElsewhere;
  }

  /** The channel's record: known here as live, else asked of the DHT. */
  async record(): Promise<SignedRecord | null> {
    const known = this.#options.records.get(this.#channel);
    return known?.record.live ? known : this.#newestRecord();
  }

  async #newestRecord(): Promise<SignedRecord | null> {
    const { records, refused, network } = this.#options;
    const bytes = await network()?.findRecord(this.#channel);
    try {
      if (bytes) await records.learn(bytes);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      refused.count(`dht:${error.reason}`);
    }
    return records.get(this.#channel);
  }

  get #channel(): ChannelId {
    return this.#options.media.id;
  }

  /** The streamer itself is the best parent; a page that was loaded anew is another streamer with the same key. */
  #hasItsSource(): boolean {
    const { parent, epoch } = this.#options.media;
    if (parent === null) return false;
    if (this.streamer === null) return true;
    return (
      parent === this.#channel && epoch === (this.#options.records.get(this.#channel)?.record.epoch ?? 0)
    );
  }

  async #isFoundElsewhere(): Promise<boolean> {
    for await (const _relay of this.#options.network()?.findCarriers(this.#channel) ?? []) return true;
    return false;
  }

  async #pullFromAnywhere(): Promise<boolean> {
    const { streamer } = this;
    if (await this.#pullFromStreamer()) return true;
    const isFound = await this.#pullFromRelays();
    // The streamer may have come meanwhile.
    const hasCome = this.streamer !== null && this.streamer !== streamer;
    return (hasCome && (await this.#pullFromStreamer())) || isFound;
  }

  async #pullFromStreamer(): Promise<boolean> {
    const announced = this.#options.records.get(this.#channel);
    if (this.streamer === null || announced === null) return false;
    this.#pullingStreamer = this.#pull(this.streamer, announced, false);
    return this.#pullingStreamer;
  }

  async #pullFromRelays(): Promise<boolean> {
    const known = this.#options.records.get(this.#channel);
    if (await this.#askCarriers()) return true;
    if (known === null) return false;
    // The record may be of an earlier broadcast, with other codecs.
    const newest = await this.#newestRecord();
    return newest !== null && newest.record.sequence > known.record.sequence && this.#askCarriers();
  }

  async #askCarriers(): Promise<boolean> {
    const network = this.#options.network();
    if (network === null) return false;
    for await (const relay of network.findCarriers(this.#channel)) {
      const signed = await this.record();
      if (signed === null) return false;
      const connection = await network.connect(relay).catch(() => null);
      if (connection && (await this.#pull(connection, signed, true))) return true;
    }
    return false;
  }

  async #pull(connection: Connection, signed: SignedRecord, fromRelay: boolean): Promise<boolean> {
    const { media, log } = this.#options;
    const fields = { channel: this.#channel, parent: connection.remotePeer.toString() };
    try {
      await media.pull(connection, signed, fromRelay);
      log('info', 'channel-pulled', fields);
      return true;
    } catch (error) {
      log('warn', 'pull-failed', { ...fields, error: String(error) });
      return false;
    }
  }
}
