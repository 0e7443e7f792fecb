/**
 * The children of a page: who asks for a place is judged by the tree, gets a link and media, and is forgotten when the
 * link is gone. The same for a streamer and for a viewer that passes the broadcast on.
 */

import type { Connection } from '@libp2p/interface';
import { PROTOCOL_VERSION, type ChannelId, type ChannelRecord, type PeerId } from '@casto/core';
import {
  pageRtpCapabilities,
  PeerLink,
  reduceChildOffer,
  treeJoinOf,
  type JoinDecision,
  type JoinRequest,
  type LinkEvent,
  type RtpCapabilities,
  type SessionParameters,
  type TreeDriver,
} from '@casto/host';
import type { ChildMedia } from './child-media.ts';
import { withBitrates, type LinkBitrates } from './link-bitrates.ts';
import { connectionOf, PageParentEnd } from './page-link.ts';
import type { PageContext } from './role.ts';
import { readMediaStats, type MediaStats } from './stats.ts';
import type { UplinkReport } from './uplink-estimate.ts';

/** What is passed on, as far as a child has to know. */
export interface Served {
  readonly broadcast: Pick<ChannelRecord, 'video' | 'audio'>;
  /** The channel's record as the streamer signed it. */
  readonly record: Uint8Array;
}

export interface PageChildrenOptions {
  readonly context: PageContext;
  readonly channel: ChannelId;
  readonly driver: TreeDriver;
  readonly bitrates: LinkBitrates;
  /** `null` while there is nothing to pass on. */
  readonly served: () => Promise<Served | null>;
  readonly createMedia: (join: JoinRequest, isActive: boolean) => ChildMedia;
  readonly onEvent: (child: PageChild, event: LinkEvent) => void;
  /** There is one more, or one less, or one is sent media that was not before. */
  readonly onCount: () => void;
}

export interface PageChild {
  readonly link: PeerLink;
  readonly media: ChildMedia;
  readonly pc: RTCPeerConnection;
}

export class PageChildren {
  readonly #options: PageChildrenOptions;
  readonly #children = new Map<PeerId, PageChild>();

  constructor(options: PageChildrenOptions) {
    this.#options = options;
  }

  get all(): readonly PageChild[] {
    return [...this.#children.values()];
  }

  /** Those that are sent media; the others stand by. */
  get served(): readonly PageChild[] {
    return this.all.filter(({ link }) => !link.isStandby);
  }

  has(peerId: PeerId): boolean {
    return this.#children.has(peerId);
  }

  /** Sends this child media, or stops it. */
  serve(peerId: PeerId, isActive: boolean): void {
    this.#children.get(peerId)?.media.setActive(isActive);
    this.#options.onCount();
  }

  /** What the connections of all children tell. */
  async reports(): Promise<(MediaStats & UplinkReport)[]> {
    return Promise.all(
      this.all.map(async ({ link, pc, media }) => {
        const stats = await readMediaStats(pc);
        return { ...stats, isLimited: stats.isLimited || media.isLimited, isServed: !link.isStandby };
      }),
    );
  }

  /** @param connection - Over which the joiner asks; `null`: over a neighbour. */
  async judge(join: JoinRequest, from: PeerId, connection: Connection | null): Promise<JoinDecision> {
    const { channel, driver, served } = this.#options;
    if (join.version !== PROTOCOL_VERSION) return refuse('version');
    if (join.channel !== channel) return refuse('not-found');
    const passedOn = await served();
    if (passedOn === null) return refuse('offline');
    const offer = reduceChildOffer(join, sendingCapabilities(), passedOn.broadcast);
    if (offer === null) return refuse('no-common-codec');
    const decision = driver.decide(from, addressesBehind(connection), treeJoinOf(join));
    if (decision.type !== 'accept') return decision;
    return this.#accept(join, from, { offer, record: passedOn.record, isActive: !decision.standby });
  }

  #accept(
    join: JoinRequest,
    from: PeerId,
    { offer, record, isActive }: { offer: SessionParameters; record: Uint8Array; isActive: boolean },
  ): JoinDecision {
    const { driver, onCount } = this.#options;
    const { end, child } = this.#create(join, from, { offer, isActive });
    this.#children.set(from, child);
    driver.attach(child.link);
    onCount();
    const standing = driver.standing();
    return {
      type: 'accept',
      end,
      acceptance: {
        version: PROTOCOL_VERSION,
        kind: 'browser',
        record,
        depth: standing?.depth ?? 0,
        path: standing?.path ?? new Uint8Array(),
      },
    };
  }

  #create(
    join: JoinRequest,
    from: PeerId,
    { offer, isActive }: { offer: SessionParameters; isActive: boolean },
  ): { end: PageParentEnd; child: PageChild } {
    const { context, bitrates, createMedia } = this.#options;
    const { worker, refused } = context;
    const media = createMedia(join, isActive);
    const pc = connectionOf(context);
    const end = new PageParentEnd(pc, withBitrates(offer, bitrates), {
      attach: () => media.attach(pc),
      begin: () => media.begin(),
    });
    const link: PeerLink = new PeerLink({
      role: 'parent',
      peerId: from,
      kind: join.kind,
      end,
      clock: worker.clock,
      refused,
      activity: { lastSentAt: () => media.lastSentAt, lastHeardAt: () => 0 },
      onEvent: (event) => this.#linkEvent(child, event),
    });
    const child: PageChild = { link, media, pc };
    return { end, child };
  }

  #linkEvent(child: PageChild, event: LinkEvent): void {
    const { driver, onEvent, onCount } = this.#options;
    driver.take(child.link, event);
    if (event.type === 'connected') child.media.connected();
    if (event.type === 'key-frame-wanted') child.media.wantKeyFrame(event.layer);
    onEvent(child, event);
    if (event.type !== 'closed') return;
    child.media.close();
    if (this.#children.get(child.link.peerId) === child) this.#children.delete(child.link.peerId);
    onCount();
  }
}

function refuse(reason: Extract<JoinDecision, { type: 'refuse' }>['reason']): JoinDecision {
  return { type: 'refuse', reason, retryAfterMs: 1_000 };
}

/** Whoever came through a circuit can be reached through it by others. */
function addressesBehind(connection: Connection | null): string[] {
  const address = connection?.remoteAddr.toString() ?? '';
  return address.includes('/p2p-circuit') ? [address] : [];
}

function sendingCapabilities(): RtpCapabilities {
  return pageRtpCapabilities({
    audio: RTCRtpSender.getCapabilities('audio'),
    video: RTCRtpSender.getCapabilities('video'),
  });
}
