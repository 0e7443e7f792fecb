/** The media plane of a whole relay, in however many processes. */

import type { MediaLinks, ServeOptions } from './media-links.ts';
import type { LinkSide, NodeMediaLinks } from './media/media-links.ts';
import type { LinkCounts, MediaTraffic, ProcessMetrics } from './relay-metrics.ts';

export interface RelayMedia extends MediaLinks, Pick<NodeMediaLinks, 'pull' | 'client' | 'counts'> {
  pull: NodeMediaLinks['pull'];
  /** @throws {MediaLinkError} `too-many-connecting`. */
  serve(options: ServeOptions): ReturnType<MediaLinks['serve']>;
  readonly parents: LinkCounts;
  readonly children: LinkCounts;
  readonly publishers: LinkCounts;
  readonly players: LinkCounts;
  /** Of all links, by who is at the other end, without what passes between the processes. */
  trafficBySide(): Readonly<Record<LinkSide, MediaTraffic>>;
  /** The main process first. */
  processes(): ProcessMetrics[];
  /** Of all processes, as of a second ago where it is not this one. */
  residentBytes(): number;
  /** @returns When the other processes are gone. Idempotent. */
  close(): Promise<void>;
}
