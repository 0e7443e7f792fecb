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
  linkState,
  MAX_DEPTH,
  MAX_SUBTREE_COUNT,
  positionBelow,
  PROTOCOL_VERSION,
  type ChannelId,
  type Farewell,
  type LinkState,
  type PeerId,
  type Position,
} from '@casto/core';
import {
  PeerLink,
  reduceChildOffer,
  relayRtpCapabilities,
  signalForwarder,
  type Clock,
  type JoinDecision,
  type JoinRequest,
  type LinkEvent,
  type RefusalCounter,
  type SignalForwarder,
  type SignedRecord,
} from '@casto/host';
import { ChannelUpstream } from './channel-upstream.ts';
import type { MediaLinks } from './media-links.ts';
import { createHub, type Hub } from './media/hub.ts';
import type { RelayLog } from './relay-log.ts';

/** How often queues, NACKs and reports of the media are looked after. */
const TICK_MS = 25;
/** Viewers come and go in crowds; each neighbour is told of their number at most this often. */
const COUNT_MS = 500;

export interface RelayChannelOptions {
  id: ChannelId;
  self: PeerId;
  clock: Clock;
  media: MediaLinks;
  log: RelayLog;
  refused: RefusalCounter;
  /** Viewers came or went, media began or stopped, the parent is lost: look at the channel again. */
  onChange: () => void;
  /** The parent says that the broadcast is over. */
  onEnded: () => void;
}

export class RelayChannel {
  readonly id: ChannelId;
  readonly #options: RelayChannelOptions;
  readonly #hub: Hub;
  readonly #upstream: ChannelUpstream;
  readonly #forwarder: SignalForwarder;
  readonly #children = new Set<PeerLink>();
  #position: Position;
  /** When it first had a parent. */
  #cameAt: number | null = null;
  #isFlowing = false;
  #cancelTick: (() => void) | null = null;
  #cancelCount: (() => void) | null = null;
  #toldViewers = '';
  #closed = false;

  constructor(options: RelayChannelOptions) {
    const { id, self, clock, media, refused } = options;
    this.#options = options;
    this.id = id;
    this.#position = detachedPosition(self);
    this.#forwarder = signalForwarder({ clock, refused });
    this.#hub = createHub({ now: () => clock.now() });
    this.#hub.onEvent = (event) => {
      if (event.type === 'live' || event.type === 'silent') this.#followMedia();
    };
    this.#upstream = new ChannelUpstream({
      id,
      clock,
      media,
      hub: this.#hub,
      refused,
      onEvent: (link, event) => this.#parentEvent(link, event),
      onAttached: () => {
        this.#cameAt ??= clock.now();
        this.#reposition();
        options.onChange();
      },
    });
  }

  /** Whether media comes in. */
  get isFlowing(): boolean {
    return this.#isFlowing;
  }

  /** The peer that this channel comes from, `null` while there is none. */
  get parent(): PeerId | null {
    return this.#upstream.link?.peerId ?? null;
  }

  get epoch(): number {
    return this.#upstream.epoch;
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
    return Math.min(viewers, MAX_SUBTREE_COUNT);
  }

  /**
   * Takes the channel in from a peer. A parent that it had stays until the new one delivers.
   *
   * @throws When the peer refuses or cannot be reached.
   */
  async pull(connection: Connection, signed: SignedRecord, fromRelay: boolean): Promise<void> {
    const path = encodePath(this.#upstream.link ? this.#position.path : []);
    const pulling = this.#upstream.pull(connection, signed, { fromRelay, path, ageS: this.#ageS() });
    this.#keepTicking();
    await pulling;
  }

  /**
   * Judges a join and makes the parent's end of the link.
   *
   * @throws {SessionDescriptionError | CapabilitiesError} When the offer or the capabilities are malformed.
   */
  accept(join: JoinRequest, from: PeerId, signed: SignedRecord): JoinDecision {
    if (closesLoop(this.#position, from)) return { type: 'refuse', reason: 'loop', retryAfterMs: 1_000 };
    const { depth, path } = this.#state();
    if (depth === MAX_DEPTH) return { type: 'refuse', reason: 'too-deep', retryAfterMs: 5_000 };
    const offer = reduceChildOffer(join, relayRtpCapabilities(), signed.record);
    if (offer === null) return { type: 'refuse', reason: 'no-common-codec', retryAfterMs: 60_000 };
    const { clock, media, refused } = this.#options;
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
    this.#keepTicking();
    this.#viewersChanged();
    const acceptance = { version: PROTOCOL_VERSION, kind: 'headless' as const, record: signed.bytes };
    return { type: 'accept', end, acceptance: { ...acceptance, depth: depth ?? 0, path } };
  }

  /** Tells the children to find another parent. */
  drain(withinMs: number): void {
    for (const child of this.#children) child.send({ type: 'drain', withinMs });
  }

  /** Lets go of the parent; children stay. */
  async stopPulling(reason: Farewell): Promise<void> {
    const released = this.#upstream.release(reason);
    this.#reposition();
    this.#followMedia();
    await released;
  }

  /** Ends every link. Idempotent. */
  async close(reason: Farewell): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick?.();
    this.#cancelCount?.();
    await Promise.all([
      this.#upstream.close(reason),
      ...[...this.#children].map((link) => link.leave(reason)),
    ]);
    this.#hub.close();
  }

  #parentEvent(link: PeerLink, event: LinkEvent): void {
    const { log, onChange, onEnded } = this.#options;
    switch (event.type) {
      case 'state':
      case 'clock':
        this.#reposition();
        return;
      case 'forward':
        this.#forward(link, event);
        return;
      case 'silent':
        log('debug', 'parent-silent', { channel: this.id, silentMs: Math.round(event.silentMs) });
        return;
      case 'farewell':
        if (event.reason === 'ended') onEnded();
        return;
      case 'closed':
        log('info', 'parent-lost', { channel: this.id, parent: link.peerId });
        this.#reposition();
        this.#followMedia();
        onChange();
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
      case 'forward':
        this.#forward(link, event);
        return;
      case 'state':
        this.#viewersChanged();
        return;
      case 'closed':
        this.#children.delete(link);
        this.#viewersChanged();
        return;
      default:
      // A parent has nothing to do about the rest.
    }
  }

  #forward(from: PeerLink, { message }: Extract<LinkEvent, { type: 'forward' }>): void {
    const parent = this.#upstream.link;
    this.#forwarder.forward(message, from, parent ? [parent, ...this.#children] : this.#children);
  }

  /** Tells the owner at once, and the neighbours when the number of viewers has settled. */
  #viewersChanged(): void {
    const told = `${this.#children.size} ${this.viewers}`;
    if (this.#closed || told === this.#toldViewers) return;
    this.#toldViewers = told;
    this.#cancelCount ??= this.#options.clock.setTimer(() => {
      this.#cancelCount = null;
      this.#advertise();
    }, COUNT_MS);
    this.#options.onChange();
  }

  #followMedia(): void {
    const isFlowing = this.#upstream.link !== null && this.#hub.streams().some(({ isLive }) => isLive);
    const hasChanged = isFlowing !== this.#isFlowing;
    this.#isFlowing = isFlowing;
    // Layers may have come or gone although the channel flows on.
    this.#advertise();
    if (hasChanged) this.#options.onChange();
  }

  #reposition(): void {
    const { link } = this.#upstream;
    this.#position = link
      ? positionBelow(this.#options.self, link.remoteState, link.toParent)
      : detachedPosition(this.#options.self);
    this.#advertise();
  }

  #advertise(): void {
    const state = this.#state();
    for (const child of this.#children) child.advertise(state);
    this.#upstream.link?.advertise(state);
  }

  #state(): LinkState {
    return linkState(this.#position, {
      slots: 0,
      freeSlots: 0,
      subtreeSlots: 0,
      viewers: this.viewers,
      flowing: this.#isFlowing,
      ageS: this.#ageS(),
      layers: this.#layers(),
    });
  }

  #ageS(): number {
    if (this.#cameAt === null) return 0;
    return Math.max(0, Math.floor((this.#options.clock.now() - this.#cameAt) / 1000));
  }

  /** Those that come in, as bits. */
  #layers(): number {
    let layers = 0;
    for (const { key, isLive } of this.#hub.streams()) {
      if (key.kind === 'video' && isLive) layers |= 1 << key.layer;
    }
    return layers;
  }

  /** Ticks as long as there are links. */
  #keepTicking(): void {
    this.#cancelTick ??= this.#options.clock.setTimer(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    this.#cancelTick = null;
    if (this.#closed) return;
    this.#hub.tick(this.#options.clock.now());
    if (this.#children.size > 0 || this.#upstream.isActive) this.#keepTicking();
  }
}
