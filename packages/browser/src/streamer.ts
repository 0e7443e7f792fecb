/** The broadcasting side of a page: captures, announces its channel, and serves children. */

import type { Libp2p } from '@libp2p/interface';
import {
  linkState,
  PROTOCOL_VERSION,
  ANNOUNCE_MS,
  RECORD_LIFETIME_MS,
  reconnectWaitMs,
  rootPosition,
  type ChannelRecord,
  type LinkState,
  type PeerId,
  type Position,
} from '@casto/core';
import {
  AnnounceError,
  pageRtpCapabilities,
  peerIdOf,
  PeerLink,
  reduceChildOffer,
  serveLinks,
  signalForwarder,
  signRecord,
  type JoinDecision,
  type JoinRequest,
  type LinkEvent,
  type RtpCapabilities,
  type SignalForwarder,
  type SessionParameters,
} from '@casto/host';
import { captureSource, releaseSource } from './capture.ts';
import { CastoError, toCastoError } from './errors.ts';
import { storedIdentity, type Identity } from './identity.ts';
import { OutgoingMedia, withStartBitrate } from './outgoing-media.ts';
import { createPeerConnection, PageParentEnd } from './page-link.ts';
import { createPagePeer, wait } from './page-peer.ts';
import { connectRelay, type RelaySession } from './relay-session.ts';
import { peerStats, type PageContext, type Role } from './role.ts';
import { readMediaStats, TransferMeter, type CastoStats } from './stats.ts';

/** Relays that may pull the channel from this page at once: the one it announces to, and its successor. */
const MAX_RELAY_CHILDREN = 4;
/** A relay that took the announcement asks for the media at once; the handshake takes about 0.3 s. */
const RELAY_JOIN_MS = 12_000;

interface Child {
  link: PeerLink;
  media: OutgoingMedia;
  pc: RTCPeerConnection;
}

export class Streamer implements Role {
  readonly #context: PageContext;
  readonly #identity: Identity;
  readonly #libp2p: Libp2p;
  readonly #self: PeerId;
  readonly #epoch: number;
  readonly #position: Position;
  readonly #children = new Set<Child>();
  readonly #upload = new TransferMeter();
  readonly #signals: SignalForwarder;
  readonly #closed = new AbortController();
  #source: MediaStream | null = null;
  #session: RelaySession | null = null;
  #sequence = 0;
  #viewers = 0;
  #relayJoined: (() => void) | null = null;

  private constructor(context: PageContext, identity: Identity, libp2p: Libp2p) {
    this.#context = context;
    this.#identity = identity;
    this.#libp2p = libp2p;
    this.#self = peerIdOf(libp2p.peerId);
    this.#signals = signalForwarder({ clock: context.worker.clock, refused: context.refused });
    this.#epoch = Math.floor(context.worker.clock.now() / 1000);
    this.#position = rootPosition(this.#self, this.#epoch);
  }

  static async create(context: PageContext): Promise<Streamer> {
    const identity = await storedIdentity();
    return new Streamer(context, identity, await createPagePeer(identity.privateKey));
  }

  get channel(): string {
    return this.#self;
  }

  get peerId(): string {
    return this.#self;
  }

  async start(): Promise<MediaStream> {
    const { settings, refused, signal } = this.#context;
    const [{ assertCanBroadcast }, source] = await Promise.all([
      import('./broadcast-support.ts'),
      captureSource(settings.source),
    ]);
    this.#source = source;
    if (source.getVideoTracks().length > 0) await assertCanBroadcast(settings.codec);
    signal.throwIfAborted();
    if (source.getTracks().length === 0)
      throw new CastoError('no-device', 'the stream to broadcast has no tracks');
    source.getVideoTracks()[0]?.addEventListener('ended', () => this.#sourceEnded());
    await serveLinks(this.#libp2p, (join, from) => this.#judge(join, from), { refused });
    await this.#goLive();
    void this.#stayLive();
    this.#context.emit('live', { channel: this.#self });
    return source;
  }

  async stats(): Promise<CastoStats> {
    const links = [...this.#children];
    const reports = await Promise.all(links.map(({ pc }) => readMediaStats(pc)));
    const bytes = reports.reduce((sum, report) => sum + report.bytesSent, 0);
    return {
      role: 'streamer',
      channel: this.#self,
      peerId: this.#self,
      depth: 0,
      parents: [],
      children: links.map(({ link }) => peerStats(link)),
      video: reports.find(({ video }) => video !== null)?.video ?? null,
      audio: reports.find(({ audio }) => audio !== null)?.audio ?? null,
      latencyMs: 0,
      upload: this.#upload.measure(bytes, this.#context.worker.clock.now()),
      download: { bytes: 0, bitsPerSecond: 0 },
    };
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    const session = this.#session;
    if (session?.isOpen) await this.#announce(session, false).catch(() => {});
    await Promise.all(this.#links().map((link) => link.leave('ended')));
    if (this.#source) releaseSource(this.#context.settings.source, this.#source);
    await this.#libp2p.stop();
    this.#identity.release();
  }

  /** Connects to a relay, announces, and waits until the relay takes the media, if it is one that does. */
  async #goLive(): Promise<void> {
    const { targets } = this.#context;
    const signal = AbortSignal.any([this.#context.signal, this.#closed.signal]);
    const session = await connectRelay(this.#libp2p, targets, signal);
    this.#session = session;
    try {
      const joined = this.#nextRelayChild(signal);
      const { carries } = await this.#announce(session, true);
      if (this.#context.settings.maxChildren > 0) await this.#reserveCircuit(session);
      if (carries && !this.#hasRelayChild()) await joined;
    } catch (error) {
      await session.close();
      throw announceFailure(error);
    }
  }

  #hasRelayChild(): boolean {
    return [...this.#children].some(({ link }) => link.peerId === this.#session?.relayId);
  }

  /** Resolves when a relay has attached as a child. */
  #nextRelayChild(signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(RELAY_JOIN_MS);
    const joined = new Promise<void>((resolve, reject) => {
      this.#relayJoined = resolve;
      timeout.addEventListener('abort', () =>
        reject(new CastoError('timed-out', 'the relay took the announcement but not the media')),
      );
      signal.addEventListener('abort', () => reject(new CastoError('aborted', 'stopped while going live')));
    });
    // Not awaited when the relay only introduces.
    joined.catch(() => {});
    return joined;
  }

  /** Viewers that a relay does not serve itself reach this page through the relay's circuit. */
  async #reserveCircuit(session: RelaySession): Promise<void> {
    // A relay without free reservations still carries the media.
    const { listenOnCircuit } = await import('./page-circuit.ts');
    await listenOnCircuit(this.#libp2p, session.connection).catch(() => {});
  }

  /** Announces anew while the relay is there, and finds another when it is not. */
  async #stayLive(): Promise<void> {
    const signal = AbortSignal.any([this.#context.signal, this.#closed.signal]);
    for (let attempt = 0; !signal.aborted;) {
      try {
        if (!this.#session?.isOpen) {
          await this.#goLive();
          this.#context.emit('live', { channel: this.#self });
        }
        attempt = 0;
        await this.#untilAnnouncement(signal);
        if (this.#session?.isOpen) await this.#announce(this.#session, true);
      } catch (error) {
        if (signal.aborted) return;
        const failure = toCastoError(error, 'no-relay', 'the relay was lost');
        this.#context.emit('error', failure);
        await this.#session?.close();
        await wait(reconnectWaitMs(attempt++, Math.random()), signal).catch(() => {});
      }
    }
  }

  /** Waits for the next announcement, or for the loss of the relay. */
  #untilAnnouncement(signal: AbortSignal): Promise<void> {
    const session = this.#session;
    return new Promise((resolve) => {
      const cancel = this.#context.worker.clock.setTimer(resolve, ANNOUNCE_MS);
      const done = (): void => {
        cancel();
        resolve();
      };
      if (session) session.onClosed = done;
      signal.addEventListener('abort', done, { once: true });
      if (!session?.isOpen) done();
    });
  }

  async #announce(session: RelaySession, live: boolean): Promise<{ carries: boolean }> {
    const signed = await signRecord(this.#identity.privateKey, this.#record(live));
    const rendezvous = await session.rendezvous();
    return rendezvous.announce(signed.bytes, session.target.token);
  }

  #record(live: boolean): ChannelRecord {
    const { settings, worker } = this.#context;
    const now = Math.floor(worker.clock.now());
    // A clock set back must not make this streamer's news look old.
    this.#sequence = Math.max(this.#sequence + 1, now);
    const hasVideo = (this.#source?.getVideoTracks().length ?? 0) > 0;
    return {
      channel: this.#self,
      epoch: this.#epoch,
      sequence: this.#sequence,
      expiresAt: now + RECORD_LIFETIME_MS,
      title: settings.title,
      app: settings.app,
      video: hasVideo ? settings.codec : null,
      layers: hasVideo ? settings.layers : 0,
      audio: (this.#source?.getAudioTracks().length ?? 0) > 0,
      live,
      listed: true,
    };
  }

  async #judge(join: JoinRequest, from: PeerId): Promise<JoinDecision> {
    const refuse = (reason: Extract<JoinDecision, { type: 'refuse' }>['reason']): JoinDecision => ({
      type: 'refuse',
      reason,
      retryAfterMs: 1_000,
    });
    if (join.version !== PROTOCOL_VERSION) return refuse('version');
    if (join.channel !== this.#self) return refuse('not-found');
    if (this.#closed.signal.aborted || this.#source === null) return refuse('offline');
    if (this.#freeSlots(join.kind) <= 0) return refuse('full');
    const offer = reduceChildOffer(join, sendingCapabilities(), this.#broadcast());
    return offer === null ? refuse('no-common-codec') : this.#acceptChild(join, from, offer);
  }

  #freeSlots(kind: 'browser' | 'headless'): number {
    const taken = [...this.#children].filter(({ link }) => link.kind === kind).length;
    return (kind === 'headless' ? MAX_RELAY_CHILDREN : this.#context.settings.maxChildren) - taken;
  }

  #broadcast(): { video: 'vp8' | 'h264' | null; audio: boolean } {
    const { video, audio } = this.#record(true);
    return { video, audio };
  }

  async #acceptChild(join: JoinRequest, from: PeerId, offer: SessionParameters): Promise<JoinDecision> {
    const { settings, worker, refused } = this.#context;
    const media = new OutgoingMedia({
      stream: this.#source ?? new MediaStream(),
      layers: join.layers,
      encodedLayers: settings.layers,
      maxBps: settings.maxUplinkBps,
      epoch: this.#epoch,
      worker,
    });
    const pc = createPeerConnection(settings.iceServers);
    const end = new PageParentEnd(pc, withStartBitrate(offer), {
      attach: () => media.attach(pc),
      begin: () => media.begin(),
    });
    const link: PeerLink = new PeerLink({
      role: 'parent',
      peerId: from,
      kind: join.kind,
      end,
      clock: worker.clock,
      refused,
      activity: { lastSentAt: () => media.lastSentAt, lastHeardAt: () => 0 },
      onEvent: (event) => this.#childEvent(child, event),
    });
    const child: Child = { link, media, pc };
    this.#children.add(child);
    this.#advertise();
    const { bytes: record } = await signRecord(this.#identity.privateKey, this.#record(true));
    const { depth, path } = this.#state();
    return {
      type: 'accept',
      end,
      acceptance: { version: PROTOCOL_VERSION, kind: 'browser', record, depth: depth ?? 0, path },
    };
  }

  #childEvent(child: Child, event: LinkEvent): void {
    switch (event.type) {
      case 'connected':
        if (child.link.kind === 'headless') this.#relayJoined?.();
        return;
      case 'key-frame-wanted':
        child.media.wantKeyFrame(event.layer);
        return;
      case 'state':
        this.#countViewers();
        return;
      case 'forward':
        this.#signals.forward(event.message, child.link, this.#links());
        return;
      case 'closed':
        child.media.close();
        this.#children.delete(child);
        this.#countViewers();
        return;
      default:
      // A parent has nothing to do about the rest.
    }
  }

  #links(): PeerLink[] {
    return [...this.#children].map(({ link }) => link);
  }

  #countViewers(): void {
    let count = 0;
    for (const { link } of this.#children) count += link.remoteState?.viewers ?? 0;
    if (count !== this.#viewers) this.#context.emit('viewers', { count });
    this.#viewers = count;
    this.#advertise();
  }

  #advertise(): void {
    const state = this.#state();
    for (const { link } of this.#children) link.advertise(state);
  }

  #state(): LinkState {
    let subtreeSlots = 0;
    for (const { link } of this.#children) {
      subtreeSlots += (link.remoteState?.freeSlots ?? 0) + (link.remoteState?.subtreeSlots ?? 0);
    }
    const { maxChildren, layers } = this.#context.settings;
    const hasVideo = (this.#source?.getVideoTracks().length ?? 0) > 0;
    return linkState(this.#position, {
      slots: maxChildren,
      freeSlots: Math.max(0, this.#freeSlots('browser')),
      subtreeSlots,
      viewers: this.#viewers,
      flowing: true,
      ageS: Math.max(0, Math.floor(this.#context.worker.clock.now() / 1000) - this.#epoch),
      layers: hasVideo ? (1 << layers) - 1 : 0,
    });
  }

  /** The person stopped sharing in the browser's own controls, or unplugged the camera. */
  #sourceEnded(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    const session = this.#session;
    if (session?.isOpen) void this.#announce(session, false).catch(() => {});
    for (const link of this.#links()) void link.leave('ended');
    this.#context.emit('ended', { channel: this.#self });
  }
}

function sendingCapabilities(): RtpCapabilities {
  return pageRtpCapabilities({
    audio: RTCRtpSender.getCapabilities('audio'),
    video: RTCRtpSender.getCapabilities('video'),
  });
}

function announceFailure(error: unknown): CastoError {
  if (!(error instanceof AnnounceError)) return toCastoError(error, 'no-relay', 'the relay was lost');
  switch (error.reason) {
    case 'not-allowed':
      return new CastoError('no-permission', 'the relay asks for a publish token', { cause: error });
    case 'full':
      return new CastoError('relay-full', 'the relay takes no more channels', { cause: error });
    default:
      return new CastoError('protocol', `the relay refused the channel: ${error.reason}`, { cause: error });
  }
}
