/**
 * The watching side of a page: shows what its parent sends, and passes it on. Who that is, who stands by and who may be
 * a child, the tree's core decides (PROTOCOL.md, J to S); this file does what it says.
 *
 *   searching ──connected──▶ attached ──silent, drained, closed──▶ searching
 *
 * The stream that the page holds stays the same through all of it.
 */

import type { Connection, Libp2p } from '@libp2p/interface';
import { isPeerId, KEY_FRAME_REQUEST_MS, type ChannelId, type JoinAnswer, type PeerId } from '@casto/core';
import { peerIdOf, TreeDriver, type LinkEvent, type PeerLink } from '@casto/host';
import { markStep, type Attachment } from './attachment.ts';
import { DirectoryPresence } from './directory-presence.ts';
import { CastoError } from './errors.ts';
import { freshIdentity } from './identity.ts';
import { followNetwork } from './network-conditions.ts';
import { createPagePeer } from './page-peer.ts';
import type { PageRelaying } from './page-relaying.ts';
import { ParentJoins } from './parent-joins.ts';
import { ParentSearch } from './parent-search.ts';
import { peersStats, type PageContext, type Role } from './role.ts';
import { ShownStream } from './shown-stream.ts';
import { readMediaStats, TransferMeter, type CastoStats } from './stats.ts';
import { StumbleGuard } from './stumble-guard.ts';

/** How often it is looked what parents really deliver. */
const MEASURE_MS = 5_000;
/** The only layer that viewers take, as bits. */
const LAYERS = 0b1;

const TUNING = {
  /** A relay that has not the channel yet takes it in from another relay, which may have to do so itself. */
  attemptMs: 8_000,
  /** The pictures since the last key frame come first, and a slow link needs more than a second for them. */
  activationMs: 2_500,
} as const;

interface Watched {
  readonly attachment: Attachment;
  readonly connection: Connection;
  readonly guard: StumbleGuard;
}

export class Viewer implements Role {
  readonly channel: ChannelId;
  readonly #context: PageContext;
  readonly #libp2p: Libp2p;
  readonly #self: PeerId;
  readonly #driver: TreeDriver;
  readonly #search: ParentSearch;
  readonly #joins: ParentJoins;
  readonly #presence: DirectoryPresence;
  readonly #shown: ShownStream;
  readonly #closed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #download = new TransferMeter();
  readonly #upload = new TransferMeter();
  readonly #media = new TransferMeter();
  readonly #watched = new Map<PeerId, Watched>();
  /** Settles `start()`; `null` once it is settled. */
  #starting: { resolve: () => void; reject: (failure: CastoError) => void } | null = null;
  /** The parent whose media is played. */
  #current: Attachment | null = null;
  /** `null` until there is a picture to pass on. */
  #relaying: PageRelaying | null = null;
  #mediaBps: number | null = null;
  #lastParent: PeerId | null = null;
  #viewers = 0;
  #keyFrameRequests = 0;
  #keyFrameAskedAt = -Infinity;
  #hasEnded = false;

  private constructor(context: PageContext, channel: ChannelId, libp2p: Libp2p) {
    const { worker, targets } = context;
    this.#context = context;
    this.channel = channel;
    this.#libp2p = libp2p;
    this.#self = peerIdOf(libp2p.peerId);
    this.#signal = AbortSignal.any([context.signal, this.#closed.signal]);
    this.#shown = new ShownStream(worker);
    this.#shown.onFirst = () => this.#settle();
    worker.onKeyFrameWanted = (layer) => this.#wantKeyFrame(layer);
    this.#presence = new DirectoryPresence({
      libp2p,
      channel,
      standing: () => this.#driver.standing(),
      onAddresses: () => this.#tellAddresses(),
    });
    this.#search = new ParentSearch({
      libp2p,
      channel,
      targets,
      now: () => worker.clock.now(),
      signal: this.#signal,
      tell: (input) => this.#driver.tell(input),
      view: () => this.#driver.view(),
      onFailure: (failure) => this.#fail(failure),
      onRelay: (session) => this.#relaying?.appear(session),
    });
    this.#joins = new ParentJoins({
      context,
      channel,
      search: this.#search,
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
    return new Viewer(context, channel, libp2p);
  }

  get peerId(): string {
    return this.#self;
  }

  async start(): Promise<MediaStream> {
    const started = new Promise<void>((resolve, reject) => (this.#starting = { resolve, reject }));
    // It may fail before it is awaited.
    started.catch(() => {});
    this.#joins.prepare();
    this.#signal.addEventListener('abort', () =>
      this.#starting?.reject(new CastoError('aborted', 'stopped while joining')),
    );
    await this.#search.reachRelay();
    followNetwork((network) => this.#driver.tell({ type: 'network', network }), this.#signal);
    this.#driver.tell({ type: 'start' });
    await started;
    this.#keepMeasuring();
    return this.#shown.stream;
  }

  async stats(): Promise<CastoStats> {
    const { clock, adapter } = this.#context.worker;
    const current = this.#current;
    const view = this.#driver.view();
    const decoding = this.#shown.decoding ?? current;
    const media = decoding ? await readMediaStats(decoding.end.pc) : null;
    const reports = (await this.#relaying?.children.reports()) ?? [];
    const sent = reports.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const received = [...this.#watched.values()].reduce((sum, { attachment }) => sum + attachment.bytes, 0);
    const isLost = (peerId: PeerId): boolean => this.#watched.get(peerId)?.guard.isLost !== false;
    const isWell = current !== null && !isLost(current.link.peerId);
    return {
      role: 'viewer',
      channel: this.channel,
      peerId: this.#self,
      depth: isWell ? view.depth : null,
      path: isWell ? [...view.path] : [],
      parents: peersStats(this.#driver, view.parents, isLost),
      children: peersStats(this.#driver, view.children),
      slots: view.slots,
      freeSlots: view.freeSlots,
      search: view.searchingFor,
      forwarding: this.#maxChildren > 0 ? adapter : 'none',
      keyFrameRequests: this.#keyFrameRequests,
      video: media?.video ?? null,
      audio: media?.audio ?? null,
      latencyMs: isWell ? current.latencyMs : null,
      upload: this.#upload.measure(sent, clock.now()),
      download: this.#download.measure(received, clock.now()),
    };
  }

  async stop(): Promise<void> {
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
        addresses: this.#presence.addresses,
        seed: Math.floor(Math.random() * 2 ** 32),
        maxChildren: this.#maxChildren,
        isViewer: true,
        layers: LAYERS,
        tuning: { ...TUNING, liveParents: this.#context.worker.canMerge ? liveParents : 1 },
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
        report: (offer) => this.#presence.report(offer),
        changed: () => {},
      },
    });
  }

  #answered(peerId: PeerId, answer: JoinAnswer): void {
    this.#driver.tell({ type: 'answered', peerId, answer });
  }

  #adopt(attachment: Attachment, connection: Connection): void {
    const { link, record } = attachment;
    const { peerId } = link;
    const { clock } = this.#context.worker;
    const guard = new StumbleGuard(link, { clock, reach: this.#search.reachOf(peerId) });
    this.#watched.set(peerId, { attachment, connection, guard });
    this.#shown.add(attachment);
    this.#driver.tell({ type: 'broadcast', epoch: record.epoch });
    this.#answered(peerId, { type: 'accepted', kind: link.kind });
    this.#driver.attach(link);
  }

  #linkEvent(attachment: Attachment, event: LinkEvent): void {
    const { link } = attachment;
    this.#driver.take(link, event);
    this.#watched.get(link.peerId)?.guard.take(event);
    switch (event.type) {
      case 'connected':
        markStep('connected');
        return this.#shown.connected(attachment);
      case 'opened':
        this.#tellAddresses(link);
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
      this.#search.finder.release(link.peerId, watched.connection);
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

  /** Children that this page may have, in this browser. */
  get #maxChildren(): number {
    const { settings, worker } = this.#context;
    // Each child that gets the decoded track costs an encoder.
    return worker.adapter === 'track' ? Math.min(1, settings.maxChildren) : settings.maxChildren;
  }

  /** There is a picture to pass on. */
  async #startRelaying(): Promise<void> {
    if (this.#relaying !== null || this.#maxChildren === 0) return;
    const { PageRelaying } = await import('./page-relaying.ts');
    if (this.#relaying !== null || this.#signal.aborted) return;
    const relaying = new PageRelaying({
      context: this.#context,
      libp2p: this.#libp2p,
      channel: this.channel,
      driver: this.#driver,
      presence: this.#presence,
      stream: this.#shown.stream,
      parent: () => this.#current,
      mediaBps: () => this.#mediaBps,
    });
    this.#relaying = relaying;
    await relaying.start();
    for (const session of this.#search.relays) relaying.appear(session);
  }

  /** Parents name this page to those whom they have no room for. */
  #tellAddresses(link: PeerLink | null = null): void {
    const { addresses } = this.#presence;
    if (addresses.length === 0) return;
    const parents = [...this.#watched.values()].map(({ attachment }) => attachment.link);
    for (const parent of link === null ? parents : [link]) {
      parent.send({ type: 'addresses', addresses: [...addresses] });
    }
  }

  #fail(failure: CastoError): void {
    if (this.#signal.aborted) return;
    if (this.#starting === null) this.#context.emit('error', failure);
    this.#starting?.reject(failure);
    this.#starting = null;
  }

  #keepMeasuring(): void {
    if (this.#signal.aborted) return;
    for (const { attachment } of this.#watched.values()) void this.#measure(attachment);
    const { clock } = this.#context.worker;
    const { bitsPerSecond } = this.#media.measure(this.#current?.bytes ?? 0, clock.now());
    if (bitsPerSecond > 0) this.#mediaBps = bitsPerSecond;
    void this.#relaying?.measure();
    this.#context.worker.clock.setTimer(() => this.#keepMeasuring(), MEASURE_MS);
  }

  async #measure(attachment: Attachment): Promise<void> {
    const measured = await attachment.measure();
    const { peerId } = attachment.link;
    if (measured !== null) this.#driver.tell({ type: 'measured', peerId, ...measured });
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
