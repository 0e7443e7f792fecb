/**
 * What the main process of a relay and its media workers say to each other over Node's IPC, as structured clones.
 * Control messages of links pass here, media never: they take a link of their own over loopback.
 *
 *   main                               worker
 *     ──start──▶                         holds its media port
 *               ◀──ready──
 *     ──serve, a child's offer──▶        makes the parent's end of a link
 *               ◀──answered──
 *               ◀──feed-offer──          the first child of a channel: wants its media
 *     ──feed-answer──▶
 *     ◀──connected, opened, control──▶   as long as the link lives
 *     ──close──▶  or  ◀──closed──
 *               ◀──feed-closed──         the last child has left
 *
 * Both ends are this program, so the shapes are not checked again. What strangers sent was checked before it comes here:
 * descriptions in the main process, control messages by the limits of the worker's control channel.
 */

import type { LinkEndState, SessionParameters } from '@casto/host';
import type { ChannelStreams } from '../channel-streams.ts';
import type { LinkQuality } from '../relay-overview.ts';
import type { MediaLinkReason } from '../media/media-link-error.ts';
import type { MediaTraffic } from '../relay-metrics.ts';
import type { ProcessUsage } from './process-usage.ts';

/** The media of one channel on their way into a worker. */
export interface FeedDescription {
  readonly id: number;
  readonly streams: ChannelStreams;
}

export interface WorkerSettings {
  /** IP address to bind. */
  readonly host: string;
  /** UDP port of the links with pages. */
  readonly mediaPort: number;
  /** IP addresses to tell instead of the own ones. */
  readonly announce: readonly string[];
}

export interface LinkSettings {
  readonly link: number;
  readonly feed: FeedDescription;
  /** The child's, reduced to the codecs of the channel. */
  readonly offer: SessionParameters;
  /** Layers of its video sections, in their order. */
  readonly layers: readonly number[];
  readonly isActive: boolean;
}

export type ToWorker =
  | ({ readonly type: 'start' } & WorkerSettings)
  /** The main process lives. Whether it wants a report: its counts, and a sign that the worker lives too. */
  | { readonly type: 'beat'; readonly wantsReport: boolean }
  | ({ readonly type: 'serve' } & LinkSettings)
  | { readonly type: 'active'; readonly link: number; readonly isActive: boolean }
  /** What the child said on its control channel. */
  | { readonly type: 'choose-layer' | 'want-key-frame'; readonly link: number; readonly layer: number }
  | { readonly type: 'candidate'; readonly link: number; readonly candidate: string }
  | { readonly type: 'control'; readonly link: number; readonly bytes: Uint8Array }
  | { readonly type: 'close'; readonly link: number }
  | { readonly type: 'feed-answer'; readonly feed: number; readonly attempt: number; readonly sdp: string }
  /** The main process's end of a feed is gone. */
  | { readonly type: 'feed-lost'; readonly feed: number; readonly attempt: number }
  | { readonly type: 'stop' };

/** Since the start of the worker where it is counted. */
export interface WorkerReport {
  readonly usage: ProcessUsage;
  readonly traffic: MediaTraffic;
  /** Refused input by reason, as the media links count it. */
  readonly refused: Readonly<Record<string, number>>;
  /** How each link does. */
  readonly qualities: ReadonlyMap<number, LinkQuality>;
}

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'report'; readonly report: WorkerReport }
  | { readonly type: 'answered'; readonly link: number; readonly sdp: string }
  | {
      readonly type: 'failed';
      readonly link: number;
      readonly reason: MediaLinkReason;
      readonly message: string;
    }
  | { readonly type: 'state'; readonly link: number; readonly state: LinkEndState }
  /** The control channel is open. */
  | { readonly type: 'opened'; readonly link: number }
  | { readonly type: 'control'; readonly link: number; readonly bytes: Uint8Array }
  | { readonly type: 'feed-offer'; readonly feed: number; readonly attempt: number; readonly sdp: string }
  | { readonly type: 'feed-closed'; readonly feed: number };

/** Of a worker about one of its links. */
export type AboutLink = Extract<FromWorker, { readonly link: number }>;

/**
 * Messages of one process that the other has not taken yet, of about 200 bytes each. There are a few for each child in a
 * second, and one for each child at once when a relay leaves.
 */
export const MAX_UNREAD_MESSAGES = 100_000;

export function isToWorker(message: unknown): message is ToWorker {
  return isTyped(message);
}

export function isFromWorker(message: unknown): message is FromWorker {
  return isTyped(message);
}

function isTyped(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message;
}
