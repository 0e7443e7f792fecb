/** A relay without libp2p and media, for tests of the command around it. */
import type { Relay, RelayOptions, RelayStatus, SessionRequest, SessionResponse } from '@casto/nodejs';

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

export class FakeRelay implements Relay {
  readonly peerId = fakePeerId;
  readonly multiaddrs: string[];
  readonly stunPort: number | null;
  readonly options: RelayOptions;
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
      stunPort: this.stunPort,
      stunAnswers: 5,
      refused: { 'forged-record': 3 },
    };
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
