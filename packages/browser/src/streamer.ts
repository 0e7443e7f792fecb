/** The broadcasting side of a page: captures, announces its channel, and serves children: the root of the tree. */

import type { Libp2p } from '@libp2p/interface';
import { momentaryChildren, type ChannelRecord, type PeerId } from '@casto/core';
import {
  peerIdOf,
  Neighbours,
  serveLinks,
  TreeDriver,
  type JoinRequest,
  type LinkEvent,
  type TreeSurvey,
} from '@casto/host';
import { Announcer } from './announcer.ts';
import { BroadcastEncoder } from './broadcast-encoder.ts';
import { captureSource, releaseSource } from './capture.ts';
import { HubChildMedia, type ChildMedia } from './child-media.ts';
import { DirectoryPresence } from './directory-presence.ts';
import { createDummyTracks, type DummyTracks } from './dummy-tracks.ts';
import { CastoError } from './errors.ts';
import { storedIdentity, type Identity } from './identity.ts';
import { ENCODING_BITRATES, FORWARDING_BITRATES } from './link-bitrates.ts';
import { OutgoingMedia } from './outgoing-media.ts';
import { PageChildren, type PageChild, type Served } from './page-children.ts';
import { PageMessages } from './page-messages.ts';
import { createPagePeer } from './page-peer.ts';
import { createPageSurvey } from './page-survey.ts';
import { peersStats, type PageContext, type Role } from './role.ts';
import { readMediaStats, TransferMeter, type CastoStats } from './stats.ts';
import { UplinkEstimate } from './uplink-estimate.ts';
import { UplinkShares } from './uplink-shares.ts';

/** Relays that may pull the channel from this page at once: the one it announces to, and its successor. */
const RELAY_PLACES = 4;
/** How often the uplink is looked at. */
const MEASURE_MS = 5_000;
/** How often the encoder follows it: a queue of half a second is dropped. */
const FOLLOW_MS = 500;

export class Streamer implements Role {
  readonly #context: PageContext;
  readonly #identity: Identity;
  readonly #libp2p: Libp2p;
  readonly #self: PeerId;
  readonly #epoch: number;
  readonly #driver: TreeDriver;
  readonly #children: PageChildren;
  readonly #presence: DirectoryPresence;
  readonly #addresses: string[] = [];
  readonly #uplink = new UplinkEstimate();
  readonly #shares: UplinkShares;
  readonly #upload = new TransferMeter();
  readonly #encoded = new TransferMeter();
  readonly #neighbours: Neighbours;
  readonly #messages: PageMessages;
  readonly #survey: TreeSurvey;
  readonly #closed = new AbortController();
  #source: MediaStream | null = null;
  #announcer: Announcer | null = null;
  /** `null` where each child needs an encoder of its own. */
  #encoder: BroadcastEncoder | null = null;
  #dummies: DummyTracks | null = null;
  #mediaBps: number | null = null;
  #viewers = 0;
  #keyFrameRequests = 0;

  private constructor(context: PageContext, identity: Identity, libp2p: Libp2p) {
    const { worker, refused } = context;
    this.#context = context;
    this.#shares = new UplinkShares(context.settings.maxUplinkBps);
    this.#identity = identity;
    this.#libp2p = libp2p;
    this.#self = peerIdOf(libp2p.peerId);
    this.#epoch = Math.floor(worker.clock.now() / 1000);
    this.#presence = new DirectoryPresence({
      libp2p,
      channel: this.#self,
      standing: () => this.#driver.standing(),
      // Announced already where it is reported.
      record: () => null,
      addresses: this.#addresses,
      // A streamer has no parent that would name it to others.
      onAddresses: () => {},
    });
    this.#driver = this.#createDriver();
    this.#children = this.#createChildren();
    this.#neighbours = new Neighbours({
      self: this.#self,
      privateKey: identity.privateKey,
      clock: worker.clock,
      refused,
      links: () => this.#driver.links,
      judge: (join, from, connection) => this.#children.judge(join, from, connection),
    });
    this.#messages = new PageMessages({
      context,
      channel: this.#self,
      self: this.#self,
      privateKey: identity.privateKey,
      driver: this.#driver,
      parent: () => null,
    });
    this.#survey = createPageSurvey({
      context,
      self: this.#self,
      channel: this.#self,
      driver: this.#driver,
      own: () => ({ parent: null, bitrateBps: null, viewers: 0 }),
    });
  }

  static async create(context: PageContext): Promise<Streamer> {
    const identity = await storedIdentity();
    return new Streamer(context, identity, await createPagePeer(identity.privateKey));
  }

  get title(): string {
    return this.#context.settings.title;
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
    await this.#startEncoder(source);
    await serveLinks(this.#libp2p, (join, from, connection) => this.#children.judge(join, from, connection), {
      refused,
    });
    this.#announcer = this.#createAnnouncer();
    this.#driver.tell({ type: 'broadcast', epoch: this.#epoch });
    await this.#announcer.goLive();
    void this.#announcer.stayLive();
    void this.#keepMeasuring();
    void this.#keepFollowing();
    void this.#keepSnapshots(source);
    this.#context.emit('live', { channel: this.#self });
    return source;
  }

  async stats(): Promise<CastoStats> {
    const reports = await this.#children.reports();
    const encoder = this.#encoder?.pc ?? null;
    const own = encoder === null ? reports : [await readMediaStats(encoder)];
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
      forwarding: this.#encoder === null ? 'encoders' : this.#context.worker.adapter,
      keyFrameRequests: this.#keyFrameRequests,
      video: own.find(({ video }) => video !== null)?.video ?? null,
      audio: own.find(({ audio }) => audio !== null)?.audio ?? null,
      latencyMs: 0,
      upload: this.#upload.measure(bytes, this.#context.worker.clock.now()),
      download: { bytes: 0, bitsPerSecond: 0 },
    };
  }

  send(data: string): Promise<void> {
    return this.#messages.send(data);
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    await this.#announcer?.end();
    this.#neighbours.close();
    this.#survey.close();
    await this.#driver.stop('ended');
    this.#releaseMedia();
    if (this.#source) releaseSource(this.#context.settings.source, this.#source);
    await this.#libp2p.stop();
    this.#identity.release();
  }

  /** Where the browser lets frames pass from one connection to others, there is one encoder for all children. */
  async #startEncoder(stream: MediaStream): Promise<void> {
    const { settings, worker } = this.#context;
    if (worker.adapter !== 'encoded-streams') return;
    const { codec, layers } = settings;
    this.#dummies = createDummyTracks(worker, null);
    const options = { worker, stream, codec, layers, epoch: this.#epoch, shares: this.#shares };
    this.#encoder = new BroadcastEncoder(options);
    worker.onKeyFrameWanted = (layer) => {
      if (this.#encoder?.wantKeyFrame(layer) === true) this.#keyFrameRequests++;
    };
    await this.#encoder.start();
  }

  #releaseMedia(): void {
    this.#encoder?.close();
    this.#dummies?.close();
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
      presence: this.#presence,
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
        maxChildren: settings.maxChildren,
        momentaryChildren: momentaryChildren(settings.maxChildren),
        relayPlaces: RELAY_PLACES,
        isViewer: false,
        layers: (1 << settings.layers) - 1,
      },
      clock: worker.clock,
      ports: {
        serve: (peerId, isActive) => this.#children.serve(peerId, isActive),
        report: (offer) => this.#presence.report(offer),
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

  #createChildren(): PageChildren {
    const { worker } = this.#context;
    return new PageChildren({
      context: this.#context,
      channel: this.#self,
      driver: this.#driver,
      bitrates: worker.adapter === 'encoded-streams' ? FORWARDING_BITRATES : ENCODING_BITRATES,
      served: () => this.#served(),
      createMedia: (join, isActive) => this.#createMedia(join, isActive),
      onEvent: (child, event) => this.#childEvent(child, event),
      onCount: () => {
        this.#countViewers();
        this.#tellUplink();
      },
    });
  }

  async #served(): Promise<Served | null> {
    if (this.#closed.signal.aborted || this.#announcer === null) return null;
    const { bytes: record } = await this.#announcer.sign(true);
    return { broadcast: this.#broadcast(), record };
  }

  #createMedia({ layers }: JoinRequest, isActive: boolean): ChildMedia {
    const { settings, worker } = this.#context;
    const stream = this.#source ?? new MediaStream();
    if (this.#encoder === null || this.#dummies === null) {
      return new OutgoingMedia({
        stream,
        layers,
        encodedLayers: settings.layers,
        shares: this.#shares,
        epoch: this.#epoch,
        isActive,
        worker,
      });
    }
    const has = (kind: 'audio' | 'video', layer: number): boolean =>
      layer < settings.layers && stream.getTracks().some((track) => track.kind === kind);
    const mediaBps = (): number | null => this.#mediaBps;
    return new HubChildMedia({ worker, dummies: this.#dummies, layers, has, isActive, mediaBps });
  }

  #childEvent(child: PageChild, event: LinkEvent): void {
    this.#neighbours.take(child.link, event);
    this.#messages.take(child.link, event);
    this.#survey.take(child.link, event);
    switch (event.type) {
      case 'connected':
        if (child.link.kind === 'headless') this.#announcer?.relayJoined();
        return;
      case 'state':
        return this.#countViewers();
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
    const reports = await this.#children.reports();
    if (this.#closed.signal.aborted) return;
    this.#uplink.measure(reports, this.#context.worker.clock.now());
    const { bitrateBps } = this.#uplink;
    if (bitrateBps !== null) this.#driver.tell({ type: 'bitrate', bps: bitrateBps });
    this.#tellUplink();
    this.#context.worker.clock.setTimer(() => void this.#keepMeasuring(), MEASURE_MS);
  }

  /** The encoder gives what the children's links carry; the page's own connection carries anything. */
  async #keepFollowing(): Promise<void> {
    const encoder = this.#encoder;
    if (encoder === null || this.#closed.signal.aborted) return;
    const { clock } = this.#context.worker;
    const reports = await this.#children.reports();
    const { bitsPerSecond } = this.#encoded.measure(encoder.bytes, clock.now());
    this.#mediaBps = bitsPerSecond > 0 ? bitsPerSecond : null;
    encoder.followUplink(reports);
    clock.setTimer(() => void this.#keepFollowing(), FOLLOW_MS);
  }

  /** For lists of channels; a page that is in none does not load it. */
  async #keepSnapshots(source: MediaStream): Promise<void> {
    const { settings, worker } = this.#context;
    const [track] = source.getVideoTracks();
    if (!settings.listed || track === undefined) return;
    // Without them the channel is listed all the same.
    const loaded = await import('./snapshots.ts').catch(() => null);
    loaded?.keepSnapshots({
      track,
      privateKey: this.#identity.privateKey,
      channel: this.#self,
      epoch: this.#epoch,
      clock: worker.clock,
      connection: () => this.#announcer?.connection ?? null,
      signal: AbortSignal.any([this.#context.signal, this.#closed.signal]),
    });
  }

  #tellUplink(): void {
    const { served } = this.#children;
    const { maxUplinkBps } = this.#context.settings;
    const relays = served.filter(({ link }) => link.kind === 'headless').length;
    this.#shares.divide(served.length);
    const bps = this.#uplink.bpsFor({ relays, active: served.length, maxUplinkBps });
    this.#driver.tell({ type: 'uplink', bps });
  }

  /** The person stopped sharing in the browser's own controls, or unplugged the camera. */
  #sourceEnded(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    void this.#announcer?.end();
    void this.#driver.stop('ended');
    this.#releaseMedia();
    this.#context.emit('ended', { channel: this.#self });
  }
}
