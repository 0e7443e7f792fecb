/** What a relay is started with, and what it tells about itself while it runs. */

import { isIP } from 'node:net';
import { isPeerId } from '@casto/core';
import { multiaddr } from '@multiformats/multiaddr';
import type { ChannelTree, RelayOverview } from './relay-overview.ts';
import type { ProcessMetrics, Readiness, RelayMetrics } from './relay-metrics.ts';
import type { SessionRequest, SessionResponse } from './whip/session-endpoint.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export type LogFields = Record<string, string | number | boolean>;

export interface RelayOptions {
  /** IP address to bind, default '0.0.0.0'. */
  host?: string;
  /** Folder for identity, certificate and ports; absent: everything is made anew and forgotten. */
  dataDir?: string;
  /** Multiaddrs of other relays. */
  peers?: string[];
  /** Public addresses (IP or DNS names) to announce; the IPs also replace those of the ICE candidates. */
  announce?: string[];
  /** 0: introduces peers, carries no media. Default 600 for each process that serves children. */
  maxViewers?: number;
  /**
   * Processes, 1 to 64, default 1. With more than one this process takes channels in, and the others serve the children;
   * each of those takes a UDP port of its own. `auto`: one for each core that this process may use.
   */
  processes?: number | 'auto';
  /** Channels carried at once, 1 to 500; more are refused as busy. Default 500. */
  maxChannels?: number;
  /** Joins and WHEP players per second on average, twice as many at once; more are refused as busy. Default 200. */
  maxJoinsPerSecond?: number;
  /**
   * libp2p connections that one public address may have at once, an IPv4 address or a /64 of IPv6; more are closed.
   * Default 500.
   */
  maxPeersPerIp?: number;
  /** Resident memory in bytes, of all processes together, beyond which viewers are sent elsewhere as if the relay were full; absent: no limit. */
  maxMemoryBytes?: number;
  /**
   * What a parent or a WHIP publisher may send for one channel, in bits per second over all layers: its encoders are
   * asked to stay below, and a link that goes on sending more than twice as much is closed. Absent: encoders are asked for 10 000 000, and
   * nothing is closed.
   */
  maxChannelBitrateBps?: number;
  /**
   * TCP port of libp2p; WebSocket listens on the next one, webrtc-direct on the same number in UDP.
   * 0 or absent: the remembered one, else a free one.
   */
  p2pPort?: number;
  /**
   * UDP port of the media of incoming links; further processes take the following ones. 0 or absent: the remembered one,
   * else a free one.
   */
  mediaPort?: number;
  /** Answer STUN Binding requests of pages, so that they learn their public addresses. Default true. */
  stun?: boolean;
  /** UDP port of STUN. 0 or absent: the remembered one, else a free one. */
  stunPort?: number;
  /** Asked of streamers; absent: anybody may broadcast. */
  publishToken?: string;
  /** Find and be found by other relays of the local network. Default true. */
  mdns?: boolean;
  /** Show the live channels to pages that know no channel's id, and to other relays for theirs. Default true. */
  listing?: boolean;
  /** Receives one record per transition; the caller formats. */
  log?: (level: LogLevel, event: string, fields: LogFields) => void;
}

export interface RelayChannel {
  channel: string;
  title: string;
  live: boolean;
  viewers: number;
}

export interface RelayStatus {
  peerId: string;
  multiaddrs: string[];
  uptimeMs: number;
  draining: boolean;
  peers: number;
  viewers: number;
  maxViewers: number;
  channels: RelayChannel[];
  /** Sessions of WHIP publishers and WHEP players that are open. */
  sessions: { publishers: number; players: number };
  /** UDP port of STUN; `null`: switched off. */
  stunPort: number | null;
  /** STUN requests that were answered. */
  stunAnswers: number;
  /** The main process first; alone where one does it all. */
  processes: readonly ProcessMetrics[];
  /** Refused input, counted by typed reason. */
  refused: Record<string, number>;
}

export interface Relay {
  readonly peerId: string;
  readonly multiaddrs: string[];
  /** UDP port of STUN; `null`: switched off. */
  readonly stunPort: number | null;
  /** UDP port of the media; further processes have the following ones. */
  readonly mediaPort: number;
  status(): RelayStatus;
  readonly readiness: Readiness;
  /** Costs a walk over all links: for a scrape every few seconds. */
  metrics(): RelayMetrics;
  /** For its operator: the channels, and other relays. Costs a walk over all channels: for every second or so. */
  overview(): RelayOverview;
  /**
   * For its operator: what the relay knows of the tree of one channel. Costs a walk over its children.
   *
   * @param channel - Its id.
   * @returns `null` when the relay has no place in it.
   */
  tree(channel: string): ChannelTree | null;
  /** Answers a request of a WHIP or WHEP client, for paths below `/whip/` and `/whep/`. */
  handleSession(request: SessionRequest): Promise<SessionResponse>;
  /** Tells children to go elsewhere and waits until they and all players of WHEP have left, at most `graceMs`. */
  drain(graceMs: number): Promise<void>;
  stop(): Promise<void>;
}

export type RelayStartFailure =
  | 'port-in-use'
  | 'bad-option'
  | 'corrupt-data-folder'
  | 'unwritable-data-folder'
  | 'locked-data-folder'
  | 'worker-not-started';

/** The relay could not start. `message` is one line for people; programs branch on `reason`. */
export class RelayStartError extends Error {
  override readonly name = 'RelayStartError';
  readonly reason: RelayStartFailure;

  constructor(reason: RelayStartFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * A tenth of the connections that libp2p takes, so that one host cannot take them all; and more than watch behind one
 * carrier's NAT, a school's or an office's, since a viewer's page holds one connection.
 */
export const DEFAULT_PEERS_PER_IP = 500;

/** Each live channel costs its bitrate of downlink, and relays name no more to each other. */
export const MAX_CHANNELS = 500;

/** Each beat of the main process goes to all of them. */
export const MAX_PROCESSES = 64;

const highestPort = 65_535;

/** @throws {RelayStartError} 'bad-option', for what would fail later and less clearly. */
export function checkRelayOptions(options: RelayOptions): void {
  const { host, peers = [], maxViewers = 0, p2pPort = 0, mediaPort = 0, stunPort = 0 } = options;
  const { processes = 1, maxPeersPerIp = 1 } = options;
  const { maxChannels = 1, maxJoinsPerSecond = 1, maxMemoryBytes = 1, maxChannelBitrateBps = 1 } = options;
  const refuse = (problem: string): never => {
    throw new RelayStartError('bad-option', problem);
  };
  if (host !== undefined && isIP(host) === 0) refuse(`the host must be an IP address, got ${quote(host)}`);
  for (const peer of peers) {
    if (!isMultiaddr(peer)) refuse(`a peer must be a multiaddr, got ${quote(peer)}`);
  }
  if (!isWhole(maxViewers, Number.MAX_SAFE_INTEGER)) refuse('the viewers must be a whole number from 0');
  if (!isWhole(maxChannels, MAX_CHANNELS) || maxChannels === 0) {
    refuse(`the channels must be a whole number from 1 to ${MAX_CHANNELS}`);
  }
  if (!isWhole(maxPeersPerIp, Number.MAX_SAFE_INTEGER) || maxPeersPerIp === 0) {
    refuse('the peers of one address must be a whole number from 1');
  }
  if (processes !== 'auto' && (!isWhole(processes, MAX_PROCESSES) || processes === 0)) {
    refuse(`the processes must be a whole number from 1 to ${MAX_PROCESSES}, or auto`);
  }
  for (const [name, value] of Object.entries({ maxJoinsPerSecond, maxMemoryBytes, maxChannelBitrateBps })) {
    if (!(value > 0 && Number.isFinite(value))) refuse(`${name} must be above zero`);
  }
  // WebSocket takes the next one.
  if (!isWhole(p2pPort, highestPort - 1)) refuse(`the libp2p port must be from 0 to ${highestPort - 1}`);
  if (!isWhole(mediaPort, highestPort)) refuse(`the media port must be from 0 to ${highestPort}`);
  if (!isWhole(stunPort, highestPort)) refuse(`the STUN port must be from 0 to ${highestPort}`);
}

function isMultiaddr(text: string): boolean {
  try {
    const components = multiaddr(text).getComponents();
    return components.length > 0 && components.every(({ name, value }) => name !== 'p2p' || isPeerId(value));
  } catch {
    return false;
  }
}

function isWhole(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

const longestQuoteChars = 80;

function quote(text: string): string {
  return JSON.stringify(text.slice(0, longestQuoteChars));
}
