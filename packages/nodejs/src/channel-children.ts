/** The children of one channel inside a relay: their links, and which of them are sent media. */

import { MAX_SUBTREE_COUNT, type PeerId, type PeerKind } from '@casto/core';
import {
  PeerLink,
  type Clock,
  type LinkEvent,
  type RefusalCounter,
  type SessionParameters,
} from '@casto/host';
import type { ChannelStreams } from './channel-streams.ts';
import type { MediaLinks } from './media-links.ts';
import type { LinkQuality } from './relay-overview.ts';
import type { Hub } from './media/hub.ts';

/** Viewers come and go in crowds; each neighbour is told of their number at most this often. */
const COUNT_MS = 500;

export interface ChannelChildrenOptions {
  readonly media: MediaLinks;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  readonly onEvent: (link: PeerLink, event: LinkEvent) => void;
}

type ServedEnd = ReturnType<MediaLinks['serve']>;

interface Child {
  readonly link: PeerLink;
  readonly end: ServedEnd;
  isActive: boolean;
}

export interface NewChild {
  readonly peerId: PeerId;
  readonly kind: PeerKind;
  /** Reduced to the codecs of the channel. */
  readonly offer: SessionParameters;
  readonly layers: readonly number[];
  /** All that the channel has. */
  readonly streams: ChannelStreams;
  readonly isActive: boolean;
}

export class ChannelChildren {
  readonly #options: ChannelChildrenOptions;
  readonly #children = new Map<PeerLink, Child>();
  #cancelCount: (() => void) | null = null;

  constructor(options: ChannelChildrenOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#children.size;
  }

  /** Children that are sent media. */
  get active(): number {
    let active = 0;
    for (const { isActive } of this.#children.values()) if (isActive) active++;
    return active;
  }

  /** Children but for relays that only stand by. */
  get dependents(): number {
    let dependents = 0;
    for (const { link, isActive } of this.#children.values()) {
      if (isActive || link.kind === 'browser') dependents++;
    }
    return dependents;
  }

  /** Viewers at and below the children that are sent media: the others watch over another link. */
  get viewers(): number {
    let viewers = 0;
    for (const { link, isActive } of this.#children.values()) {
      if (isActive) viewers += link.remoteState?.viewers ?? (link.kind === 'browser' ? 1 : 0);
    }
    return Math.min(viewers, MAX_SUBTREE_COUNT);
  }

  /** How their links do. */
  qualities(): Map<PeerId, LinkQuality> {
    const found = new Map<PeerId, LinkQuality>();
    for (const { link, end } of this.#children.values()) found.set(link.peerId, end.media.quality());
    return found;
  }

  /** Makes the parent's end of a link. */
  add({ peerId, kind, isActive, ...media }: NewChild): { link: PeerLink; end: ServedEnd } {
    const { hub, clock, refused, onEvent } = this.#options;
    const end = this.#options.media.serve({ ...media, hub, isActive });
    const link: PeerLink = new PeerLink({
      role: 'parent',
      peerId,
      kind,
      end,
      clock,
      refused,
      activity: end,
      onEvent: (event) => {
        if (event.type === 'closed') this.#children.delete(link);
        else if (event.type === 'key-frame-wanted') end.media.wantKeyFrame(event.layer);
        else if (event.type === 'layer-chosen') end.media.chooseLayer(event.layer);
        onEvent(link, event);
      },
    });
    this.#children.set(link, { link, end, isActive });
    return { link, end };
  }

  serve(link: PeerLink, isActive: boolean): void {
    const child = this.#children.get(link);
    if (!child) return;
    child.isActive = isActive;
    child.end.media.serve(isActive);
  }

  /** Repeats to the children what they were told last, with the number of viewers as it is by then. */
  tellViewersSoon(): void {
    this.#cancelCount ??= this.#options.clock.setTimer(() => {
      this.#cancelCount = null;
      const { viewers } = this;
      for (const { link } of this.#children.values()) {
        const told = link.advertised;
        if (told !== null && told.viewers !== viewers) link.advertise({ ...told, viewers });
      }
    }, COUNT_MS);
  }

  /** The links are ended by whoever drives them. */
  close(): void {
    this.#cancelCount?.();
  }
}
