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
  publish(signed: SignedRecord): Promise<void>;
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

  /** Asks other relays for the channel and its record, without taking it in. */
  async search(): Promise<void> {
    await this.record();
    this.isElsewhere = false;
    for await (const _relay of this.#options.network()?.findCarriers(this.#channel) ?? []) {
      this.isElsewhere = true;
      break;
    }
  }

  /** The channel's record: known here, else asked of the DHT. */
  async record(): Promise<SignedRecord | null> {
    const { records, refused, network } = this.#options;
    const known = records.get(this.#channel);
    if (known) return known;
    const bytes = await network()?.findRecord(this.#channel);
    if (!bytes) return null;
    try {
      return (await records.learn(bytes)).newest;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      refused.count(`dht:${error.reason}`);
      return null;
    }
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

  async #pullFromAnywhere(): Promise<boolean> {
    const { records } = this.#options;
    const announced = records.get(this.#channel);
    if (this.streamer !== null && announced && (await this.#pull(this.streamer, announced, false)))
      return true;
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
