/** A relay without libp2p and media, for tests of the command around it. */
import type {
  ChannelOverview,
  ChannelTree,
  Readiness,
  Relay,
  RelayMetrics,
  RelayOptions,
  RelayOverview,
  RelayStatus,
  SessionRequest,
  SessionResponse,
} from '@casto/nodejs';

export interface FakeRelayBehaviour {
  multiaddrs?: string[];
  stunPort?: number | null;
  /** How long children take to leave. */
  drainMs?: number;
}

export const fakePeerId = '12D3KooWFakeRelayForTests';

const defaultMultiaddrs = [
  `/ip4/127.0.0.1/tcp/4001/p2p/${fakePeerId}`,
  `/ip4/192.168.1.20/tcp/4002/ws/p2p/${fakePeerId}`,
  `/ip4/203.0.113.5/udp/4001/webrtc-direct/certhash/uEiFake/p2p/${fakePeerId}`,
];

const mainProcess = {
  name: 'main',
  pid: 4711,
  cpuSeconds: 1.5,
  residentBytes: 120_000_000,
  eventLoopDelayMs: 2.5,
  children: 2,
  restarts: 0,
};

export class FakeRelay implements Relay {
  readonly peerId = fakePeerId;
  readonly multiaddrs: string[];
  readonly stunPort: number | null;
  readonly mediaPort = 4003;
  readonly options: RelayOptions;
  /** As long as it is not draining. */
  mood: Readiness = 'ready';
  /** What it shows to operators. */
  shownChannels: readonly ChannelOverview[] = [];
  readonly shownTrees = new Map<string, ChannelTree>();
  askedTrees = 0;
  askedOverviews = 0;
  /** What it counts anew. */
  counted: Partial<RelayMetrics> = {};
  readonly #drainMs: number;
  #draining = false;
  isStopped = false;

  constructor(
    options: RelayOptions,
    { multiaddrs = defaultMultiaddrs, stunPort = 4005, drainMs = 0 }: FakeRelayBehaviour = {},
  ) {
    this.options = options;
    this.multiaddrs = multiaddrs;
    this.stunPort = stunPort;
    this.#drainMs = drainMs;
  }

  status(): RelayStatus {
    return {
      peerId: this.peerId,
      multiaddrs: this.multiaddrs,
      uptimeMs: 1,
      draining: this.#draining,
      peers: 2,
      viewers: 1,
      maxViewers: this.options.maxViewers ?? 600,
      channels: [{ channel: 'c1', title: 'A title', live: true, viewers: 1 }],
      sessions: { publishers: 1, players: 2 },
      stunPort: this.stunPort,
      stunAnswers: 5,
      processes: [mainProcess],
      refused: { 'forged-record': 3 },
    };
  }

  get readiness(): Readiness {
    return this.#draining ? 'draining' : this.mood;
  }

  metrics(): RelayMetrics {
    const none = { connecting: 0, connected: 0, made: 0 };
    return {
      uptimeMs: 1_500,
      readiness: this.readiness,
      viewers: 3,
      served: 2,
      maxViewers: this.options.maxViewers ?? 600,
      channels: { announced: 1, live: 1, known: 2 },
      peers: 2,
      connections: { inbound: 4, outbound: 1 },
      knownRelays: 1,
      links: {
        parents: { connecting: 0, connected: 1, made: 2 },
        children: { ...none, connected: 2, made: 7 },
        publishers: { ...none, connected: 1, made: 3 },
        players: { ...none, connecting: 1, made: 4 },
      },
      media: {
        incoming: {
          packets: 10,
          bytes: 1_000,
          keyFrames: 1,
          nacks: 2,
          keyFrameRequests: 3,
          drops: { stale: 4 },
        },
        outgoing: {
          packets: 20,
          bytes: 2_000,
          resent: 5,
          nacks: 6,
          keyFrameRequests: 7,
          drops: { 'nack-old': 8, waiting: 0 },
        },
      },
      processes: [mainProcess],
      sessions: {
        publishers: { results: { opened: 3, unauthorized: 1 }, packets: 4, bytes: 400 },
        players: { results: { opened: 4, 'not-found': 2 }, packets: 6, bytes: 600 },
      },
      joins: { accepted: 7, redirected: 1, refused: { full: 2, failed: 1 }, tooMany: 0 },
      refused: { 'forged-record': 3 },
      ...this.counted,
    };
  }

  overview(): RelayOverview {
    this.askedOverviews += 1;
    return { channels: this.shownChannels, moreChannels: 0, relays: [] };
  }

  tree(channel: string): ChannelTree | null {
    this.askedTrees += 1;
    return this.shownTrees.get(channel) ?? null;
  }

  /** Says what it was asked. */
  async handleSession(request: SessionRequest): Promise<SessionResponse> {
    const { method, path, body, from } = request;
    const { headers, iceServers = [] } = request;
    const ice = iceServers.flatMap(({ urls }) => urls).filter((url) => url.includes('example.org'));
    const heard = { method, path, body: body.toString(), from, ice, type: headers['content-type'] };
    return { status: 201, headers: { Location: `${path}/1` }, body: JSON.stringify(heard) };
  }

  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    await new Promise((resolve) => setTimeout(resolve, Math.min(this.#drainMs, graceMs)));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }
}
