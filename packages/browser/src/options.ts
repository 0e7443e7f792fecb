/** What a CASTO object is made with. */

export interface CastoOptions {
  /** Watch this channel; else the one in the page's URL (`#casto=ID`); else broadcast. */
  channel?: string;
  /**
   * Relays to use, http(s) origins or multiaddrs, best first. Default: `<link rel="casto-relay">`, the page's
   * origin, the origin that casto.js came from. A `?token=` behind an origin is the relay's publish token.
   */
  relays?: string[];
  /** What to broadcast. Default `'camera'`. */
  source?: MediaStream | 'camera' | 'screen';
  /** Codec of the video. Default `'vp8'`. */
  codec?: 'vp8' | 'h264';
  /** Name shown in directories, at most 120 characters. */
  title?: string;
  /** Namespace of channels, at most 64 characters. */
  app?: string;
  /**
   * Whether relays may show the broadcast to those who do not have its link, with a snapshot every 30 s. Default true;
   * with false it is in no list, and no snapshot leaves the page.
   */
  listed?: boolean;
  /** STUN and TURN servers. Default: those that the page's relays name; `[]`: none. */
  iceServers?: RTCIceServer[];
  /** Aborting is like `stop()`. */
  signal?: AbortSignal;
  /** Qualities to encode: 1 is full size, 2 adds half, 3 adds a quarter. Default 1. */
  layers?: 1 | 2 | 3;
  /**
   * Pages that this page passes the broadcast on to, at most 8 by default and as its uplink allows; `false`: none. For
   * seconds it may be four fifths more, while a page whose parent is gone finds another place. A streamer serves its
   * relays all the same.
   */
  relay?: false | { maxChildren?: number; maxUplinkBps?: number };
  /**
   * Parents that deliver at a time, 1 by default. With 2 nothing is seen of the loss of one of them, at twice the
   * download. Where the browser cannot merge two, the second one stands by.
   */
  liveParents?: 1 | 2;
}

/** Options with their defaults. */
export interface Settings {
  readonly channel: string | null;
  readonly relays: readonly string[] | null;
  readonly source: MediaStream | 'camera' | 'screen';
  readonly codec: 'vp8' | 'h264';
  readonly title: string;
  readonly app: string;
  readonly listed: boolean;
  /** `null`: those that relays name. */
  readonly iceServers: RTCIceServer[] | null;
  readonly signal: AbortSignal | null;
  readonly layers: 1 | 2 | 3;
  /** Browsers that may attach to this page. */
  readonly maxChildren: number;
  /** Total of all video sent, bits per second; `null`: no limit of its own. */
  readonly maxUplinkBps: number | null;
  readonly liveParents: 1 | 2;
}

/** A page is no server: past this its own user would notice. */
const DEFAULT_MAX_CHILDREN = 8;
const MAX_TITLE_LENGTH = 120;
const MAX_APP_LENGTH = 64;

/**
 * Fills in the defaults.
 *
 * @throws {TypeError} When an option is not what its type says: that is a mistake in the program, not a failure.
 */
export function readOptions(options: CastoOptions, pageUrl: string): Settings {
  const relay = options.relay ?? {};
  return {
    channel: options.channel ?? channelInUrl(pageUrl),
    relays: options.relays ?? null,
    source: options.source ?? 'camera',
    codec: oneOf(options.codec ?? 'vp8', ['vp8', 'h264'], 'codec'),
    title: shortText(options.title ?? '', MAX_TITLE_LENGTH, 'title'),
    app: shortText(options.app ?? '', MAX_APP_LENGTH, 'app'),
    listed: oneOf(options.listed ?? true, [true, false], 'listed'),
    iceServers: options.iceServers ?? null,
    signal: options.signal ?? null,
    layers: oneOf(options.layers ?? 1, [1, 2, 3], 'layers'),
    maxChildren: relay === false ? 0 : count(relay.maxChildren ?? DEFAULT_MAX_CHILDREN, 'relay.maxChildren'),
    maxUplinkBps: relay === false ? null : bitrate(relay.maxUplinkBps),
    liveParents: oneOf(options.liveParents ?? 1, [1, 2], 'liveParents'),
  };
}

/** The namespace whose channels are listed. @throws {TypeError} As `readOptions`. */
export function readListOptions({ app = '' }: { app?: string | undefined }): string {
  return shortText(app, MAX_APP_LENGTH, 'app');
}

/** The channel that a page's address names: `#casto=ID`, alone or among other parameters. */
export function channelInUrl(url: string): string | null {
  const hash = new URL(url).hash.slice(1);
  return new URLSearchParams(hash).get('casto');
}

/** The page's address with `#casto=ID`. */
export function linkTo(channel: string, pageUrl: string): string {
  const url = new URL(pageUrl);
  url.hash = `casto=${channel}`;
  return url.href;
}

function oneOf<const T>(value: T, allowed: readonly T[], name: string): T {
  if (!allowed.includes(value)) throw new TypeError(`${name} must be one of ${allowed.join(', ')}`);
  return value;
}

function shortText(value: unknown, maxLength: number, name: string): string {
  if (typeof value !== 'string' || value.length > maxLength) {
    throw new TypeError(`${name} must be text of at most ${maxLength} characters`);
  }
  return value;
}

function count(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new TypeError(`${name} must be a whole number, 0 or more`);
  }
  return value;
}

function bitrate(value: number | undefined): number | null {
  if (value === undefined) return null;
  if (!(value > 0)) throw new TypeError('relay.maxUplinkBps must be above 0');
  return value;
}
