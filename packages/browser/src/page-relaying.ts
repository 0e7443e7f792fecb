/**
 * The relaying side of a viewer's page: its children, and how they find it. Loaded when the page has a picture and may
 * pass it on, so that those who only watch do not wait for it.
 */

import type { Connection, Libp2p } from '@libp2p/interface';
import type { ChannelId, PeerId } from '@casto/core';
import {
  serveLinks,
  signalForwarder,
  type JoinRequest,
  type LinkEvent,
  type SignalForwarder,
  type TreeDriver,
} from '@casto/host';
import type { Attachment } from './attachment.ts';
import { HubChildMedia, TrackChildMedia, type ChildMedia } from './child-media.ts';
import type { DirectoryPresence } from './directory-presence.ts';
import { createDummyTracks, type DummyTracks } from './dummy-tracks.ts';
import { ENCODING_BITRATES, FORWARDING_BITRATES } from './link-bitrates.ts';
import { PageChildren, type PageChild, type Served } from './page-children.ts';
import type { RelaySession } from './relay-session.ts';
import type { PageContext } from './role.ts';
import { UplinkEstimate } from './uplink-estimate.ts';

export interface PageRelayingOptions {
  readonly context: PageContext;
  readonly libp2p: Libp2p;
  readonly channel: ChannelId;
  readonly driver: TreeDriver;
  readonly presence: DirectoryPresence;
  /** The page's own stream. */
  readonly stream: MediaStream;
  /** The parent whose broadcast is passed on; `null` while there is none. */
  readonly parent: () => Attachment | null;
  readonly mediaBps: () => number | null;
}

export class PageRelaying {
  readonly children: PageChildren;
  readonly #options: PageRelayingOptions;
  readonly #dummies: DummyTracks;
  readonly #uplink = new UplinkEstimate();
  readonly #signals: SignalForwarder;

  constructor(options: PageRelayingOptions) {
    const { context, channel, driver, stream } = options;
    const { worker, refused } = context;
    this.#options = options;
    this.#dummies = createDummyTracks(worker, stream);
    this.#signals = signalForwarder({ clock: worker.clock, refused });
    this.children = new PageChildren({
      context,
      channel,
      driver,
      bitrates: worker.adapter === 'track' ? ENCODING_BITRATES : FORWARDING_BITRATES,
      served: () => Promise.resolve(this.#served()),
      createMedia: (join, isActive) => this.#createMedia(join, isActive),
      servesMore: () => true,
      onEvent: (child, event) => this.#childEvent(child, event),
      onCount: () => this.#tellUplink(),
    });
  }

  async start(): Promise<void> {
    const { libp2p, context } = this.#options;
    const judge = (join: JoinRequest, from: PeerId, connection: Connection) =>
      this.children.judge(join, from, addressesOf(connection));
    await serveLinks(libp2p, judge, { refused: context.refused });
  }

  /** Takes children that this relay sends. */
  appear(session: RelaySession): void {
    // A relay that is lost meanwhile sends nobody.
    this.#options.presence.appear(session).catch(() => {});
  }

  /** Looks at what the children's links carry. */
  async measure(): Promise<void> {
    const reports = await this.children.reports();
    const { clock } = this.#options.context.worker;
    this.#uplink.measure(reports, clock.now());
    const bps = this.#options.mediaBps();
    if (bps !== null) this.#options.driver.tell({ type: 'bitrate', bps });
    if (reports.length > 0) this.#tellUplink();
  }

  close(): void {
    this.#dummies.close();
  }

  /** Before there is a child nothing is known of the uplink: the tree lets one in, which shows it. */
  #tellUplink(): void {
    const { driver, context } = this.#options;
    const { maxUplinkBps } = context.settings;
    const active = this.children.all.length;
    if (active === 0 && maxUplinkBps === null) return;
    const bps = this.#uplink.bpsFor({ relays: 0, active });
    driver.tell({ type: 'uplink', bps: Math.min(bps, allowance(maxUplinkBps)) });
  }

  #served(): Served | null {
    const parent = this.#options.parent();
    if (parent === null) return null;
    const { record, signedRecord } = parent;
    return { broadcast: { video: record.video, audio: record.audio }, record: signedRecord };
  }

  #createMedia({ layers }: JoinRequest, isActive: boolean): ChildMedia {
    const { context, stream, mediaBps } = this.#options;
    const { worker } = context;
    if (worker.adapter === 'track') return new TrackChildMedia(stream, { isActive });
    const broadcast = this.#served()?.broadcast;
    return new HubChildMedia({
      worker,
      dummies: this.#dummies,
      layers,
      has: (kind, layer) =>
        kind === 'audio' ? broadcast?.audio === true : layer === 0 && !!broadcast?.video,
      isActive,
      mediaBps,
    });
  }

  #childEvent(child: PageChild, event: LinkEvent): void {
    if (event.type !== 'forward') return;
    this.#signals.forward(event.message, child.link, [...this.#options.driver.links]);
  }
}

/** What the owner allows, in the tree's terms: it gives away half of what it is told. */
function allowance(maxUplinkBps: number | null): number {
  return maxUplinkBps === null ? Infinity : maxUplinkBps * 2;
}

/** A page that came through a circuit is reached through it. */
function addressesOf(connection: Connection): string[] {
  const address = connection.remoteAddr.toString();
  return address.includes('/p2p-circuit') ? [address] : [];
}
