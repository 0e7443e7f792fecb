/**
 * One channel inside a relay, as a peer of the channel's tree: taken in from a parent, served to any number of children.
 *
 *   idle ──takeIn──▶ detached ──media──▶ attached ──parent lost──▶ detached
 *
 * Children stay while the channel has no parent: a streamer that reloads its page is back within seconds, and its
 * viewers go on watching over the links they have.
 */

import {
  PROTOCOL_VERSION,
  type ChannelId,
  type Farewell,
  type ParentCandidate,
  type PeerId,
  type Standing,
  type TreeView,
} from '@casto/core';
import {
  reduceChildOffer,
  relayRtpCapabilities,
  TreeDriver,
  treeJoinOf,
  type PeerLink,
  type JoinDecision,
  type JoinRequest,
  type LinkEvent,
  type SignedRecord,
  type TreePorts,
} from '@casto/host';
import { ChannelChildren } from './channel-children.ts';
import { ChannelParents } from './channel-parents.ts';
import { ChannelPlayers } from './channel-players.ts';
import type { Seek } from './channel-search.ts';
import { streamsOf } from './channel-streams.ts';
import { ChannelTalk } from './channel-talk.ts';
import type { ChannelQualities } from './channel-qualities.ts';
import { createHub, type Hub, type StreamReport } from './media/hub.ts';
import { Arrival, type Waiter } from './arrival.ts';
import type { RelayChannelOptions } from './relay-channel-options.ts';
import { relayTreeOptions } from './relay-tree.ts';

/** How often queues, NACKs and reports of the media are looked after. */
const TICK_MS = 25;

export class RelayChannel {
  readonly id: ChannelId;
  /** Viewers that are served outside the tree. */
  readonly players: ChannelPlayers;
  readonly #options: RelayChannelOptions;
  readonly #hub: Hub;
  readonly #driver: TreeDriver;
  readonly #parents: ChannelParents;
  readonly #children: ChannelChildren;
  readonly #talk: ChannelTalk;
  readonly #arrival: Arrival;
  /** Directories and probes that have not answered. */
  #questions = 0;
  #isStarted = false;
  #isFlowing = false;
  #cancelTick: (() => void) | null = null;
  #toldViewers = '';
  #toldLoad = 0;
  #toldPlace = ' false false';
  #closed = false;

  constructor(options: RelayChannelOptions) {
    const { id, clock, media, refused, search } = options;
    this.#options = options;
    this.id = id;
    this.#arrival = new Arrival(clock);
    this.#hub = createHub({ now: () => clock.now() });
    this.#talk = new ChannelTalk(options, {
      driver: () => this.#driver,
      played: () => this.#parents.played,
      players: () => this.players.size,
      streams: () => this.#hub.streams(),
    });
    this.#hub.onEvent = (event) => {
      if (event.type === 'live' || event.type === 'silent') this.#followMedia();
    };
    options.ingest?.open(this.#hub);
    this.players = new ChannelPlayers(this.#hub, () => {
      if (this.#closed) return;
      this.#driver.tell({ type: 'audience', viewers: this.players.size });
      this.#viewersChanged();
    });
    this.#driver = new TreeDriver({ tree: relayTreeOptions(options), clock, ports: this.#ports() });
    this.#children = new ChannelChildren({
      media,
      hub: this.#hub,
      clock,
      refused,
      onEvent: (link, event) => this.#childEvent(link, event),
    });
    this.#parents = new ChannelParents({
      id,
      clock,
      media,
      hub: this.#hub,
      refused,
      driver: () => this.#driver,
      reach: (candidate) => this.#talk.reach.reach(candidate),
      record: (which) => search.record(which),
      isPage: (peerId) => search.isPage(peerId),
      onEvent: (link, event) => this.#parentEvent(link, event),
      onProgress: () => this.#changed(),
      log: options.log,
    });
  }

  /** Whether media comes in. */
  get isFlowing(): boolean {
    return this.#isFlowing;
  }

  /** Whether a parent delivers, and says where it stands; of a broadcast that begins here: whether it comes in. */
  get isAttached(): boolean {
    if (this.#options.ingest !== null) return this.#isFlowing;
    const { played } = this.#parents;
    return played !== null && !played.isSilent && played.remoteState?.flowing === true;
  }

  /** Whether something is under way that may bring the channel in. */
  get isPulling(): boolean {
    if (!this.#isStarted || this.isAttached || this.#options.ingest !== null) return false;
    return this.#questions > 0 || this.#parents.isTrying || this.#parents.played?.remoteState === null;
  }

  /** The peer that this channel comes from, `null` while there is none. */
  get parent(): PeerId | null {
    return this.#parents.played?.peerId ?? null;
  }

  /** Of the broadcast that comes in; 0 without one. */
  get epoch(): number {
    return this.#parents.epoch;
  }

  /** Links to children, relays and standbys among them. */
  get children(): number {
    return this.#children.size;
  }

  /** Children that are sent media. */
  get served(): number {
    return this.#children.active;
  }

  /** Those because of whom the channel is kept: a relay that only stands by waits for the same streamer. */
  get dependents(): number {
    return this.#children.dependents + this.players.size;
  }

  /** Viewers at and below this relay. */
  get viewers(): number {
    return this.#children.viewers + this.players.size;
  }

  /** Where this relay stands, for a peer that probes it; `null`: nowhere. */
  get standing(): Standing | null {
    return this.#driver.standing();
  }

  view(): TreeView {
    return this.#driver.view();
  }

  /** The streams that come in. */
  streams(): StreamReport[] {
    return this.#hub.streams();
  }

  /** How the links do. */
  qualities(): ChannelQualities {
    return { parents: this.#parents.losses(), children: this.#children.qualities() };
  }

  /** Limits the children of this channel from here on: to as many as the line carries, by what the owner says. */
  allow(children: number): void {
    this.#driver.tell({ type: 'uplink', bps: Infinity });
    this.#driver.tell({ type: 'allowed', children });
  }

  /** Looks for a parent, unless that was begun. */
  start(): void {
    if (this.#isStarted || this.#closed) return;
    this.#isStarted = true;
    const { ingest } = this.#options;
    this.#driver.tell(ingest === null ? { type: 'start' } : { type: 'broadcast', epoch: ingest.epoch });
    this.#keepTicking();
  }

  /** The broadcast that this relay itself takes in begins, or begins anew. */
  broadcast(): void {
    const { ingest } = this.#options;
    if (this.#isStarted && ingest !== null) this.#driver.tell({ type: 'broadcast', epoch: ingest.epoch });
    this.start();
  }

  /** Takes the channel in. @returns Whether it comes in, once that is known. */
  takeIn(waiter: Waiter): Promise<boolean> {
    const { search } = this.#options;
    if (this.isAttached) return Promise.resolve(true);
    if (!this.isPulling) search.renew();
    // A search that begins asks who waits.
    const arrival = this.#arrival.wait(waiter, () => this.isAttached);
    this.start();
    // Rounds in vain follow each other ever more slowly. Whoever asks has the streamer asked again at once.
    if (!this.isPulling && search.streamer !== null) this.#nameStreamer();
    return arrival;
  }

  /** The streamer is connected here: nobody is a better parent, unless it is the parent already. */
  followStreamer(epoch: number): void {
    const known = this.#parents.epochOf(this.id);
    if (known !== null && (known >= epoch || known === 0)) return;
    this.#driver.tell({ type: 'broadcast', epoch });
    // A search that begins finds the streamer by itself.
    if (!this.#isStarted) return this.start();
    this.#parents.retire(this.id);
    this.#nameStreamer();
  }

  #nameStreamer(): void {
    this.#driver.tell({ type: 'named', parents: [{ peerId: this.id, addresses: [] }] });
  }

  /**
   * Judges a join and makes the parent's end of the link.
   *
   * @throws {SessionDescriptionError | CapabilitiesError} When the offer or the capabilities are malformed.
   */
  accept(join: JoinRequest, from: PeerId, signed: SignedRecord): JoinDecision {
    const offer = reduceChildOffer(join, relayRtpCapabilities(), signed.record);
    if (offer === null) return { type: 'refuse', reason: 'no-common-codec', retryAfterMs: 60_000 };
    const decision = this.#driver.decide(from, [], treeJoinOf(join));
    if (decision.type !== 'accept') return decision;
    const { kind, layers } = join;
    try {
      const media = { offer, layers, streams: streamsOf(signed.record), isActive: !decision.standby };
      const { link, end } = this.#children.add({ peerId: from, kind, ...media });
      this.#driver.attach(link);
      this.#keepTicking();
      this.#viewersChanged();
      const { depth = 0, path = new Uint8Array() } = this.#driver.standing() ?? {};
      const acceptance = { version: PROTOCOL_VERSION, record: signed.bytes, depth, path };
      return { type: 'accept', end, acceptance: { ...acceptance, kind: 'headless' } };
    } catch (error) {
      this.#driver.tell({ type: 'unlinked', peerId: from, farewell: null });
      throw error;
    }
  }

  /** Names children with room to a joiner for whom the relay has none. */
  sendOn(join: JoinRequest, from: PeerId): JoinDecision | null {
    const decision = this.#driver.decide(from, [], treeJoinOf(join), { isFull: true });
    return decision.type === 'redirect' ? decision : null;
  }

  /** Tells the children to find another parent. */
  drain(withinMs: number): void {
    this.#driver.tell({ type: 'drain', withinMs });
  }

  /** Ends every link. Idempotent. */
  async close(reason: Farewell): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick?.();
    this.#children.close();
    this.players.close();
    this.#options.search.stop();
    this.#arrival.settle(false);
    this.#talk.close();
    this.#parents.close();
    await this.#driver.stop(reason);
    this.#hub.close();
  }

  #ports(): TreePorts {
    return {
      seek: (layers) => void this.#seek(layers),
      probe: (candidate) => void this.#probe(candidate),
      join: (candidate, join) => void this.#parents.join(candidate, join),
      abandon: (peerId) => this.#parents.abandon(peerId),
      want: (peerId, isWanted) => this.#parents.want(peerId, isWanted),
      play: (peerId) => this.#play(peerId),
      serve: (peerId, isActive) => this.#serve(peerId, isActive),
      // A relay takes in all layers from the beginning.
      fetch: () => {},
      report: (offer) => this.#options.onOffer(offer),
      changed: () => this.#changed(),
    };
  }

  async #seek(layers: number): Promise<void> {
    const isForParent = this.#driver.view().searchingFor === 'parent';
    const found: Seek['found'] = (candidates, isLast) =>
      this.#driver.tell({ type: 'found', candidates, isLast });
    this.#questions++;
    const isNeeded = (): boolean => this.dependents > 0 || this.#arrival.hasOutcasts;
    await this.#talk.reach.seek({ isForParent, isNeeded, found }, layers);
    this.#questions--;
    this.#changed();
  }

  async #probe(candidate: ParentCandidate): Promise<void> {
    this.#questions++;
    const probed = await this.#talk.reach.probe(candidate);
    const { rttMs, standing } = probed ?? { rttMs: 0, standing: null };
    this.#driver.tell({ type: 'probed', peerId: candidate.peerId, rttMs, standing });
    this.#questions--;
    this.#changed();
  }

  #play(peerId: PeerId | null): void {
    const { log, search } = this.#options;
    this.#parents.play(peerId);
    if (peerId === null) return;
    search.succeeded();
    log('info', 'channel-pulled', { channel: this.id, parent: peerId });
  }

  #serve(peerId: PeerId, isActive: boolean): void {
    const link = this.#driver.link(peerId);
    if (link) this.#children.serve(link, isActive);
    this.#viewersChanged();
  }

  /** Called for every word of every neighbour: tells the owner only what is news. */
  #changed(): void {
    if (this.#closed) return;
    const { isAttached, isPulling } = this;
    const isInVain = !isPulling && this.#options.search.isExhausted;
    if (isAttached || isInVain) this.#arrival.settle(isAttached);
    const told = `${this.parent ?? ''} ${isAttached} ${isPulling}`;
    if (told === this.#toldPlace) return;
    this.#toldPlace = told;
    this.#followMedia();
    this.#options.onChange();
  }

  #parentEvent(link: PeerLink, event: LinkEvent): void {
    const isPlayed = this.#parents.played === link;
    this.#talk.take(link, event);
    const isOver = event.type === 'farewell' && event.reason === 'ended';
    // Of a standby it is only hearsay.
    if (isOver && (isPlayed || link.peerId === this.id)) this.#options.onEnded();
  }

  #childEvent(link: PeerLink, event: LinkEvent): void {
    this.#driver.take(link, event);
    this.#talk.take(link, event);
    switch (event.type) {
      case 'state':
      case 'closed':
        this.#viewersChanged();
        return;
      default:
      // A parent has nothing to do about the rest.
    }
  }

  /** Tells the owner at once, and the children when the number of viewers has settled. */
  #viewersChanged(): void {
    const told = `${this.#children.size} ${this.#children.active} ${this.viewers}`;
    if (this.#closed || told === this.#toldViewers) return;
    this.#toldViewers = told;
    this.#children.tellViewersSoon();
    this.#options.onChange();
  }

  #followMedia(): void {
    const isFed = this.#options.ingest !== null || this.#parents.played !== null;
    const isFlowing = isFed && this.#hub.streams().some(({ isLive }) => isLive);
    if (isFlowing === this.#isFlowing) return;
    this.#isFlowing = isFlowing;
    if (this.isAttached) this.#arrival.settle(true);
    this.#options.onChange();
  }

  /** Ticks as long as there are links, or will be. */
  #keepTicking(): void {
    this.#cancelTick ??= this.#options.clock.setTimer(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    this.#cancelTick = null;
    if (this.#closed) return;
    const now = this.#options.clock.now();
    this.#options.ingest?.tick(now);
    this.#hub.tick(now);
    this.#parents.tick(now);
    const { load } = this.#options.processor;
    if (load !== this.#toldLoad) this.#driver.tell({ type: 'processor', load });
    this.#toldLoad = load;
    if (this.#isStarted) this.#keepTicking();
  }
}
