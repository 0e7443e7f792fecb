/**
 * What is published under one name: a channel whose streamer is the relay itself, for as long as a publisher sends, and
 * a little longer.
 *
 *   waiting ──session connected──▶ live ──session lost──▶ waiting ──REJOIN_MS──▶ over
 *                                   └──session ended──▶ over
 *
 * and at any time over without a word when the relay stops: a relay that is started anew has the same channel.
 * A publisher that comes back in time goes on in the same channel, and its viewers keep their links.
 */

import { ANNOUNCE_MS, RECORD_LIFETIME_MS, type ChannelId, type ChannelRecord } from '@casto/core';
import { signRecord, type Clock, type SignedRecord } from '@casto/host';
import { ChannelIngest } from '../channel-ingest.ts';
import type { ChannelKey } from './channel-keys.ts';

/** An encoder that lost its connection tries again within seconds. */
const REJOIN_MS = 15_000;

/** What the relay's channels do for a publication. */
export interface PublishedChannels {
  /** @returns Whether there was room. */
  publish(signed: SignedRecord, ingest: ChannelIngest): Promise<boolean>;
  unpublish(signed: SignedRecord): Promise<void>;
}

export type PublishedMedia = Pick<ChannelRecord, 'video' | 'layers' | 'audio'>;

export interface PublicationOptions {
  readonly name: string;
  readonly key: ChannelKey;
  readonly channels: PublishedChannels;
  readonly clock: Clock;
  /** Nothing is published under the name any more. */
  readonly onOver: () => void;
  readonly onError: (error: unknown) => void;
}

export class Publication {
  readonly #options: PublicationOptions;
  #ingest: ChannelIngest | null = null;
  #media: PublishedMedia | null = null;
  #epoch = 0;
  #sequence = 0;
  #cancelEnd: () => void = () => {};
  #cancelAnnouncement: () => void = () => {};
  #isOver = false;
  /** Records are signed and told one after the other, or an old word could come last. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: PublicationOptions) {
    this.#options = options;
  }

  get channel(): ChannelId {
    return this.#options.key.channel;
  }

  /**
   * A publisher is connected.
   *
   * @returns Where its sources belong; `null` when the relay has no room for the channel.
   */
  async goLive(media: PublishedMedia, epoch: number): Promise<ChannelIngest | null> {
    this.#cancelEnd();
    let isTaken = false;
    await this.#inTurn(async () => {
      await this.#endOtherMedia(media);
      this.#media = media;
      this.#epoch = epoch;
      this.#ingest ??= new ChannelIngest(epoch);
      this.#ingest.epoch = epoch;
      isTaken = await this.#announce();
    });
    if (!isTaken || this.#isOver) return null;
    this.#announceLater();
    return this.#ingest;
  }

  /** The publisher is gone without a word; another session may go on. */
  lose(): void {
    this.#cancelEnd();
    if (this.#isOver) return;
    this.#cancelEnd = this.#options.clock.setTimer(() => void this.end(), REJOIN_MS);
  }

  /** The broadcast is over. Idempotent. */
  async end(): Promise<void> {
    if (this.#finish()) await this.#inTurn(() => this.#unpublish());
  }

  /** The relay stops: nothing is announced any more, and nobody is told that the broadcast is over. Idempotent. */
  async abandon(): Promise<void> {
    this.#finish();
    await this.#work;
  }

  /** @returns Whether it was not over before. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#cancelEnd();
    this.#cancelAnnouncement();
    this.#options.onOver();
    return true;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const { onError } = this.#options;
    this.#work = this.#work.then(work).catch(onError);
    return this.#work;
  }

  /** Children expect what the record said when they joined. */
  async #endOtherMedia({ video, layers, audio }: PublishedMedia): Promise<void> {
    const before = this.#media;
    if (before === null) return;
    if (before.video === video && before.layers === layers && before.audio === audio) return;
    await this.#unpublish();
  }

  async #unpublish(): Promise<void> {
    if (this.#ingest === null) return;
    this.#ingest.onTick = null;
    this.#ingest = null;
    await this.#options.channels.unpublish(await this.#sign(false));
  }

  async #announce(): Promise<boolean> {
    const ingest = this.#ingest;
    return ingest !== null && this.#options.channels.publish(await this.#sign(true), ingest);
  }

  /** PROTOCOL.md, D2: as a streamer announces itself anew. */
  #announceLater(): void {
    this.#cancelAnnouncement();
    this.#cancelAnnouncement = this.#options.clock.setTimer(() => {
      void this.#inTurn(async () => {
        if (!this.#isOver) await this.#announce();
      });
      this.#announceLater();
    }, ANNOUNCE_MS);
  }

  #sign(live: boolean): Promise<SignedRecord> {
    const { key, name, clock } = this.#options;
    const { video, layers, audio } = this.#media ?? { video: null, layers: 0, audio: false };
    const now = Math.floor(clock.now());
    this.#sequence = Math.max(this.#sequence + 1, now);
    return signRecord(key.privateKey, {
      channel: key.channel,
      epoch: this.#epoch,
      sequence: this.#sequence,
      expiresAt: now + RECORD_LIFETIME_MS,
      title: name,
      app: '',
      video,
      layers,
      audio,
      live,
      listed: true,
    });
  }
}
