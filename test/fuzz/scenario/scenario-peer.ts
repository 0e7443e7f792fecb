/** A peer that watches over the relay: libp2p on loopback, media over node-datachannel. */

import { linkCodec, LINK_PROTOCOL, PROTOCOL_VERSION, type ChannelId, type LinkMessage } from '@casto/core';
import {
  messageChannel,
  PeerLink,
  processClock,
  refusalCounter,
  relayRtpCapabilities,
  requestLink,
  type JoinRequest,
} from '@casto/host';
import { TestPeers, type TestPeer } from '@casto/host/conformance/loopback-peers';
import { multiaddr } from '@multiformats/multiaddr';
import type { Connection, Stream } from '@libp2p/interface';
import type { ChildLink } from '../../../packages/nodejs/src/media/child-link.ts';
import type { Hub } from '../../../packages/nodejs/src/media/hub.ts';
import { createMediaLinks } from '../../../packages/nodejs/src/media/media-links.ts';
import type { RtpSource } from '../../../packages/nodejs/src/media/rtp-source.ts';

const HOST = '127.0.0.1';
const ASK_MS = 10_000;
const TRIES = 40;
const RETRY_MS = 250;
/** As a relay ticks its hub: without it a source takes each packet for one that waited. */
const TICK_MS = 20;

/** Where the relay is, as its process told. */
export interface RelayAddress {
  readonly peerId: string;
  readonly multiaddrs: readonly string[];
  readonly httpPort: number;
  readonly mediaPort: number;
}

export function joinFields(channel: ChannelId): Omit<JoinRequest, 'offer'> {
  return {
    version: PROTOCOL_VERSION,
    channel,
    kind: 'browser',
    layers: [0],
    audio: true,
    capabilities: relayRtpCapabilities(),
    path: new Uint8Array(),
    standby: false,
    slots: 0,
    ageS: 0,
  };
}

/** A link to the relay with what comes over it. */
export class Watching {
  readonly end: ChildLink;
  readonly sources: RtpSource[];
  readonly link: PeerLink;

  constructor(end: ChildLink, sources: RtpSource[], link: PeerLink) {
    this.end = end;
    this.sources = sources;
    this.link = link;
  }

  /** Sums over the streams that came; what came too late to be of use is lost. */
  counts(): { readonly packets: number; readonly lost: number } {
    const all = this.sources.map((source) => source.stats());
    return {
      packets: all.reduce((sum, { packets }) => sum + packets, 0),
      lost: all.reduce((sum, { lost, drops }) => sum + lost + drops.stale, 0),
    };
  }

  /** Milliseconds since the last packet. */
  silentMs(): number {
    const last = Math.max(...this.sources.map(({ lastUnitAt }) => lastUnitAt ?? -Infinity));
    return processClock.now() - last;
  }

  /** Sends RTCP over the link, whatever it is. */
  sendRtcp(bytes: Buffer): void {
    // Only the link itself sends; an attacker has no such scruples.
    (this.end as unknown as { sendMedia(packet: Buffer): boolean }).sendMedia(bytes);
  }
}

export class ScenarioPeers {
  readonly #peers = new TestPeers();
  readonly #media = createMediaLinks({ host: HOST, clock: processClock });
  readonly #relay: RelayAddress;
  readonly #watching: Watching[] = [];
  readonly #ticking: NodeJS.Timeout;

  constructor(relay: RelayAddress) {
    this.#relay = relay;
    this.#ticking = setInterval(() => {
      const now = processClock.now();
      for (const { sources } of this.#watching) for (const source of sources) source.tick(now, true);
    }, TICK_MS);
  }

  /** A connection of a peer of its own. */
  async connect(): Promise<Connection> {
    const peer: TestPeer = await this.#peers.create();
    const address = this.#relay.multiaddrs.find((candidate) => candidate.includes('/ws'));
    return peer.libp2p.dial(multiaddr(address ?? ''));
  }

  /** A join without anything behind it. @returns The answer; the stream stays open. */
  async askBarely(connection: Connection, channel: ChannelId, offer: string): Promise<LinkMessage> {
    const stream: Stream = await connection.newStream(LINK_PROTOCOL);
    const messages = messageChannel(stream, linkCodec);
    await messages.write({ type: 'join', ...joinFields(channel), offer });
    return messages.read(AbortSignal.timeout(ASK_MS));
  }

  /** Joins until it is let in: the relay itself has to get the channel first. */
  async watch(channel: ChannelId): Promise<Watching> {
    for (let tries = 1; ; tries++) {
      const watching = await this.#tryToWatch(await this.connect(), channel);
      if (watching !== null) {
        this.#watching.push(watching);
        return watching;
      }
      if (tries >= TRIES) throw new Error('the relay does not let a viewer in');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticking);
    this.#media.close();
    await this.#peers.stop();
  }

  async #tryToWatch(connection: Connection, channel: ChannelId): Promise<Watching | null> {
    const sources: RtpSource[] = [];
    const end = this.#media.pull({
      hub: collectingHub(sources),
      layers: [0],
      audio: true,
      video: 'vp8',
      fromRelay: true,
    });
    end.media.play(true);
    const outcome = await requestLink(connection, end, joinFields(channel), {
      signal: AbortSignal.timeout(ASK_MS),
      refused: refusalCounter(),
    });
    if (outcome.type !== 'accepted') return null;
    const link = new PeerLink({
      role: 'child',
      peerId: channel,
      kind: outcome.kind,
      end,
      clock: processClock,
      refused: refusalCounter(),
      onEvent: () => {},
    });
    return new Watching(end, sources, link);
  }
}

/** Stands where a viewer has its hub. */
function collectingHub(sources: RtpSource[]): Hub {
  return {
    onEvent: null,
    silenceMs: 0,
    setSource: (source) => void sources.push(source),
    removeSource: () => {},
    addSink: () => {},
    removeSink: () => {},
    requestKeyFrame: () => {},
    streams: () => [],
    tick: () => {},
    close: () => {},
  };
}
