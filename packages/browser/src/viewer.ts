/**
 * The watching side of a page: shows what its parent sends. Who that is, and who stands by, the tree's core decides
 * (PROTOCOL.md, J to S); this file does what it says.
 *
 *   searching ──connected──▶ attached ──silent, drained, closed──▶ searching
 *
 * The stream that the page holds stays the same through all of it.
 */

import type { Connection, Libp2p } from '@libp2p/interface';
import {
  isPeerId,
  type ChannelId,
  type JoinAnswer,
  type ParentCandidate,
  type PeerId,
  type TreeJoin,
} from '@casto/core';
import { joinAnswerOf, peerIdOf, TreeDriver, type LinkEvent } from '@casto/host';
import { askParent, markStep, prepareEnd, type Attachment, type PreparedEnd } from './attachment.ts';
import { CastoError, toCastoError } from './errors.ts';
import { freshIdentity } from './identity.ts';
import { refusalFailure } from './join-failure.ts';
import { followNetwork } from './network-conditions.ts';
import { createPagePeer } from './page-peer.ts';
import { ParentSearch } from './parent-search.ts';
import { peersStats, type PageContext, type Role } from './role.ts';
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
  readonly #stream = new MediaStream();
  readonly #closed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #download = new TransferMeter();
  readonly #watched = new Map<PeerId, Watched>();
  /** Joins that have no link yet. */
  readonly #attempts = new Map<PeerId, AbortController>();
  /** Settles `start()`; `null` once it is settled. */
  #starting: { resolve: () => void; reject: (failure: CastoError) => void } | null = null;
  /** An end whose offer is made while a relay is being reached. */
  #prepared: PreparedEnd | null = null;
  /** The parent whose media is played. */
  #current: Attachment | null = null;
  #shown: Attachment | null = null;
  #lastParent: PeerId | null = null;
  #viewers = 0;
  #hasEnded = false;

  private constructor(context: PageContext, channel: ChannelId, libp2p: Libp2p) {
    const { worker, targets } = context;
    this.#context = context;
    this.channel = channel;
    this.#libp2p = libp2p;
    this.#self = peerIdOf(libp2p.peerId);
    this.#signal = AbortSignal.any([context.signal, this.#closed.signal]);
    this.#search = new ParentSearch({
      libp2p,
      channel,
      targets,
      now: () => worker.clock.now(),
      signal: this.#signal,
      tell: (input) => this.#driver.tell(input),
      view: () => this.#driver.view(),
      onFailure: (failure) => this.#fail(failure),
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
    this.#prepared = prepareEnd(this.#context);
    this.#signal.addEventListener('abort', () =>
      this.#starting?.reject(new CastoError('aborted', 'stopped while joining')),
    );
    await this.#search.reachRelay();
    followNetwork((network) => this.#driver.tell({ type: 'network', network }), this.#signal);
    this.#driver.tell({ type: 'start' });
    await started;
    this.#keepMeasuring();
    return this.#stream;
  }

  async stats(): Promise<CastoStats> {
    const current = this.#current;
    const view = this.#driver.view();
    const media = current ? await readMediaStats(current.end.pc) : null;
    const isLost = (peerId: PeerId): boolean => this.#watched.get(peerId)?.guard.isLost !== false;
    const isWell = current !== null && !isLost(current.link.peerId);
    return {
      role: 'viewer',
      channel: this.channel,
      peerId: this.#self,
      depth: isWell ? view.depth : null,
      path: isWell ? [...view.path] : [],
      parents: peersStats(this.#driver, view.parents, isLost),
      children: [],
      slots: view.slots,
      freeSlots: view.freeSlots,
      search: view.searchingFor,
      video: media?.video ?? null,
      audio: media?.audio ?? null,
      latencyMs: isWell ? current.latencyMs : null,
      upload: { bytes: 0, bitsPerSecond: 0 },
      download: this.#download.measure(media?.bytesReceived ?? 0, this.#context.worker.clock.now()),
    };
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    this.#prepared?.end.close();
    await this.#driver.stop('leaving');
    for (const track of this.#stream.getTracks()) this.#stream.removeTrack(track);
    await this.#libp2p.stop();
  }

  #createDriver(): TreeDriver {
    const { clock } = this.#context.worker;
    return new TreeDriver({
      tree: {
        self: this.#self,
        channel: this.channel,
        kind: 'browser',
        addresses: [],
        seed: Math.floor(Math.random() * 2 ** 32),
        maxChildren: 0,
        isViewer: true,
        layers: LAYERS,
        tuning: TUNING,
      },
      clock,
      ports: {
        seek: (layers) => void this.#search.seek(layers),
        probe: ({ peerId }) => void this.#search.probe(peerId),
        join: (candidate, join) => void this.#join(candidate, join),
        abandon: (peerId) => this.#attempts.get(peerId)?.abort(new Error('given up')),
        want: (peerId, isWanted) => this.#watched.get(peerId)?.attachment.want(isWanted),
        play: (peerId) => this.#play(peerId),
        serve: () => {},
        fetch: () => {},
        report: () => {},
        changed: () => {},
      },
    });
  }

  async #join(candidate: ParentCandidate, join: TreeJoin): Promise<void> {
    const { peerId } = candidate;
    const attempt = new AbortController();
    this.#attempts.set(peerId, attempt);
    const signal = AbortSignal.any([attempt.signal, this.#signal]);
    const prepared = this.#takePrepared();
    let connection: Connection | null = null;
    try {
      connection = await this.#search.finder.connect(candidate, signal);
      const result = await askParent(this.#context, connection, {
        channel: this.channel,
        join,
        prepared,
        signal,
        onEvent: (attachment, event) => this.#linkEvent(attachment, event),
        onFlowing: ({ link }) => this.#driver.tell({ type: 'flowing', peerId: link.peerId }),
      });
      if (!('type' in result)) return this.#adopt(result, connection);
      this.#answered(peerId, joinAnswerOf(result));
      if (result.type === 'refused') this.#search.refused(peerId, refusalFailure(result.reason));
      this.#search.finder.release(peerId, connection);
    } catch (error) {
      prepared.end.close();
      if (connection !== null) this.#search.finder.release(peerId, connection);
      // The tree has given the attempt up, and may have begun another.
      if (signal.aborted) return;
      this.#answered(peerId, { type: 'failed' });
      this.#search.failed(toCastoError(error, 'protocol', 'a join failed'));
    } finally {
      if (this.#attempts.get(peerId) === attempt) this.#attempts.delete(peerId);
    }
  }

  #takePrepared(): PreparedEnd {
    const prepared = this.#prepared ?? prepareEnd(this.#context);
    this.#prepared = null;
    return prepared;
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
        // Nothing is lost by showing the first parent before its first picture, and a picture may be won.
        if (this.#shown === null) this.#show(attachment);
        return;
      case 'opened':
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
    const { link } = attachment;
    attachment.close();
    const watched = this.#watched.get(link.peerId);
    if (watched?.attachment === attachment) {
      this.#watched.delete(link.peerId);
      this.#search.finder.release(link.peerId, watched.connection);
    }
    if (this.#current === attachment) this.#current = null;
    if (this.#shown === attachment && this.#lastParent === null) this.#shown = null;
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
    this.#show(attachment);
    if (previous === null || this.#hasEnded) this.#context.emit('live', { channel: this.channel });
    this.#hasEnded = false;
    if (previous === null || previous === parent) this.#context.emit('attached', { parent });
    else this.#context.emit('parent-changed', { parent, previous });
    if (attachment.link.remoteState) this.#countViewers(attachment.link.remoteState.viewers);
  }

  #show(attachment: Attachment): void {
    if (this.#shown !== attachment) {
      const old = this.#stream.getTracks();
      for (const track of attachment.tracks) this.#stream.addTrack(track);
      for (const track of old) this.#stream.removeTrack(track);
    }
    this.#shown = attachment;
    this.#starting?.resolve();
    this.#starting = null;
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
