/** What a relay is started with, and what it tells about itself while it runs. */

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
  /** 0: introduces peers, carries no media. Default 600. */
  maxViewers?: number;
  /**
   * TCP port of libp2p; WebSocket listens on the next one, webrtc-direct on the same number in UDP.
   * 0 or absent: the remembered one, else a free one.
   */
  p2pPort?: number;
  /** UDP port of the media of incoming links. 0 or absent: the remembered one, else a free one. */
  mediaPort?: number;
  /** Asked of streamers; absent: anybody may broadcast. */
  publishToken?: string;
  /** Find and be found by other relays of the local network. Default true. */
  mdns?: boolean;
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
  /** Refused input, counted by typed reason. */
  refused: Record<string, number>;
}

export interface Relay {
  readonly peerId: string;
  readonly multiaddrs: string[];
  status(): RelayStatus;
  /** Tells children to go elsewhere and waits until they left, at most `graceMs`. */
  drain(graceMs: number): Promise<void>;
  stop(): Promise<void>;
}

export type RelayStartFailure =
  'port-in-use' | 'bad-option' | 'corrupt-data-folder' | 'unwritable-data-folder' | 'locked-data-folder';

/** The relay could not start. `message` is one line for people; programs branch on `reason`. */
export class RelayStartError extends Error {
  override readonly name = 'RelayStartError';
  readonly reason: RelayStartFailure;

  constructor(reason: RelayStartFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
