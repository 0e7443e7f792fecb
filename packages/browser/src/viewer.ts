/**
 * The watching side of a page: shows what its parent sends, and passes it on. Who that is, who stands by and who may be
 * a child, the tree's core decides (PROTOCOL.md, J to S); this file does what it says.
 *
 *   searching ──connected──▶ attached ──silent, drained, closed──▶ searching
 *
 * The stream that the page holds stays the same through all of it.
 */

import type { Connection, Libp2p, PrivateKey } from '@libp2p/interface';
import {
  isPeerId,
  KEY_FRAME_REQUEST_MS,
  momentaryChildren,
  PAGE_TUNING,
  type ChannelId,
  type JoinAnswer,
  type Offer,
  type PeerId,
} from '@casto/core';
import { peerIdOf, TreeDriver, type LinkEvent, type Neighbours } from '@casto/host';
import { markStep, type Attachment } from './attachment.ts';
import { CastoError } from './errors.ts';
import { freshIdentity } from './identity.ts';
import { followConditions } from './network-conditions.ts';
import { createPagePeer } from './page-peer.ts';
import { keepCheckingParents } from './parent-checks.ts';
import type { PageRelaying } from './page-relaying.ts';
import { ParentJoins } from './parent-joins.ts';
import { ParentSearch } from './parent-search.ts';
import { followProcessor } from './processor-pressure.ts';
import type { PageContext, Role } from './role.ts';
import { ShownStream } from './shown-stream.ts';
import type { CastoStats } from './stats.ts';
import { ViewerStats } from './viewer-stats.ts';
import { StumbleGuard } from './stumble-guard.ts';

/** The only layer that viewers take, as bits. */
const LAYERS = 0b1;

interface OwnPeer {
  readonly libp2p: Libp2p;
  readonly privateKey: PrivateKey;
}

interface Watched {
  readonly attachment: Attachment;
  /** `null` when the way to the parent led over neighbours. */
  readonly connection: Connection | null;
  readonly guard: StumbleGuard;
}

export class Viewer implements Role {
  readonly channel: ChannelId;
  title = '';
  readonly #context: PageContext;
  readonly #libp2p: Libp2p;
  readonly #self: PeerId;
  readonly #driver: TreeDriver;
  readonly #search: ParentSearch;
  readonly #joins: ParentJoins;
  readonly #privateKey: PrivateKey;
  /** Where others reach this page. */
  readonly #addresses: string[] = [];
  readonly #shown: ShownStream;
  readonly #closed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #stats = new ViewerStats();
  readonly #watched = new Map<PeerId, Watched>();
  /** Settles `start()`; `null` once it is settled. */
  #starting: { resolve: () => void; reject: (failure: CastoError) => void } | null = null;
  /** The parent whose media is played. */
  #current: Attachment | null = null;
  /** `null` until there is a picture. */
  #relaying: PageRelaying | null = null;
  /** What the tree offers to joiners, for the relays that are yet to be told. */
  #offer: Offer | null = null;
  /** Bytes from parents that are gone. */
  #receivedBefore = 0;
  #lastParent: PeerId | null = null;
  #viewers = 0;
  #keyFrameRequests = 0;
  #keyFrameAskedAt = -Infinity;
  #hasEnded = false;

  private constructor(context: PageContext, channel: ChannelId, { libp2p, privateKey }: OwnPeer) {
    const { worker, targets } = context;
    this.#context = context;
    this.channel = channel;
    this.#libp2p = libp2p;
    this.#privateKey = privateKey;
    this.#self = peerIdOf(libp2p.peerId);
    this.#signal = AbortSignal.any([context.signal, this.#closed.signal]);
    this.#shown = new ShownStream(worker);
    this.#shown.onFirst = () => this.#settle();
    worker.onKeyFrameWanted = (layer) => this.#wantKeyFrame(layer);
    const neighbours = (): Neighbours | null => this.#relaying?.neighbours ?? null;
    this.#search = new ParentSearch({
      libp2p,
      channel,
      targets,
      now: () => worker.clock.now(),
      signal: this.#signal,
      neighbours,
      tell: (input) => this.#driver.tell(input),
      view: () => this.#driver.view(),
      onFailure: (failure) => this.#fail(failure),
      onRelay: (session) => this.#relaying?.appear(session),
    });
    this.#joins = new ParentJoins({
      context,
      channel,
      search: this.#search,
      neighbours,
      signal: this.#signal,
      answered: (peerId, answer) => this.#answered(peerId, answer),
      onAccepted: (attachment, connection) => this.#adopt(attachment, connection),
      onEvent: (attachment, event) => this.#linkEvent(attachment, event),
      onFlowing: ({ link }) => this.#driver.tell({ type: 'flowing', peerId: link.peerId }),
    });
    this.#driver = this.#createDriver();
  }

  static async create(context: PageContext, channel: ChannelId): Promise<Viewer> {
    const { privateKey } = await freshIdentity();
    const libp2p = await createPagePeer(privateKey);
    markStep('peer');
    return new Viewer(context, channel, { libp2p, privateKey });
  }

  get peerId(): string {
    return this.#self;
  }

  async start(): Promise<MediaStream> {
    const started = new Promise<void>((resolve, reject) => (this.#starting = { resolve, reject }));
    // It may fail before it is awaited.
    started.catch(() => {});
    this.#signal.addEventListener('abort', () =>
      this.#starting?.reject(new CastoError('aborted', 'stopped while joining')),
    );
    await Promise.all([this.#search.reachRelay(), this.#joins.prepare()]);
    followConditions((network) => this.#driver.tell({ type: 'network', network }), {
      slowsWhenHidden: this.#context.worker.adapter === 'script-transform',
      signal: this.#signal,
    });
    followProcessor((load) => this.#driver.tell({ type: 'processor', load }), { signal: this.#signal });
    // Whoever depends on this page hears of it at once, instead of noticing the silence.
    const leave = ({ persisted }: PageTransitionEvent): void => {
      if (!persisted) void this.#driver.stop('leaving');
    };
    globalThis.addEventListener('pagehide', leave, { signal: this.#signal });
    this.#driver.tell({ type: 'start' });
    await started;
    keepCheckingParents({
      channel: this.channel,
      clock: this.#context.worker.clock,
      attachments: () => [...this.#watched.values()].map(({ attachment }) => attachment),
      tell: (input) => this.#driver.tell(input),
      onMeasure: () => void this.#relaying?.measure(),
      signal: this.#signal,
    });
    return this.#shown.stream;
  }

  async stats(): Promise<CastoStats> {
    const { clock, adapter } = this.#context.worker;
    const measured = await this.#stats.measure({
      driver: this.#driver,
      clock,
      current: this.#current,
      decoding: this.#shown.decoding ?? this.#current,
      relaying: this.#relaying,
      received: this.#received,
      isLost: (peerId) => this.#watched.get(peerId)?.guard.isLost !== false,
    });
    return {
      role: 'viewer',
      channel: this.channel,
      peerId: this.#self,
      forwarding: this.#maxChildren > 0 ? adapter : 'none',
      keyFrameRequests: this.#keyFrameRequests,
      ...measured,
    };
  }

  async send(data: string): Promise<void> {
    await this.#startRelaying();
    await this.#relaying?.messages.send(data);
  }

  async stop(): Promise<void> {
    await this.#relaying?.drain();
    this.#closed.abort();
    this.#joins.close();
    await this.#driver.stop('leaving');
    this.#relaying?.close();
    this.#shown.close();
    await this.#libp2p.stop();
  }

  #createDriver(): TreeDriver {
    const { clock } = this.#context.worker;
    const { liveParents } = this.#context.settings;
    return new TreeDriver({
      tree: {
        self: this.#self,
        channel: this.channel,
        kind: 'browser',
        addresses: this.#addresses,
        seed: Math.floor(Math.random() * 2 ** 32),
        maxChildren: this.#maxChildren,
        momentaryChildren: momentaryChildren(this.#maxChildren),
        isViewer: true,
        layers: LAYERS,
        tuning: { ...PAGE_TUNING, liveParents: this.#context.worker.canMerge ? liveParents : 1 },
      },
      clock,
      ports: {
        seek: (layers) => void this.#search.seek(layers),
        probe: ({ peerId }) => void this.#search.probe(peerId),
        join: (candidate, join) => void this.#joins.join(candidate, join),
        abandon: (peerId) => this.#joins.abandon(peerId),
        want: (peerId, isWanted) => this.#watched.get(peerId)?.attachment.want(isWanted),
        play: (peerId) => this.#play(peerId),
        serve: (peerId, isActive) => this.#relaying?.children.serve(peerId, isActive),
        fetch: () => {},
        report: (offer) => {
          this.#offer = offer;
          this.#relaying?.report(offer);
        },
        changed: () => {},
      },
    });
  }

  #answered(peerId: PeerId, answer: JoinAnswer): void {
    this.#driver.tell({ type: 'answered', peerId, answer });
  }

  #adopt(attachment: Attachment, connection: Connection | null): void {
    const { link, record } = attachment;
    const { peerId } = link;
    const { clock } = this.#context.worker;
    const guard = new StumbleGuard(link, { clock, reach: this.#search.reachOf(peerId) });
    this.#watched.set(peerId, { attachment, connection, guard });
    this.title = record.title;
    this.#shown.add(attachment);
    this.#driver.tell({ type: 'broadcast', epoch: record.epoch });
    this.#answered(peerId, { type: 'accepted', kind: link.kind });
    this.#driver.attach(link);
    // A picture may have come by then, of which the tree could not be told.
    if (link.isOpen) attachment.opened();
  }

  #linkEvent(attachment: Attachment, event: LinkEvent): void {
    const { link } = attachment;
    this.#driver.take(link, event);
    this.#relaying?.take(link, event);
    this.#watched.get(link.peerId)?.guard.take(event);
    switch (event.type) {
      case 'connected':
        markStep('connected');
        return this.#shown.connected(attachment);
      case 'opened':
        this.#relaying?.parentOpened(link);
        return attachment.opened();
      case 'state':
        this.#search.finder.rememberPath(link.peerId, event.state.path);
        if (attachment === this.#current) this.#countViewers(event.state.viewers);
        return;
      case 'farewell':
        if (event.reason === 'ended') this.#end();
        return;
      case 'closed':
        return this.#forget(attachment);
      default:
      // The rest is for the tree alone.
    }
  }

  #forget(attachment: Attachment): void {
    const { link, source } = attachment;
    attachment.close();
    this.#context.worker.forgetSource(source);
    const watched = this.#watched.get(link.peerId);
    if (watched?.attachment === attachment) {
      this.#watched.delete(link.peerId);
      this.#receivedBefore += attachment.bytes;
      if (watched.connection) this.#search.finder.release(link.peerId, watched.connection);
    }
    if (this.#current === attachment) this.#current = null;
    this.#shown.remove(attachment, { wasPlayed: this.#lastParent !== null });
  }

  /** Shows this parent's media in the stream that the page holds; without any, the last picture stays. */
  #play(peerId: PeerId | null): void {
    const attachment = peerId === null ? null : (this.#watched.get(peerId)?.attachment ?? null);
    this.#current = attachment;
    if (attachment === null) return;
    const previous = this.#lastParent;
    const parent = attachment.link.peerId;
    this.#lastParent = parent;
    this.#search.succeeded();
    this.#shown.play(attachment);
    void this.#startRelaying();
    if (previous === null || this.#hasEnded) this.#context.emit('live', { channel: this.channel });
    this.#hasEnded = false;
    if (previous === null || previous === parent) this.#context.emit('attached', { parent });
    else this.#context.emit('parent-changed', { parent, previous });
    if (attachment.link.remoteState) this.#countViewers(attachment.link.remoteState.viewers);
  }

  /** The hub repeats its wish until a key frame comes. */
  #wantKeyFrame(layer: number): void {
    const now = this.#context.worker.clock.now();
    if (this.#current === null || now - this.#keyFrameAskedAt < KEY_FRAME_REQUEST_MS) return;
    this.#keyFrameAskedAt = now;
    this.#keyFrameRequests++;
    this.#current.link.wantKeyFrame(layer);
  }

  /** `start()` has what it promised: the stream has tracks. */
  #settle(): void {
    this.#starting?.resolve();
    this.#starting = null;
  }

  /** Bytes of media from all parents so far. */
  get #received(): number {
    let sum = this.#receivedBefore;
    for (const { attachment } of this.#watched.values()) sum += attachment.bytes;
    return sum;
  }

  /** Children that this page may have, in this browser. */
  get #maxChildren(): number {
    const { settings, worker } = this.#context;
    // Each child that gets the decoded track costs an encoder.
    return worker.adapter === 'track' ? Math.min(1, settings.maxChildren) : settings.maxChildren;
  }

  /** There is a picture to pass on. */
  async #startRelaying(): Promise<void> {
    if (this.#relaying !== null) return;
    const { PageRelaying } = await import('./page-relaying.ts');
    if (this.#relaying !== null || this.#signal.aborted) return;
    const relaying = new PageRelaying({
      context: this.#context,
      libp2p: this.#libp2p,
      privateKey: this.#privateKey,
      channel: this.channel,
      driver: this.#driver,
      addresses: this.#addresses,
      maxChildren: this.#maxChildren,
      stream: this.#shown.stream,
      parent: () => this.#current,
      parentLinks: () => [...this.#watched.values()].map(({ attachment }) => attachment.link),
    });
    this.#relaying = relaying;
    relaying.report(this.#offer);
    await relaying.start();
    for (const session of this.#search.relays) relaying.appear(session);
  }

  #fail(failure: CastoError): void {
    if (this.#signal.aborted) return;
    if (this.#starting === null) this.#context.emit('error', failure);
    this.#starting?.reject(failure);
    this.#starting = null;
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
}

/** @throws {CastoError} `protocol` */
export function readChannel(channel: string): ChannelId {
  if (!isPeerId(channel)) throw new CastoError('protocol', `not a channel id: ${channel.slice(0, 80)}`);
  return channel;
}
