/** The broadcasting side of a page: captures, announces its channel, and serves children: the root of the tree. */

import type { Libp2p } from '@libp2p/interface';
import { encodePath, PROTOCOL_VERSION, shortId, type ChannelRecord, type PeerId } from '@casto/core';
import {
  pageRtpCapabilities,
  peerIdOf,
  PeerLink,
  reduceChildOffer,
  serveLinks,
  signalForwarder,
  TreeDriver,
  treeJoinOf,
  type JoinDecision,
  type JoinRequest,
  type LinkEvent,
  type RtpCapabilities,
  type SignalForwarder,
  type SessionParameters,
} from '@casto/host';
import { Announcer } from './announcer.ts';
import { captureSource, releaseSource } from './capture.ts';
import { CastoError } from './errors.ts';
import { storedIdentity, type Identity } from './identity.ts';
import { OutgoingMedia, withStartBitrate } from './outgoing-media.ts';
import { createPeerConnection, PageParentEnd } from './page-link.ts';
import { createPagePeer } from './page-peer.ts';
import { peersStats, type PageContext, type Role } from './role.ts';
import { readMediaStats, TransferMeter, type CastoStats } from './stats.ts';
import { UplinkEstimate } from './uplink-estimate.ts';

/** Relays that may pull the channel from this page at once: the one it announces to, and its successor. */
const MAX_RELAY_CHILDREN = 4;
/** How often the uplink is looked at. */
const MEASURE_MS = 5_000;
interface Child {
  link: PeerLink;
  end: PageParentEnd;
  media: OutgoingMedia;
  pc: RTCPeerConnection;
}

export class Streamer implements Role {
  readonly #context: PageContext;
  readonly #identity: Identity;
  readonly #libp2p: Libp2p;
  readonly #self: PeerId;
  readonly #epoch: number;
  readonly #driver: TreeDriver;
  readonly #children = new Map<PeerId, Child>();
  readonly #uplink = new UplinkEstimate();
  /** Where viewers reach this page through its relay's circuit; the tree tells them to its neighbours. */
  readonly #addresses: string[] = [];
  readonly #upload = new TransferMeter();
  readonly #signals: SignalForwarder;
  readonly #closed = new AbortController();
  #source: MediaStream | null = null;
  #announcer: Announcer | null = null;
  #viewers = 0;

  private constructor(context: PageContext, identity: Identity, libp2p: Libp2p) {
    this.#context = context;
    this.#identity = identity;
    this.#libp2p = libp2p;
    this.#self = peerIdOf(libp2p.peerId);
    this.#signals = signalForwarder({ clock: context.worker.clock, refused: context.refused });
    this.#epoch = Math.floor(context.worker.clock.now() / 1000);
    this.#driver = this.#createDriver();
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
    this.#announcer = this.#createAnnouncer();
    this.#driver.tell({ type: 'broadcast', epoch: this.#epoch });
    await this.#announcer.goLive();
    void this.#announcer.stayLive();
    void this.#keepMeasuring();
    this.#context.emit('live', { channel: this.#self });
    return source;
  }

  async stats(): Promise<CastoStats> {
    const reports = await Promise.all([...this.#children.values()].map(({ pc }) => readMediaStats(pc)));
    const bytes = reports.reduce((sum, report) => sum + report.bytesSent, 0);
    const view = this.#driver.view();
    return {
      role: 'streamer',
      channel: this.#self,
      peerId: this.#self,
      depth: 0,
      path: [...view.path],
      parents: [],
      children: peersStats(this.#driver, view.children),
      slots: view.slots,
      freeSlots: view.freeSlots,
      search: null,
      video: reports.find(({ video }) => video !== null)?.video ?? null,
      audio: reports.find(({ audio }) => audio !== null)?.audio ?? null,
      latencyMs: 0,
      upload: this.#upload.measure(bytes, this.#context.worker.clock.now()),
      download: { bytes: 0, bitsPerSecond: 0 },
    };
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    await this.#announcer?.end();
    await this.#driver.stop('ended');
    if (this.#source) releaseSource(this.#context.settings.source, this.#source);
    await this.#libp2p.stop();
    this.#identity.release();
  }

  #createAnnouncer(): Announcer {
    return new Announcer({
      context: this.#context,
      libp2p: this.#libp2p,
      privateKey: this.#identity.privateKey,
      self: this.#self,
      epoch: this.#epoch,
      broadcast: this.#broadcast(),
      signal: AbortSignal.any([this.#context.signal, this.#closed.signal]),
      hasChild: (peerId) => this.#children.has(peerId),
      standing: () => this.#driver.standing(),
      addresses: this.#addresses,
    });
  }

  /** What there is to broadcast. */
  #broadcast(): Pick<ChannelRecord, 'video' | 'audio'> {
    const { codec } = this.#context.settings;
    return {
      video: (this.#source?.getVideoTracks().length ?? 0) > 0 ? codec : null,
      audio: (this.#source?.getAudioTracks().length ?? 0) > 0,
    };
  }

  #createDriver(): TreeDriver {
    const { settings, worker } = this.#context;
    return new TreeDriver({
      tree: {
        self: this.#self,
        channel: this.#self,
        kind: 'browser',
        addresses: this.#addresses,
        seed: Math.floor(Math.random() * 2 ** 32),
        maxChildren: settings.maxChildren + MAX_RELAY_CHILDREN,
        isViewer: false,
        layers: (1 << settings.layers) - 1,
      },
      clock: worker.clock,
      ports: {
        serve: (peerId, isActive) => this.#children.get(peerId)?.media.setActive(isActive),
        report: (offer) => void this.#announcer?.report(offer),
        // A streamer has no parent to look for, and encodes all its layers.
        seek: () => {},
        probe: () => {},
        join: () => {},
        abandon: () => {},
        want: () => {},
        play: () => {},
        fetch: () => {},
        changed: () => {},
      },
    });
  }

  async #judge(join: JoinRequest, from: PeerId): Promise<JoinDecision> {
    const refuse = (reason: Extract<JoinDecision, { type: 'refuse' }>['reason']): JoinDecision => ({
      type: 'refuse',
      reason,
      retryAfterMs: 1_000,
    });
    if (join.version !== PROTOCOL_VERSION) return refuse('version');
    if (join.channel !== this.#self) return refuse('not-found');
    if (this.#closed.signal.aborted || this.#announcer === null) return refuse('offline');
    const offer = reduceChildOffer(join, sendingCapabilities(), this.#broadcast());
    if (offer === null) return refuse('no-common-codec');
    if (join.kind === 'browser' && !this.#servesMorePages(from)) return refuse('full');
    const decision = this.#driver.decide(from, [], treeJoinOf(join));
    if (decision.type !== 'accept') return decision;
    return this.#acceptChild(this.#announcer, join, { from, offer, isActive: !decision.standby });
  }

  /** The page's owner limits viewers, not relays: through those all the others watch. */
  #servesMorePages(from: PeerId): boolean {
    const others = [...this.#children.values()].filter(
      ({ link }) => link.kind === 'browser' && link.peerId !== from,
    );
    return others.length < this.#context.settings.maxChildren;
  }

  async #acceptChild(
    announcer: Announcer,
    join: JoinRequest,
    { from, offer, isActive }: { from: PeerId; offer: SessionParameters; isActive: boolean },
  ): Promise<JoinDecision> {
    const child = this.#createChild(join, { from, offer, isActive });
    this.#children.set(from, child);
    this.#driver.attach(child.link);
    this.#tellUplink();
    const { bytes: record } = await announcer.sign(true);
    return {
      type: 'accept',
      end: child.end,
      acceptance: {
        version: PROTOCOL_VERSION,
        kind: 'browser',
        record,
        depth: 0,
        path: encodePath([shortId(this.#self)]),
      },
    };
  }

  #createChild(
    join: JoinRequest,
    { from, offer, isActive }: { from: PeerId; offer: SessionParameters; isActive: boolean },
  ): Child {
    const { settings, worker, refused } = this.#context;
    const media = new OutgoingMedia({
      stream: this.#source ?? new MediaStream(),
      layers: join.layers,
      encodedLayers: settings.layers,
      maxBps: settings.maxUplinkBps,
      epoch: this.#epoch,
      isActive,
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
    const child: Child = { link, end, media, pc };
    return child;
  }

  #childEvent(child: Child, event: LinkEvent): void {
    this.#driver.take(child.link, event);
    switch (event.type) {
      case 'connected':
        if (child.link.kind === 'headless') this.#announcer?.relayJoined();
        return;
      case 'key-frame-wanted':
        child.media.wantKeyFrame(event.layer);
        return;
      case 'state':
        this.#countViewers();
        return;
      case 'forward':
        this.#signals.forward(event.message, child.link, [...this.#driver.links]);
        return;
      case 'closed':
        child.media.close();
        if (this.#children.get(child.link.peerId) === child) this.#children.delete(child.link.peerId);
        this.#countViewers();
        this.#tellUplink();
        return;
      default:
      // A parent has nothing to do about the rest.
    }
  }

  #countViewers(): void {
    let count = 0;
    for (const { role, viewers } of this.#driver.view().children) if (role === 'active') count += viewers;
    if (count !== this.#viewers) this.#context.emit('viewers', { count });
    this.#viewers = count;
  }

  async #keepMeasuring(): Promise<void> {
    const reports = await Promise.all([...this.#children.values()].map(({ pc }) => readMediaStats(pc)));
    if (this.#closed.signal.aborted) return;
    this.#uplink.measure(reports, this.#context.worker.clock.now());
    const { bitrateBps } = this.#uplink;
    if (bitrateBps !== null) this.#driver.tell({ type: 'bitrate', bps: bitrateBps });
    this.#tellUplink();
    this.#context.worker.clock.setTimer(() => void this.#keepMeasuring(), MEASURE_MS);
  }

  #tellUplink(): void {
    const children = [...this.#children.values()];
    const relays = children.filter(({ link }) => link.kind === 'headless').length;
    const bps = this.#uplink.bpsFor({ relays, active: children.length });
    this.#driver.tell({ type: 'uplink', bps });
  }

  /** The person stopped sharing in the browser's own controls, or unplugged the camera. */
  #sourceEnded(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    void this.#announcer?.end();
    void this.#driver.stop('ended');
    this.#context.emit('ended', { channel: this.#self });
  }
}

function sendingCapabilities(): RtpCapabilities {
  return pageRtpCapabilities({
    audio: RTCRtpSender.getCapabilities('audio'),
    video: RTCRtpSender.getCapabilities('video'),
  });
}
