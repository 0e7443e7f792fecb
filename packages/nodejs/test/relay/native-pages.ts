/**
 * A relay and pages with all that is real between them: libp2p on loopback, media and control channels on
 * node-datachannel. There is no network of relays.
 */

import {
  encodePath,
  PROTOCOL_VERSION,
  shortId,
  type ChannelId,
  type LinkState,
  type PeerId,
} from '@casto/core';
import {
  ChannelPosts,
  Neighbours,
  parseSessionDescription,
  PeerLink,
  processClock,
  refusalCounter,
  relayRtpCapabilities,
  RendezvousClient,
  requestLink,
  serveLinks,
  serveRendezvous,
  signalVerifier,
  type HeardPost,
  type JoinDecision,
  type JoinOutcome,
  type JoinRequest,
  type LinkEnd,
  type LinkEvent,
  type SayOutcome,
} from '@casto/host';
import { TestPeers, type Reachable, type TestPeer } from '@casto/host/conformance/loopback-peers';
import type { CarrierSearch } from '../../src/channel-search.ts';
import type { ChildLink } from '../../src/media/child-link.ts';
import { createHub } from '../../src/media/hub.ts';
import { createMediaLinks } from '../../src/media/media-links.ts';
import { isRtcp } from '../../src/media/rtp-packet.ts';
import { createRtpSink } from '../../src/media/rtp-sink.ts';
import { createRtpSource } from '../../src/media/rtp-source.ts';
import { JoinGate } from '../../src/join-gate.ts';
import { RecordMemory } from '../../src/record-memory.ts';
import { RelayChannels } from '../../src/relay-channels.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';
import { liveRecord } from './relay-peers.ts';

const HOST = '127.0.0.1';
const FRAME_MS = 20;
const now = (): number => processClock.now();

const NO_NETWORK: CarrierSearch = {
  // A generator that yields nothing.
  findCarriers: async function* () {},
  findRecord: () => Promise.resolve(null),
  isConnected: () => false,
  connect: () => Promise.reject(new Error('there is no network')),
  publish: () => Promise.resolve(),
  withdraw: () => Promise.resolve(),
  loadChanged: () => {},
};

export class NativeWorld {
  readonly #peers = new TestPeers();
  readonly #relays: NativeRelay[] = [];
  readonly #pages: NativePage[] = [];

  async relay(): Promise<NativeRelay> {
    const relay = new NativeRelay(await this.#peers.create());
    await relay.serve();
    this.#relays.push(relay);
    return relay;
  }

  async page(channel?: ChannelId): Promise<NativePage> {
    const peer = await this.#peers.create();
    const page = new NativePage(this.#peers, peer, channel ?? peer.id);
    await page.serve();
    this.#pages.push(page);
    return page;
  }

  async stop(): Promise<void> {
    for (const page of this.#pages) page.close();
    for (const relay of this.#relays) await relay.close();
    await this.#peers.stop();
  }
}

export class NativeRelay {
  readonly peer: TestPeer;
  readonly channels: RelayChannels;
  readonly refused = refusalCounter();
  readonly media = createMediaLinks({ host: HOST, clock: processClock });

  constructor(peer: TestPeer) {
    this.peer = peer;
    this.channels = new RelayChannels({
      self: peer.id,
      signaling: { privateKey: peer.key, verifier: signalVerifier() },
      clock: processClock,
      media: this.media,
      records: new RecordMemory(processClock),
      log: () => {},
      refused: this.refused,
      maxViewers: 10,
      maxChannels: 500,
      gate: new JoinGate({ clock: processClock, joinsPerSecond: 10_000 }),
      memory: { isExceeded: false },
      processor: { load: 0 },
      publishToken: null,
      circuitAddresses: () => [],
      addresses: () => [],
    });
    this.channels.connectTo(NO_NETWORK);
  }

  async serve(): Promise<void> {
    const { refused, channels } = this;
    channels.probeOver(await serveRendezvous(this.peer.libp2p, channels, { refused, clock: processClock }));
    await serveLinks(this.peer.libp2p, (join, from) => channels.judge(join, from), { refused });
  }

  async close(): Promise<void> {
    await this.channels.close();
    this.media.close();
  }
}

/** A page that does what a test tells it, and accepts everybody. */
export class NativePage {
  readonly peer: TestPeer;
  readonly channel: ChannelId;
  readonly neighbours: Neighbours;
  readonly posts: ChannelPosts;
  /** What anybody on the channel has said. */
  readonly said: HeardPost[] = [];
  readonly links = new Set<PeerLink>();
  /** What all links said. */
  readonly heard: LinkEvent[] = [];
  /** Who asked it. */
  readonly joins: PeerId[] = [];
  /** Hear every event of every link too. */
  readonly takers: ((link: PeerLink, event: LinkEvent) => void)[] = [];
  readonly #peers: TestPeers;
  readonly #media = createMediaLinks({ host: HOST, clock: processClock });
  readonly #hub = createHub({ now });
  readonly #cancel: (() => void)[] = [];
  #place: { above: readonly PeerId[]; changes: Partial<LinkState> } | null = null;

  constructor(peers: TestPeers, peer: TestPeer, channel: ChannelId) {
    this.#peers = peers;
    this.peer = peer;
    this.channel = channel;
    const timer = setInterval(() => this.#hub.tick(now()), FRAME_MS);
    this.#cancel.push(() => clearInterval(timer));
    this.neighbours = new Neighbours({
      self: peer.id,
      privateKey: peer.key,
      clock: processClock,
      refused: refusalCounter(),
      links: () => this.links,
      judge: (join, from) => this.#accept(join, from),
    });
    this.posts = new ChannelPosts({
      channel,
      self: peer.id,
      clock: processClock,
      refused: refusalCounter(),
      links: () => this.links,
      parent: () => [...this.links].find(({ role }) => role === 'child') ?? null,
      onPost: (post) => this.said.push(post),
    });
  }

  async serve(): Promise<void> {
    await serveLinks(this.peer.libp2p, (join, from) => this.#accept(join, from), {
      refused: refusalCounter(),
    });
  }

  /** Begins a broadcast of key frames alone, and announces it. */
  async goLive(relay: { peer: Reachable }): Promise<void> {
    this.#broadcast();
    this.stand([]);
    const client = await this.rendezvous(relay);
    await client.announce((await liveRecord(this.peer, now())).bytes, null);
  }

  /** A stream to the directory of a relay. */
  async rendezvous(relay: { peer: Reachable }): Promise<RendezvousClient> {
    const connection = await this.#peers.connect(this.peer, relay.peer);
    return RendezvousClient.open(connection, AbortSignal.timeout(5_000));
  }

  /** Asks a peer over libp2p. */
  async joinOver(parent: { peer: Reachable }): Promise<NativeChild> {
    const connection = await this.#peers.connect(this.peer, parent.peer);
    const refused = refusalCounter();
    return this.#join(parent.peer.id, (end, join, signal) =>
      requestLink(connection, end, join, { signal, refused }),
    );
  }

  /** Asks a peer over the neighbours alone. */
  joinOverNeighbours(parent: { peer: TestPeer }): Promise<NativeChild> {
    const { id } = parent.peer;
    return this.#join(id, (end, join, signal) => this.neighbours.requestLink(id, end, join, { signal }));
  }

  /** Says something to everybody on the channel. */
  say(text: string): Promise<SayOutcome> {
    return this.posts.say(text, this.peer.key);
  }

  /** Tells all neighbours of a place below these peers, and those that come later. */
  stand(above: readonly PeerId[], changes: Partial<LinkState> = {}): void {
    this.#place = { above, changes };
    for (const link of this.links) this.#advertise(link);
  }

  /** Ends the link to one peer, and the connection. */
  async leave(other: { peer: Reachable }): Promise<void> {
    for (const link of this.links) if (link.peerId === other.peer.id) link.close();
    for (const connection of this.peer.libp2p.getConnections()) {
      if (connection.remotePeer.toString() === other.peer.id) await connection.close();
    }
  }

  /** Plays what comes over a link. @returns The packets of one stream as they come. */
  receive({ end }: NativeChild, kind: 'audio' | 'video'): Buffer[] {
    const packets: Buffer[] = [];
    const isVideo = kind === 'video';
    const sink = createRtpSink({
      key: { kind, layer: 0 },
      clockRate: isVideo ? 90_000 : 48_000,
      payloadType: isVideo ? 96 : 111,
      ssrc: 1,
      cname: 'page',
      now,
      send: (bytes) => {
        if (!isRtcp(bytes)) packets.push(Buffer.from(bytes));
        return true;
      },
    });
    end.media.play(true);
    this.#hub.addSink(sink);
    sink.open();
    return packets;
  }

  close(): void {
    for (const cancel of this.#cancel) cancel();
    this.neighbours.close();
    for (const link of this.links) link.close();
    this.#media.close();
    this.#hub.close();
  }

  async #join(
    parent: PeerId,
    ask: (end: ChildLink, join: Omit<JoinRequest, 'offer'>, signal: AbortSignal) => Promise<JoinOutcome>,
  ): Promise<NativeChild> {
    const end = this.#media.pull({
      hub: this.#hub,
      layers: [0],
      audio: true,
      video: 'vp8',
      fromRelay: true,
    });
    const join = {
      version: PROTOCOL_VERSION,
      channel: this.channel,
      kind: 'browser' as const,
      layers: [0],
      audio: true,
      capabilities: relayRtpCapabilities(),
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
    };
    let isFlowing = false;
    end.media.onFlowing = () => (isFlowing = true);
    end.media.expect();
    const outcome = await ask(end, join, AbortSignal.timeout(10_000));
    if (outcome.type !== 'accepted') throw new Error(JSON.stringify(outcome));
    const link = this.#adopt(end, { peerId: parent, kind: outcome.kind, role: 'child' });
    return {
      link,
      end,
      get isFlowing() {
        return isFlowing;
      },
    };
  }

  async #accept(join: JoinRequest, from: PeerId): Promise<JoinDecision> {
    this.joins.push(from);
    const offer = parseSessionDescription('offer', join.offer);
    const media = offer.media.map((section) => ({ ...section, codecs: section.codecs.slice(0, 1) }));
    const end = this.#media.serve({ hub: this.#hub, offer: { ...offer, media }, layers: [0] });
    this.#adopt(end, { peerId: from, kind: join.kind, role: 'parent' });
    const { bytes: record } = await liveRecord(this.peer, now());
    const { above } = this.#place ?? { above: [] };
    return {
      type: 'accept',
      end,
      acceptance: {
        version: PROTOCOL_VERSION,
        kind: 'browser',
        record,
        depth: above.length,
        path: this.#path(above),
      },
    };
  }

  #adopt(end: LinkEnd, other: Pick<PeerLink, 'peerId' | 'kind' | 'role'>): PeerLink {
    const link: PeerLink = new PeerLink({
      ...other,
      end,
      clock: processClock,
      refused: refusalCounter(),
      onEvent: (event) => {
        this.heard.push(event);
        if (event.type === 'closed') this.links.delete(link);
        this.neighbours.take(link, event);
        this.posts.take(link, event);
        for (const take of this.takers) take(link, event);
      },
    });
    this.links.add(link);
    this.#advertise(link);
    return link;
  }

  #advertise(link: PeerLink): void {
    if (this.#place === null) return;
    const { above, changes } = this.#place;
    link.advertise({
      depth: above.length,
      path: this.#path(above),
      freeSlots: 2,
      subtreeSlots: 0,
      viewers: 1,
      epoch: 1_700_000_000,
      clockOffsetMs: 0,
      flowing: true,
      delayMs: 10 * above.length,
      slots: 2,
      ageS: 60,
      layers: 0b001,
      received: null,
      ...changes,
    });
  }

  #path(above: readonly PeerId[]): Uint8Array {
    return encodePath([...above, this.peer.id].map(shortId));
  }

  #broadcast(): void {
    const source = createRtpSource({
      key: { kind: 'video', layer: 0 },
      codec: 'vp8',
      clockRate: 90_000,
      payloadType: 96,
      ssrc: 1,
      localSsrc: 2,
      cname: 'page',
      feedback: { nack: false, pictureLoss: true, fullIntraRequest: false, remb: null },
      now,
      roundTripMs: () => null,
      send: () => true,
    });
    this.#hub.setSource(source);
    let sequence = 0;
    const timer = setInterval(() => {
      const payload = vp8({ key: true, start: true, pictureId: sequence & 0x7fff, tl0: sequence & 0xff });
      const timestamp = (sequence * 90 * FRAME_MS) >>> 0;
      source.takeRtp(
        rtp({ payloadType: 96, ssrc: 1, sequence: sequence++ & 0xffff, timestamp, marker: true, payload }),
      );
    }, FRAME_MS);
    this.#cancel.push(() => clearInterval(timer));
  }
}

/** A page's own end of a link to a parent. */
export interface NativeChild {
  readonly link: PeerLink;
  readonly end: ChildLink;
  /** Whether a picture has come. */
  readonly isFlowing: boolean;
}
