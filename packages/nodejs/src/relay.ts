/** Puts a relay together: data folder, libp2p, channels, media. */

import { MAX_SUBTREE_COUNT } from '@casto/core';
import {
  peerIdOf,
  processClock,
  refusalCounter,
  serveLinks,
  serveListing,
  serveRendezvous,
  signalVerifier,
  type RefusalCounter,
} from '@casto/host';
import { NetworkShare } from './access/network-share.ts';
import { resolveAnnounced } from './announced-addresses.ts';
import { openDataFolder, type DataFolder, type RelayPorts } from './data-folder.ts';
import { createRelayPeer, type RelayPeer } from './libp2p-peer.ts';
import { totalTraffic } from './media/media-traffic.ts';
import { JoinGate } from './join-gate.ts';
import { RelayListing, type RelayListingOptions } from './listing/relay-listing.ts';
import { memoryLimit, type MemoryLimit } from './memory-limit.ts';
import { defaultMaxViewers, processCount } from './processes/process-count.ts';
import { createSpreadLinks } from './processes/spread-links.ts';
import { processorLoad } from './processor-load.ts';
import { RecordMemory } from './record-memory.ts';
import { circuitAddresses, ownAddresses } from './relay-addresses.ts';
import { RelayChannels } from './relay-channels.ts';
import type { RelayLog } from './relay-log.ts';
import type { RelayMedia } from './relay-media.ts';
import { RelayNetwork } from './relay-network.ts';
import type { ChannelTree, RelayOverview } from './relay-overview.ts';
import type { LinkCounts, Readiness, RelayMetrics } from './relay-metrics.ts';
import {
  checkRelayOptions,
  DEFAULT_PEERS_PER_IP,
  MAX_CHANNELS,
  RelayStartError,
  type Relay,
  type RelayOptions,
  type RelayStatus,
} from './relay-options.ts';
import { choosePorts, mediaPorts } from './relay-ports.ts';
import { openStunServer, type StunServer } from './stun/stun-server.ts';
import { ClientSessions } from './whip/client-sessions.ts';
import type { SessionRequest, SessionResponse } from './whip/session-endpoint.ts';

/** A crowd of six hundred within ten seconds makes sixty. */
const DEFAULT_JOINS_PER_SECOND = 200;
const DEFAULT_HOST = '0.0.0.0';
/** A page holds one link stream; a relay that pulls many channels opens one for each. */
const LINK_STREAMS_PER_CONNECTION = 64;
/** Those of 30 s, from the children of all channels: a hundred bytes each. */
const MAX_REMEMBERED_SIGNALS = 16_384;
const DRAIN_POLL_MS = 50;

/**
 * Starts a relay.
 *
 * @throws {RelayStartError} When a port is in use, an option is wrong, or the data folder cannot be used.
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  checkRelayOptions(options);
  const host = options.host ?? DEFAULT_HOST;
  const folder = await openDataFolder(options.dataDir);
  try {
    const ports = await choosePorts(host, options, { folder, processes: processCount(options) });
    await folder.rememberPorts(ports);
    return await startRelay(options, host, ports, folder);
  } catch (error) {
    await folder.close();
    throw error;
  }
}

async function startRelay(
  options: RelayOptions,
  host: string,
  ports: RelayPorts,
  folder: DataFolder,
): Promise<Relay> {
  const records = new RecordMemory(processClock);
  const { announce = [], peers = [], mdns = true, maxPeersPerIp = DEFAULT_PEERS_PER_IP } = options;
  const refused = refusalCounter();
  const opened: (() => Promise<unknown>)[] = [];
  try {
    // Workers take a second to start, in which nobody should find the relay already.
    const media = await openMedia(options, host, ports);
    opened.unshift(() => media.close());
    const stun = await openStun(options, host, ports.stun);
    opened.unshift(async () => stun?.close());
    const libp2p = await createRelayPeer({
      host,
      p2pPort: ports.p2p,
      announce,
      peers,
      mdns,
      folder,
      records,
      share: new NetworkShare(maxPeersPerIp),
      refused,
    });
    opened.unshift(async () => libp2p.stop());
    const parts = { libp2p, records, folder, media, mediaPort: ports.media, stun, refused };
    return await assembleRelay(options, parts);
  } catch (error) {
    for (const close of opened) await close();
    throw error;
  }
}

async function openStun(options: RelayOptions, host: string, port: number): Promise<StunServer | null> {
  if (options.stun === false) return null;
  return openStunServer({ host, port, clock: processClock, log: options.log ?? (() => {}) });
}

async function openMedia(options: RelayOptions, host: string, ports: RelayPorts): Promise<RelayMedia> {
  const { announce = [], log = () => {} } = options;
  const [mediaPort = ports.media, ...workerPorts] = mediaPorts(ports.media, processCount(options));
  const addresses = { host, mediaPort, workerPorts, announce: await resolveAnnounced(announce, log) };
  try {
    return await createSpreadLinks({ ...addresses, ...bitrateLimit(options), log, clock: processClock });
  } catch (cause) {
    if (workerPorts.length === 0) throw cause;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new RelayStartError('worker-not-started', `--processes: ${detail}`, { cause });
  }
}

/** The same for what pages and publishers bring in. */
function bitrateLimit({ maxChannelBitrateBps }: RelayOptions): { maxBitrateBps?: number } {
  return maxChannelBitrateBps === undefined ? {} : { maxBitrateBps: maxChannelBitrateBps };
}

async function assembleRelay(
  options: RelayOptions,
  parts: Pick<RelayParts, 'libp2p' | 'folder' | 'stun' | 'media' | 'mediaPort'> & {
    records: RecordMemory;
    refused: RefusalCounter;
  },
): Promise<Relay> {
  const { libp2p, records, folder, media, mediaPort, stun, refused } = parts;
  const { peers = [], maxViewers = defaultMaxViewers(processCount(options)) } = options;
  const { maxChannels = MAX_CHANNELS, maxJoinsPerSecond: joinsPerSecond = DEFAULT_JOINS_PER_SECOND } =
    options;
  const log: RelayLog = options.log ?? (() => {});
  const clock = processClock;
  const gate = new JoinGate({ clock, joinsPerSecond });
  const memory = memoryLimit(options.maxMemoryBytes ?? null, clock, () => media.residentBytes());
  const processor = processorLoad(clock, () => cpuSecondsOf(media));
  const channels = new RelayChannels({
    self: peerIdOf(libp2p.peerId),
    signaling: { privateKey: folder.privateKey, verifier: signalVerifier(MAX_REMEMBERED_SIGNALS) },
    clock,
    media,
    records,
    log,
    refused,
    maxViewers,
    maxChannels,
    gate,
    memory,
    processor,
    publishToken: options.publishToken ?? null,
    circuitAddresses: (streamer) => circuitAddresses(libp2p, streamer),
    addresses: () => ownAddresses(libp2p),
  });
  const network = new RelayNetwork({
    libp2p,
    clock,
    log,
    refused,
    peers,
    load: () => ({
      viewers: channels.viewers,
      maxViewers: Math.min(maxViewers, MAX_SUBTREE_COUNT),
      channels: channels.carried,
    }),
  });
  channels.connectTo(network);
  channels.probeOver(await serveRendezvous(libp2p, channels, { refused, clock }));
  await serveLinks(libp2p, (join, from) => channels.judge(join, from), {
    refused,
    clock,
    maxInboundStreams: LINK_STREAMS_PER_CONNECTION,
  });
  const listing =
    options.listing === false ? null : openListing({ clock, refused, records, channels, network });
  if (listing !== null) await serveListing(libp2p, listing, { refused, clock });
  const sessions = new ClientSessions({
    publishToken: options.publishToken ?? null,
    maxViewers,
    relayKey: folder.privateKey,
    channels,
    gate,
    media,
    clock,
    log,
    refused,
    ...bitrateLimit(options),
  });
  const shown = { mediaPort, maxViewers, gate, memory, refused: refused.counts };
  return new RunningRelay({ libp2p, channels, network, media, stun, folder, sessions, listing, ...shown });
}

function cpuSecondsOf(media: RelayMedia): number {
  return media.processes().reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

function openListing({
  channels: { census },
  ...options
}: Pick<RelayListingOptions, 'clock' | 'refused' | 'records' | 'network'> & {
  channels: RelayChannels;
}): RelayListing {
  return new RelayListing({
    ...options,
    live: () => census.live(),
    isOwn: (channel) => census.isOwn(channel),
  });
}

interface RelayParts {
  libp2p: RelayPeer;
  channels: RelayChannels;
  network: RelayNetwork;
  media: RelayMedia;
  stun: StunServer | null;
  folder: DataFolder;
  mediaPort: number;
  maxViewers: number;
  gate: JoinGate;
  memory: MemoryLimit;
  refused: Readonly<Record<string, number>>;
  sessions: ClientSessions;
  listing: RelayListing | null;
}

class RunningRelay implements Relay {
  readonly #parts: RelayParts;
  readonly #startedAt = processClock.now();
  #isDraining = false;
  #stopping: Promise<void> | null = null;

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  get peerId(): string {
    return this.#parts.libp2p.peerId.toString();
  }

  get multiaddrs(): string[] {
    return this.#parts.libp2p.getMultiaddrs().map(String);
  }

  get stunPort(): number | null {
    return this.#parts.stun?.port ?? null;
  }

  get mediaPort(): number {
    return this.#parts.mediaPort;
  }

  get readiness(): Readiness {
    const { channels, maxViewers, memory } = this.#parts;
    if (this.#isDraining || this.#stopping !== null) return 'draining';
    if (memory.isExceeded) return 'memory';
    // A relay without media has nothing to be full of.
    return maxViewers > 0 && channels.isFull ? 'full' : 'ready';
  }

  metrics(): RelayMetrics {
    const { libp2p, channels, network, media, maxViewers, gate, sessions } = this.#parts;
    const { publishers, players } = sessions.results;
    const traffic = media.trafficBySide();
    const { census } = channels;
    const connections = libp2p.getConnections();
    const inbound = connections.filter(({ direction }) => direction === 'inbound').length;
    return {
      uptimeMs: Math.round(processClock.now() - this.#startedAt),
      readiness: this.readiness,
      viewers: census.viewers,
      served: census.served,
      maxViewers,
      channels: census.counts(),
      peers: libp2p.getPeers().length,
      connections: { inbound, outbound: connections.length - inbound },
      knownRelays: network.knownRelays,
      links: {
        parents: media.parents,
        children: media.children,
        publishers: media.publishers,
        players: media.players,
      },
      media: totalTraffic(traffic),
      sessions: {
        publishers: { results: publishers, ...sizeOf(traffic.publishers.incoming) },
        players: { results: players, ...sizeOf(traffic.players.outgoing) },
      },
      joins: gate.counts,
      processes: media.processes(),
      refused: this.#refused(),
    };
  }

  status(): RelayStatus {
    const { libp2p, channels, stun, maxViewers, media } = this.#parts;
    return {
      peerId: this.peerId,
      multiaddrs: this.multiaddrs,
      uptimeMs: Math.round(processClock.now() - this.#startedAt),
      draining: this.#isDraining,
      peers: libp2p.getPeers().length,
      viewers: channels.viewers,
      maxViewers,
      channels: channels.status(),
      sessions: { publishers: openOf(media.publishers), players: openOf(media.players) },
      stunPort: this.stunPort,
      stunAnswers: stun?.answered ?? 0,
      processes: media.processes(),
      refused: this.#refused(),
    };
  }

  overview(): RelayOverview {
    const { channels, network } = this.#parts;
    return { ...channels.census.overview(), relays: network.relays() };
  }

  tree(channel: string): ChannelTree | null {
    return this.#parts.channels.census.tree(channel, processClock.now());
  }

  handleSession(request: SessionRequest): Promise<SessionResponse> {
    return this.#parts.sessions.handle(request);
  }

  async drain(graceMs: number): Promise<void> {
    const { channels, sessions } = this.#parts;
    const { census } = channels;
    sessions.drain();
    this.#isDraining = true;
    channels.drain(graceMs);
    const deadline = processClock.now() + graceMs;
    // Players cannot be sent elsewhere: they get the time to come to an end.
    while (census.attached > 0 && processClock.now() < deadline) {
      await new Promise<void>((resolve) => void processClock.setTimer(resolve, DRAIN_POLL_MS));
    }
  }

  /** Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  #refused(): Record<string, number> {
    const { refused, media, stun } = this.#parts;
    return { ...refused, ...prefixed('media', media.counts), ...prefixed('stun', stun?.counts ?? {}) };
  }

  async #stopAll(): Promise<void> {
    const { network, channels, media, stun, libp2p, folder, sessions, listing } = this.#parts;
    listing?.close();
    await sessions.close();
    network.stop();
    await stun?.close();
    await channels.close();
    await media.close();
    await libp2p.stop();
    await folder.close();
  }
}

function sizeOf({ packets, bytes }: { packets: number; bytes: number }): { packets: number; bytes: number } {
  return { packets, bytes };
}

function openOf({ connecting, connected }: LinkCounts): number {
  return connecting + connected;
}

function prefixed(prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([reason, count]) => [`${prefix}:${reason}`, count]));
}
