/**
 * One channel inside a relay: pulled once from a parent, served to any number of children.
 *
 *   idle ──pull──▶ pulling ──connected──▶ attached ──parent lost──▶ idle
 *
 * Children stay while the channel has no parent: a streamer that reloads its page is back within seconds, and its
 * viewers go on watching over the links they have.
 */

import type { Connection } from '@libp2p/interface';
import {
  closesLoop,
  detachedPosition,
  encodePath,
  KEY_FRAME_INTERVAL_MS,
  linkState,
  positionBelow,
  PROTOCOL_VERSION,
  type ChannelId,
  type Farewell,
  type LinkState,
  type PeerId,
  type Position,
} from '@casto/core';
import {
  asError,
  CapabilitiesError,
  matchCapabilities,
  parseRtpCapabilities,
  parseSessionDescription,
  peerIdOf,
  PeerLink,
  relayRtpCapabilities,
  requestLink,
  type Clock,
  type JoinDecision,
  type JoinRequest,
  type LinkEvent,
  type RefusalCounter,
  type SessionParameters,
  type SignedRecord,
} from '@casto/host';
import type { MediaLinks } from './media-links.ts';
import { createHub, type Hub } from './media/hub.ts';
import type { RelayLog } from './relay-log.ts';

/** ICE and DTLS to a parent on the other side of the world. */
const CONNECT_MS = 10_000;
/** A new parent sends a key frame within this time: the longest interval between two. */
const OVERLAP_MS = KEY_FRAME_INTERVAL_MS;
/** How often queues, NACKs and reports of the media are looked after. */
const TICK_MS = 25;

export interface RelayChannelOptions {
  id: ChannelId;
  self: PeerId;
  clock: Clock;
  media: MediaLinks;
  log: RelayLog;
  refused: RefusalCounter;
  /** Viewers came or went, media began or stopped, the parent is lost: look at the channel again. */
  onChange: () => void;
}

interface Upstream {
  link: PeerLink;
  epoch: number;
}

export class RelayChannel {
  readonly id: ChannelId;
  readonly #options: RelayChannelOptions;
  readonly #hub: Hub;
  readonly #children = new Set<PeerLink>();
  #upstream: Upstream | null = null;
  #position: Position;
  #isFlowing = false;
  #cancelTick: () => void = () => {};
  #closed = false;

  constructor(options: RelayChannelOptions) {
    this.#options = options;
    this.id = options.id;
    this.#position = detachedPosition(options.self);
    this.#hub = createHub({ now: () => options.clock.now() });
    this.#hub.onEvent = (event) => {
      if (event.type === 'live' || event.type === 'silent') this.#followMedia();
    };
    this.#tick();
  }

  /** Whether media comes in. */
  get isFlowing(): boolean {
    return this.#isFlowing;
  }

  /** The peer that this channel comes from, `null` while there is none. */
  get parent(): PeerId | null {
    return this.#upstream?.link.peerId ?? null;
  }

  get epoch(): number {
    return this.#upstream?.epoch ?? 0;
  }

  /** Links to children, relays among them. */
  get children(): number {
    return this.#children.size;
  }

  /** Viewers at and below this relay. */
  get viewers(): number {
    let viewers = 0;
    for (const child of this.#children) {
      viewers += child.remoteState?.viewers ?? (child.kind === 'browser' ? 1 : 0);
    }
    return viewers;
  }

  /**
   * Takes the channel in from a peer. A parent that it had stays until the new one delivers.
   *
   * @throws When the peer refuses or cannot be reached.
   */
  async pull(connection: Connection, signed: SignedRecord, fromRelay: boolean): Promise<void> {
    const { record } = signed;
    const parentId = peerIdOf(connection.remotePeer);
    const layers = Array.from({ length: record.layers }, (_, layer) => layer);
    const end = this.#options.media.pull({
      hub: this.#hub,
      layers,
      audio: record.audio,
      video: record.video,
      fromRelay,
    });
    const { refused } = this.#options;
    const signal = AbortSignal.timeout(CONNECT_MS);
    const join = {
      version: PROTOCOL_VERSION,
      channel: this.id,
      kind: 'headless' as const,
      layers,
      audio: record.audio,
      capabilities: relayRtpCapabilities(),
      path: encodePath(this.#upstream ? this.#position.path : []),
    };
    const outcome = await requestLink(connection, end, join, { signal, refused });
    if (outcome.type !== 'accepted')
      throw new PullRefused(outcome.type === 'refused' ? outcome.reason : 'redirected');
    await this.#attach(end, { parentId, kind: outcome.kind, epoch: record.epoch });
  }

  /**
   * Judges a join and makes the parent's end of the link.
   *
   * @throws {SessionDescriptionError | CapabilitiesError} When the offer or the capabilities are malformed.
   */
  accept(join: JoinRequest, from: PeerId, signed: SignedRecord): JoinDecision {
    const { clock, media, refused } = this.#options;
    if (closesLoop(this.#position, from)) return { type: 'refuse', reason: 'loop', retryAfterMs: 1_000 };
    const offer = reduceOffer(join, signed);
    if (offer === null) return { type: 'refuse', reason: 'no-common-codec', retryAfterMs: 60_000 };
    const end = media.serve({ hub: this.#hub, offer, layers: join.layers });
    const link: PeerLink = new PeerLink({
      role: 'parent',
      peerId: from,
      kind: join.kind,
      end,
      clock,
      refused,
      activity: end,
      onEvent: (event) => this.#childEvent(link, event),
    });
    this.#children.add(link);
    link.advertise(this.#state());
    this.#options.onChange();
    const { depth, path } = this.#state();
    return {
      type: 'accept',
      end,
      acceptance: {
        version: PROTOCOL_VERSION,
        kind: 'headless',
        record: signed.bytes,
        depth: depth ?? 0,
        path,
      },
    };
  }

  /** Tells the children to find another parent. */
  drain(withinMs: number): void {
    for (const child of this.#children) child.send({ type: 'drain', withinMs });
  }

  /** Lets go of the parent; children stay. */
  async stopPulling(reason: Farewell): Promise<void> {
    const upstream = this.#upstream;
    this.#upstream = null;
    await upstream?.link.leave(reason);
    this.#followMedia();
  }

  /** Ends every link. Idempotent. */
  async close(reason: Farewell): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick();
    const links = [...this.#children, ...(this.#upstream ? [this.#upstream.link] : [])];
    await Promise.all(links.map((link) => link.leave(reason)));
    this.#hub.close();
  }

  async #attach(
    end: ReturnType<MediaLinks['pull']>,
    parent: { parentId: PeerId; kind: 'browser' | 'headless'; epoch: number },
  ): Promise<void> {
    const { clock, refused } = this.#options;
    let settle: (isConnected: boolean) => void = () => {};
    const connected = new Promise<boolean>((resolve) => (settle = resolve));
    const link: PeerLink = new PeerLink({
      role: 'child',
      peerId: parent.parentId,
      kind: parent.kind,
      end,
      clock,
      refused,
      activity: end,
      onEvent: (event) => {
        if (event.type === 'connected') settle(true);
        if (event.type === 'closed') settle(false);
        this.#parentEvent(link, event);
      },
    });
    const cancel = clock.setTimer(() => settle(end.state === 'connected'), CONNECT_MS);
    const isConnected = end.state === 'connected' || (await connected);
    cancel();
    if (!isConnected || this.#closed) {
      link.close();
      throw new PullRefused('not-connected');
    }
    const previous = this.#upstream;
    this.#upstream = { link, epoch: parent.epoch };
    this.#reposition();
    // The old parent delivers until the new one's first key frame has come.
    if (previous) clock.setTimer(() => previous.link.close(), OVERLAP_MS);
    this.#options.onChange();
  }

  #parentEvent(link: PeerLink, event: LinkEvent): void {
    const { log } = this.#options;
    switch (event.type) {
      case 'state':
      case 'clock':
        this.#reposition();
        return;
      case 'silent':
        log('debug', 'parent-silent', { channel: this.id, silentMs: Math.round(event.silentMs) });
        return;
      case 'closed':
        if (this.#upstream?.link !== link) return;
        this.#upstream = null;
        log('info', 'parent-lost', { channel: this.id, parent: link.peerId });
        this.#followMedia();
        this.#options.onChange();
        return;
      default:
      // The rest concerns parents only.
    }
  }

  #childEvent(link: PeerLink, event: LinkEvent): void {
    switch (event.type) {
      case 'key-frame-wanted':
        this.#hub.requestKeyFrame({ kind: 'video', layer: event.layer });
        return;
      case 'state':
        this.#advertise();
        this.#options.onChange();
        return;
      case 'closed':
        this.#children.delete(link);
        this.#advertise();
        this.#options.onChange();
        return;
      default:
      // A parent has nothing to do about the rest.
    }
  }

  #followMedia(): void {
    const isFlowing = this.#upstream !== null && this.#hub.streams().some(({ isLive }) => isLive);
    if (isFlowing === this.#isFlowing) return;
    this.#isFlowing = isFlowing;
    this.#advertise();
    this.#options.onChange();
  }

  #reposition(): void {
    const link = this.#upstream?.link;
    this.#position = link
      ? positionBelow(this.#options.self, link.remoteState, link.clockOffsetMs)
      : detachedPosition(this.#options.self);
    this.#advertise();
  }

  #advertise(): void {
    const state = this.#state();
    for (const child of this.#children) child.advertise(state);
    this.#upstream?.link.advertise(state);
  }

  #state(): LinkState {
    return linkState(this.#position, {
      freeSlots: 0,
      subtreeSlots: 0,
      viewers: this.viewers,
      flowing: this.#isFlowing,
    });
  }

  #tick(): void {
    if (this.#closed) return;
    this.#hub.tick(this.#options.clock.now());
    this.#cancelTick = this.#options.clock.setTimer(() => this.#tick(), TICK_MS);
  }
}

/** The peer that was asked for a channel did not give it. */
export class PullRefused extends Error {
  override readonly name = 'PullRefused';
  readonly reason: string;

  constructor(reason: string) {
    super(`the channel could not be taken in: ${reason}`);
    this.reason = reason;
  }
}

/** @returns The child's offer with only the channel's codecs, or `null` when it has them not. */
function reduceOffer(join: JoinRequest, { record }: SignedRecord): SessionParameters | null {
  const offer = parseSessionDescription('offer', join.offer);
  const wanted = { video: record.video === null ? [] : [record.video], audio: record.audio };
  try {
    matchCapabilities(relayRtpCapabilities(), parseRtpCapabilities(join.capabilities), wanted);
  } catch (error) {
    if (error instanceof CapabilitiesError && error.reason === 'no-common-codec') return null;
    throw asError(error);
  }
  const media = offer.media.map((section) => ({
    ...section,
    codecs: section.codecs.filter(
      ({ mimeType }) => section.kind === 'audio' || mimeType === `video/${record.video ?? 'vp8'}`,
    ),
  }));
  return media.some(({ codecs }) => codecs.length === 0) ? null : { ...offer, media };
}
