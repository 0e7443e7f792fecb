/**
 * Relays, streamers and viewers in one process: their libp2p is real, on loopback; media are links in memory, and
 * time is a clock that the test moves.
 */

import type { Connection, Libp2p } from '@libp2p/interface';
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id';
import {
  encodePath,
  PROTOCOL_VERSION,
  shortId,
  type ChannelId,
  type ChannelRecord,
  type Farewell,
  type Offer,
  type PeerId,
  type Standing,
} from '@casto/core';
import {
  parseSessionDescription,
  peerIdOf,
  PeerLink,
  refusalCounter,
  relayRtpCapabilities,
  RendezvousClient,
  requestLink,
  serveLinks,
  serveRendezvous,
  signalVerifier,
  signRecord,
  type ChannelNews,
  type JoinDecision,
  type JoinOutcome,
  type JoinRequest,
  type LinkEvent,
  type SignedRecord,
} from '@casto/host';
import { TestPeers, type TestPeer } from '@casto/host/conformance/loopback-peers';
import { MemoryLinks, type MemoryChildEnd, type MemoryParentEnd } from '@casto/host/conformance/memory-links';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import type { CarrierSearch } from '../../src/channel-search.ts';
import { JoinGate } from '../../src/join-gate.ts';
import { RecordMemory } from '../../src/record-memory.ts';
import { RelayChannels } from '../../src/relay-channels.ts';
import type { RelayChannelsOptions } from '../../src/relay-channels-options.ts';
import { MemoryMediaLinks } from './memory-media-links.ts';

const FRAME_MS = 40;

export class RelayWorld {
  readonly clock = new VirtualClock();
  readonly links = new MemoryLinks({ clock: this.clock, latencyMs: 5 });
  readonly peers = new TestPeers();
  readonly relays: TestRelay[] = [];
  readonly streamers: TestStreamer[] = [];

  async relay(options: Partial<RelayChannelsOptions> = {}): Promise<TestRelay> {
    const relay = new TestRelay(this, await this.peers.create(), options);
    await relay.serve();
    this.relays.push(relay);
    return relay;
  }

  async streamer(key?: TestPeer['key']): Promise<TestStreamer> {
    const streamer = new TestStreamer(this, await this.peers.create(key));
    await streamer.serve();
    this.streamers.push(streamer);
    return streamer;
  }

  /** A viewer's page that has a channel from the last of those above it, and passes it on. */
  async page(streamer: TestStreamer, above: readonly PeerId[]): Promise<TestPage> {
    const page = new TestPage(this, await this.peers.create(), { streamer, above });
    await page.serve();
    this.streamers.push(page);
    return page;
  }

  /** A streamer that signs and does nothing else. */
  signer(key: TestPeer['key']): TestStreamer {
    const id = peerIdOf(peerIdFromPrivateKey(key));
    return new TestStreamer(this, { key, id });
  }

  async viewer(): Promise<TestViewer> {
    return new TestViewer(this, await this.peers.create());
  }

  until(isDone: () => boolean, what: string): Promise<void> {
    return this.clock.until(isDone, what);
  }

  /** Lets time pass while every streamer sends pictures. */
  async play(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += FRAME_MS) {
      for (const streamer of this.streamers) streamer.sendFrame();
      await this.clock.pass(FRAME_MS, FRAME_MS);
    }
  }

  async stop(): Promise<void> {
    await this.peers.stop();
  }
}

export class TestRelay {
  readonly peer: TestPeer;
  readonly channels: RelayChannels;
  readonly records: RecordMemory;
  readonly media: MemoryMediaLinks;
  readonly refused = refusalCounter();
  readonly logged: string[] = [];
  readonly network: WorldNetwork;
  readonly #world: RelayWorld;

  constructor(world: RelayWorld, peer: TestPeer, options: Partial<RelayChannelsOptions>) {
    const { clock } = world;
    this.#world = world;
    this.peer = peer;
    this.records = new RecordMemory(clock);
    this.media = new MemoryMediaLinks(world.links, clock);
    this.network = new WorldNetwork(world, this);
    this.channels = new RelayChannels({
      self: peer.id,
      signaling: { privateKey: peer.key, verifier: signalVerifier() },
      clock,
      media: this.media,
      records: this.records,
      log: (_level, event) => void this.logged.push(event),
      refused: this.refused,
      maxViewers: 100,
      maxChannels: 500,
      gate: new JoinGate({ clock, joinsPerSecond: 10_000 }),
      memory: { isExceeded: false },
      processor: { load: 0 },
      publishToken: null,
      circuitAddresses: () => [],
      addresses: () => [],
      ...options,
    });
    this.channels.connectTo(this.network);
  }

  async serve(): Promise<void> {
    const { refused, channels } = this;
    const { clock } = this.#world;
    channels.probeOver(await serveRendezvous(this.peer.libp2p, channels, { refused, clock }));
    await serveLinks(this.peer.libp2p, (join, from) => channels.judge(join, from), { refused, clock });
  }

  /** Parents that this relay pulls from at present. */
  get parents(): PeerId[] {
    return this.media.pulls
      .filter(({ end }) => end.state === 'connected')
      .map(({ end }) => this.#parentOf(end));
  }

  /** The parent whose media it passes on. */
  playedParent(channel: ChannelId): PeerId | null {
    const parents = this.channels.view(channel)?.parents ?? [];
    return parents.find(({ role }) => role === 'active')?.peerId ?? null;
  }

  get pulls(): number {
    return this.media.pulls.length;
  }

  live(channel: ChannelId): boolean {
    return this.channels.status().find((status) => status.channel === channel)?.live ?? false;
  }

  knows(channel: ChannelId): boolean {
    return this.channels.status().some((status) => status.channel === channel);
  }

  #parentOf(end: MemoryChildEnd): PeerId {
    const all = [
      ...this.#world.relays.map(({ peer, media }) => ({ id: peer.id, ends: media.serves.map((s) => s.end) })),
      ...this.#world.streamers.map(({ peer, ends }) => ({ id: peer.id, ends })),
    ];
    const owner = all.find(({ ends }) => ends.some((parent) => parent.isLinkedTo(end)));
    if (!owner) throw new Error('nobody is at the other end');
    return owner.id;
  }
}

/** A network of relays that all know each other, as gossip and the DHT would have it. */
export class WorldNetwork implements CarrierSearch {
  readonly #world: RelayWorld;
  readonly #relay: TestRelay;
  /** What other relays would hear. */
  readonly published: SignedRecord[] = [];
  readonly withdrawn: ChannelId[] = [];
  loadChanges = 0;
  /** Whether the relay is alone. */
  isCut = false;
  /** Named besides those that really carry a channel. */
  readonly staleCarriers: PeerId[] = [];
  /** Searches that are under way, and how long each takes. */
  searching = 0;
  searchMs = 0;
  searches = 0;

  constructor(world: RelayWorld, relay: TestRelay) {
    this.#world = world;
    this.#relay = relay;
  }

  async *findCarriers(channel: ChannelId): AsyncGenerator<PeerId> {
    await this.#search();
    if (this.isCut) return;
    yield* this.staleCarriers;
    for (const relay of this.#world.relays) {
      if (relay !== this.#relay && relay.channels.carried.includes(channel)) yield relay.peer.id;
    }
  }

  async findRecord(channel: ChannelId): Promise<Uint8Array | null> {
    await this.#search();
    if (this.isCut) return null;
    const known = this.#world.relays
      .filter((relay) => relay !== this.#relay)
      .flatMap((relay) => relay.records.get(channel) ?? [])
      .sort((one, other) => other.record.sequence - one.record.sequence);
    return known[0]?.bytes ?? null;
  }

  isConnected(relay: PeerId): boolean {
    const { libp2p } = this.#relay.peer;
    return libp2p.getConnections().some(({ remotePeer }) => remotePeer.toString() === relay);
  }

  async connect(relay: PeerId): Promise<Connection> {
    const [open] = this.#relay.peer.libp2p.getConnections(peerIdFromString(relay));
    if (open) return open;
    const other = this.#world.relays.find(({ peer }) => peer.id === relay);
    if (!other) throw new Error('no such relay');
    return this.#world.peers.connect(this.#relay.peer, other.peer);
  }

  async publish(signed: SignedRecord): Promise<void> {
    this.published.push(signed);
  }

  async withdraw(channel: ChannelId): Promise<void> {
    this.withdrawn.push(channel);
  }

  loadChanged(): void {
    this.loadChanges++;
  }

  async #search(): Promise<void> {
    this.searches++;
    this.searching++;
    if (this.searchMs > 0)
      await new Promise<void>((resolve) => void this.#world.clock.setTimer(resolve, this.searchMs));
    this.searching--;
  }
}

export class TestStreamer {
  readonly peer: Pick<TestPeer, 'id' | 'key'> & Partial<TestPeer>;
  readonly ends: MemoryParentEnd[] = [];
  readonly events: LinkEvent[] = [];
  readonly joins: { join: JoinRequest; from: PeerId }[] = [];
  links: PeerLink[] = [];
  epoch = 1_700_000_000;
  sequence = 1;
  /** What to say to a relay that asks for the media; by default it is accepted. */
  judge: ((join: JoinRequest) => Promise<JoinDecision | null>) | null = null;
  connection: Connection | null = null;
  #rendezvous: RendezvousClient | null = null;
  readonly #world: RelayWorld;

  constructor(world: RelayWorld, peer: TestStreamer['peer']) {
    this.#world = world;
    this.peer = peer;
  }

  get channel(): ChannelId {
    return this.peer.id;
  }

  /** Peers from the streamer to this one. */
  protected get path(): Uint8Array {
    return encodePath([shortId(this.channel)]);
  }

  protected get depth(): number {
    return this.path.length / 4 - 1;
  }

  async serve(): Promise<void> {
    await serveLinks(
      this.#libp2p,
      async (join, from) => {
        this.joins.push({ join, from });
        return (await this.judge?.(join)) ?? this.accept(join, from);
      },
      { refused: refusalCounter(), clock: this.#world.clock },
    );
  }

  async connect(relay: TestRelay): Promise<RendezvousClient> {
    this.connection = await this.#libp2p.dial(relay.peer.libp2p.getMultiaddrs());
    this.#rendezvous = await RendezvousClient.open(
      this.connection,
      AbortSignal.timeout(5_000),
      this.#world.clock,
    );
    return this.#rendezvous;
  }

  record(changes: Partial<ChannelRecord> = {}): ChannelRecord {
    return {
      channel: this.channel,
      epoch: this.epoch,
      sequence: this.sequence++,
      expiresAt: Math.floor(this.#world.clock.now()) + 3_600_000,
      title: 'Test',
      app: '',
      video: 'vp8',
      layers: 1,
      audio: true,
      live: true,
      listed: true,
      ...changes,
    };
  }

  sign(changes: Partial<ChannelRecord> = {}): Promise<SignedRecord> {
    return signRecord(this.peer.key, this.record(changes));
  }

  async announce(
    relay: TestRelay,
    changes: Partial<ChannelRecord> = {},
    token: string | null = null,
  ): Promise<{ carries: boolean }> {
    const rendezvous = this.#rendezvous ?? (await this.connect(relay));
    return rendezvous.announce((await this.sign(changes)).bytes, token);
  }

  /** Announces, and waits until the relay takes the media. */
  async goLive(relay: TestRelay): Promise<void> {
    await this.announce(relay);
    await this.#world.until(() => relay.parents.includes(this.channel), 'the relay to take the media');
    await this.#world.play(200);
  }

  /** The page is gone, without a word. */
  async vanish(): Promise<void> {
    for (const end of this.ends) end.close();
    await this.loseConnection();
  }

  /** The page's libp2p connection is lost; its media go on. */
  async loseConnection(): Promise<void> {
    const { connection } = this;
    this.connection = null;
    this.#rendezvous = null;
    await connection?.close();
  }

  async leave(reason: Farewell): Promise<void> {
    await Promise.all(this.links.map((link) => link.leave(reason)));
  }

  sendFrame(): void {
    for (const end of this.ends) end.sendMedia();
  }

  async accept(join: JoinRequest, from: PeerId): Promise<Extract<JoinDecision, { type: 'accept' }>> {
    const { clock, links } = this.#world;
    const end = links.parent(parseSessionDescription('offer', join.offer));
    this.ends.push(end);
    const link: PeerLink = new PeerLink({
      role: 'parent',
      peerId: from,
      kind: join.kind,
      end,
      clock,
      refused: refusalCounter(),
      activity: end,
      onEvent: (event) => {
        this.events.push(event);
        if (event.type === 'closed') this.links = this.links.filter((other) => other !== link);
      },
    });
    this.links.push(link);
    const { path, depth } = this;
    link.advertise({
      depth,
      path,
      freeSlots: 1,
      subtreeSlots: 0,
      viewers: 0,
      epoch: this.epoch,
      clockOffsetMs: 0,
      flowing: true,
      delayMs: 0,
      slots: 1,
      ageS: 0,
      layers: 1,
      received: null,
    });
    const { bytes: record } = await this.sign({ sequence: this.sequence });
    const acceptance = { version: PROTOCOL_VERSION, kind: 'browser' as const, record, depth, path };
    return { type: 'accept', end, acceptance };
  }

  get #libp2p(): Libp2p {
    if (!this.peer.libp2p) throw new Error('only a key');
    return this.peer.libp2p;
  }
}

export class TestPage extends TestStreamer {
  override readonly peer: TestPeer;
  /** Peers above it, the streamer first; a test may move it. */
  above: readonly PeerId[];
  /** Who asked it where it stands. */
  readonly probedBy: PeerId[] = [];
  isFlowing = true;
  readonly #streamer: TestStreamer;
  #client: RendezvousClient | null = null;

  constructor(
    world: RelayWorld,
    peer: TestPeer,
    { streamer, above }: { streamer: TestStreamer; above: readonly PeerId[] },
  ) {
    super(world, peer);
    this.peer = peer;
    this.#streamer = streamer;
    this.above = above;
    this.judge = async () => {
      const { from } = this.joins.at(-1) ?? {};
      if (from === undefined || !this.above.includes(from)) return null;
      return { type: 'refuse', reason: 'loop', retryAfterMs: 1_000 };
    };
  }

  override get channel(): ChannelId {
    return this.#streamer.channel;
  }

  /** A newcomer starts from the picture that is kept. */
  override async accept(join: JoinRequest, from: PeerId): ReturnType<TestStreamer['accept']> {
    const decision = await super.accept(join, from);
    const end = this.ends.at(-1);
    if (end) end.onMediaOpen = () => end.sendMedia();
    return decision;
  }

  /** What it has from its parent. */
  override sign(): Promise<SignedRecord> {
    return this.#streamer.sign({ sequence: 1 });
  }

  /** Offers places at a relay, and answers there where it stands. */
  async offer(relay: TestRelay, changes: Partial<Offer> = {}, record?: Uint8Array): Promise<void> {
    this.#client ??= await this.connect(relay);
    this.#client.onProbe = (channel, from) => {
      this.probedBy.push(from);
      return channel === this.channel ? this.#standing(changes) : null;
    };
    this.#client.report({
      channel: this.channel,
      // Where a relay would find nobody.
      addresses: ['/ip4/127.0.0.1/tcp/1/ws/p2p-circuit'],
      offer: this.#offer(changes),
      record: record ?? (await this.sign()).bytes,
    });
    // One stream is read in its order.
    await this.#client.probe(this.channel, relay.peer.id);
  }

  async takeBack(relay: TestRelay): Promise<void> {
    this.#client?.report({ channel: this.channel, addresses: [], offer: null, record: null });
    await this.#client?.probe(this.channel, relay.peer.id);
  }

  protected override get path(): Uint8Array {
    return encodePath([...this.above, this.peer.id].map(shortId));
  }

  #offer(changes: Partial<Offer>): Offer {
    const { depth } = this;
    return { kind: 'browser', depth, delayMs: 10 * depth, freeSlots: 1, ageS: 60, layers: 1, ...changes };
  }

  #standing(changes: Partial<Offer>): Standing {
    const { epoch } = this.#streamer;
    return { ...this.#offer(changes), path: this.path, epoch, flowing: this.isFlowing };
  }
}

export class TestViewer {
  readonly peer: TestPeer;
  readonly events: LinkEvent[] = [];
  end: MemoryChildEnd | null = null;
  link: PeerLink | null = null;
  readonly #world: RelayWorld;

  constructor(world: RelayWorld, peer: TestPeer) {
    this.#world = world;
    this.peer = peer;
  }

  async ask(relay: TestRelay, channel: ChannelId, changes: Partial<JoinRequest> = {}): Promise<JoinOutcome> {
    const { clock, links, peers } = this.#world;
    const connection = await peers.connect(this.peer, relay.peer);
    const end = links.child({ video: ['vp8', 'h264'], audio: true });
    const join = {
      version: PROTOCOL_VERSION,
      channel,
      kind: 'browser' as const,
      layers: [0],
      audio: true,
      capabilities: relayRtpCapabilities(),
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
      ...changes,
    };
    const refused = refusalCounter();
    const signal = new AbortController().signal;
    const asking = requestLink(connection, end, join, { signal, refused, clock });
    let isAnswered = false;
    asking.catch(() => {}).finally(() => (isAnswered = true));
    await this.#world.until(() => isAnswered, 'an answer');
    const outcome = await asking;
    if (outcome.type === 'accepted') this.#attach(end, relay.peer.id);
    return outcome;
  }

  /** Asks, and waits for the link. */
  async join(relay: TestRelay, channel: ChannelId): Promise<void> {
    const outcome = await this.ask(relay, channel);
    if (outcome.type !== 'accepted') throw new Error(JSON.stringify(outcome));
    await this.#world.until(() => this.end?.control.isOpen === true, 'the link');
  }

  /** A stream to the relay's directory. */
  async rendezvous(relay: TestRelay): Promise<RendezvousClient> {
    const connection = await this.#world.peers.connect(this.peer, relay.peer);
    return RendezvousClient.open(connection, AbortSignal.timeout(5_000), this.#world.clock);
  }

  async watch(relay: TestRelay, channel: ChannelId): Promise<ChannelNews[]> {
    const client = await this.rendezvous(relay);
    const news: ChannelNews[] = [];
    await client.watch(channel, (told) => void news.push(told));
    return news;
  }

  /** Whether media came within the last 200 ms. */
  get isPlaying(): boolean {
    return (this.end?.lastHeardAt() ?? -Infinity) > this.#world.clock.now() - 200;
  }

  #attach(end: MemoryChildEnd, parent: PeerId): void {
    const { clock } = this.#world;
    this.end = end;
    this.link = new PeerLink({
      role: 'child',
      peerId: parent,
      kind: 'headless',
      end,
      clock,
      refused: refusalCounter(),
      activity: end,
      onEvent: (event) => void this.events.push(event),
    });
    this.link.advertise({
      depth: null,
      path: encodePath([shortId(this.peer.id)]),
      freeSlots: 0,
      subtreeSlots: 0,
      viewers: 1,
      epoch: 0,
      clockOffsetMs: null,
      flowing: true,
      delayMs: null,
      slots: 0,
      ageS: 0,
      layers: 0,
      received: null,
    });
  }
}
