/**
 * The watching side of a page: shows what its parent sends, and finds another parent when it is lost.
 *
 *   searching ──connected──▶ attached ──silent, drained, closed──▶ searching
 *
 * A silent parent is kept until another one delivers: it may only have stumbled. The stream that the page holds
 * stays the same through all of it.
 */

import type { Libp2p } from '@libp2p/interface';
import {
  detachedPosition,
  isPeerId,
  linkState,
  positionBelow,
  reconnectWaitMs,
  type ChannelId,
  type PeerId,
  type Position,
} from '@casto/core';
import { peerIdOf, type LinkEvent, type PeerLink } from '@casto/host';
import { aborted, markStep, type Attachment } from './attachment.ts';
import { CastoError, toCastoError } from './errors.ts';
import { freshIdentity } from './identity.ts';
import { createPagePeer, wait } from './page-peer.ts';
import { isWorthRetrying, ParentSearch } from './parent-search.ts';
import { peerStats, type PageContext, type Role } from './role.ts';
import { readMediaStats, TransferMeter, type CastoStats } from './stats.ts';

/** A relay that could not serve at the first try gets this many more before `start()` gives up. */
const FIRST_ATTEMPTS = 4;
/** A link that held this long ends a series of failures. */
const STABLE_MS = 10_000;

export class Viewer implements Role {
  readonly channel: ChannelId;
  readonly #context: PageContext;
  readonly #libp2p: Libp2p;
  readonly #self: PeerId;
  readonly #search: ParentSearch;
  readonly #stream = new MediaStream();
  readonly #closed = new AbortController();
  readonly #download = new TransferMeter();
  #attachment: Attachment | null = null;
  /** When it first had a parent, in milliseconds since 1970. */
  #cameAt: number | null = null;
  #position: Position;
  #viewers = 0;
  #hasEnded = false;
  #lastParent: PeerId | null = null;

  private constructor(context: PageContext, channel: ChannelId, libp2p: Libp2p) {
    this.#context = context;
    this.channel = channel;
    this.#libp2p = libp2p;
    this.#self = peerIdOf(libp2p.peerId);
    this.#position = detachedPosition(this.#self);
    this.#search = new ParentSearch({
      context,
      libp2p,
      channel,
      ageS: () => this.#ageS(),
      onEvent: (link, event) => this.#linkEvent(link, event),
    });
  }

  static async create(context: PageContext, channel: ChannelId): Promise<Viewer> {
    const { privateKey } = await freshIdentity();
    const libp2p = await createPagePeer(privateKey);
    markStep('peer');
    return new Viewer(context, channel, libp2p);
  }

  get peerId(): string {
    return this.#self;
  }

  async start(): Promise<MediaStream> {
    await this.#attachFirst();
    void this.#stayAttached();
    return this.#stream;
  }

  async stats(): Promise<CastoStats> {
    const attachment = this.#attachment;
    const parent = attachment?.isWell ? attachment.link : null;
    const media = attachment ? await readMediaStats(attachment.end.pc) : null;
    const now = this.#context.worker.clock.now();
    return {
      role: 'viewer',
      channel: this.channel,
      peerId: this.#self,
      depth: parent ? this.#position.depth : null,
      parents: parent ? [peerStats(parent)] : [],
      children: [],
      video: media?.video ?? null,
      audio: media?.audio ?? null,
      latencyMs: attachment?.isWell ? this.#latencyMs(attachment) : null,
      upload: { bytes: 0, bitsPerSecond: 0 },
      download: this.#download.measure(media?.bytesReceived ?? 0, now),
    };
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    await this.#attachment?.link.leave('leaving');
    for (const track of this.#stream.getTracks()) this.#stream.removeTrack(track);
    await this.#libp2p.stop();
  }

  get #signal(): AbortSignal {
    return AbortSignal.any([this.#context.signal, this.#closed.signal]);
  }

  /** @throws {CastoError} When the channel cannot be watched, or no relay is there. */
  async #attachFirst(): Promise<void> {
    const signal = this.#signal;
    for (let attempt = 0; ; attempt++) {
      try {
        this.#adopt(await this.#search.find(signal));
        return;
      } catch (error) {
        if (signal.aborted) throw new CastoError('aborted', 'stopped while joining', { cause: error });
        const failure = toCastoError(error, 'protocol', 'the relay answered with an error');
        if (!isWorthRetrying(failure) || attempt >= FIRST_ATTEMPTS) throw failure;
        await wait(reconnectWaitMs(attempt, Math.random()), signal);
      }
    }
  }

  /** Finds another parent whenever the present one is lost, until the viewer is stopped. */
  async #stayAttached(): Promise<void> {
    const signal = this.#signal;
    for (let failures = 0; !signal.aborted;) {
      const present = this.#attachment;
      if (present !== null) {
        await Promise.race([present.untilLost(), aborted(signal)]);
        if (this.#context.worker.clock.now() - present.attachedAt > STABLE_MS) failures = 0;
      }
      try {
        if (failures > 0) await wait(reconnectWaitMs(failures - 1, Math.random()), signal);
        this.#replace(present, await this.#search.find(signal));
      } catch (error) {
        if (!signal.aborted) this.#tell(error);
      }
      failures++;
    }
  }

  /** The present parent may have come back while another one was looked for. */
  #replace(present: Attachment | null, next: Attachment): void {
    if (present?.isWell) {
      next.link.close();
      return;
    }
    this.#adopt(next);
    present?.link.close();
  }

  /** Failures that another attempt may mend are no news to the page. */
  #tell(error: unknown): void {
    const failure = toCastoError(error, 'protocol', 'reconnecting failed');
    if (!isWorthRetrying(failure)) this.#context.emit('error', failure);
  }

  /** Shows a new parent's media in the stream that the page holds. */
  #adopt(attachment: Attachment): void {
    const previous = this.#lastParent;
    const parent = attachment.link.peerId;
    this.#attachment = attachment;
    this.#cameAt ??= attachment.attachedAt;
    this.#lastParent = parent;
    this.#replaceTracks(attachment.tracks);
    this.#reposition();
    if (previous === null || this.#hasEnded) this.#context.emit('live', { channel: this.channel });
    this.#hasEnded = false;
    if (previous === null || previous === parent) this.#context.emit('attached', { parent });
    else this.#context.emit('parent-changed', { parent, previous });
  }

  #replaceTracks(tracks: readonly MediaStreamTrack[]): void {
    const old = this.#stream.getTracks();
    for (const track of tracks) this.#stream.addTrack(track);
    for (const track of old) this.#stream.removeTrack(track);
  }

  #linkEvent(link: PeerLink, event: LinkEvent): void {
    switch (event.type) {
      case 'clock':
        this.#reposition();
        return;
      case 'state':
        this.#reposition();
        this.#countViewers(event.state.viewers);
        return;
      case 'farewell':
        if (event.reason === 'ended') this.#end();
        return;
      case 'closed':
        if (this.#attachment?.link === link) this.#attachment = null;
        return;
      default:
      // The rest is for parents, or handled by whoever waits for the link.
    }
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#context.emit('ended', { channel: this.channel });
  }

  #countViewers(count: number): void {
    if (count === this.#viewers) return;
    this.#viewers = count;
    this.#context.emit('viewers', { count });
  }

  /** Works out the own place from the parent's, and tells the parent. */
  #reposition(): void {
    const link = this.#attachment?.link;
    if (!link) return;
    this.#position = positionBelow(this.#self, link.remoteState, link.toParent);
    const ageS = this.#ageS();
    const served = { slots: 0, freeSlots: 0, subtreeSlots: 0, layers: 0 };
    link.advertise(linkState(this.#position, { ...served, viewers: 1, flowing: true, ageS }));
  }

  #ageS(): number {
    if (this.#cameAt === null) return 0;
    return Math.max(0, Math.floor((this.#context.worker.clock.now() - this.#cameAt) / 1000));
  }

  #latencyMs({ taps }: Attachment): number | null {
    const { clockOffsetMs } = this.#position;
    // Video counts where there is some: it is what people compare.
    for (const { last } of taps.toReversed()) {
      if (clockOffsetMs === null || last === null || last.capturedAt === null) continue;
      return Math.max(0, last.at + clockOffsetMs - last.capturedAt);
    }
    return null;
  }
}

/** @throws {CastoError} `protocol` */
export function readChannel(channel: string): ChannelId {
  if (!isPeerId(channel)) throw new CastoError('protocol', `not a channel id: ${channel.slice(0, 80)}`);
  return channel;
}
