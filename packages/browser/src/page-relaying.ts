/**
 * What a viewer's page is to others: a parent of its children, and a neighbour that passes signals and messages on.
 * Loaded when the page has a picture, so that a first join does not wait for it, and kept from then on, because the relay
 * that it comes from may be gone when it is needed.
 */

import type { Connection, Libp2p, PrivateKey } from '@libp2p/interface';
import type { ChannelId, Offer, PeerId } from '@casto/core';
import {
  Neighbours,
  peerIdOf,
  ReceivedRate,
  serveLinks,
  type JoinDecision,
  type JoinRequest,
  type LinkEvent,
  type PeerLink,
  type TreeDriver,
  type TreeSurvey,
} from '@casto/host';
import type { Attachment } from './attachment.ts';
import { HubChildMedia, TrackChildMedia, type ChildMedia } from './child-media.ts';
import { DirectoryPresence } from './directory-presence.ts';
import { createDummyTracks, type DummyTracks } from './dummy-tracks.ts';
import { ENCODING_BITRATES, FORWARDING_BITRATES } from './link-bitrates.ts';
import { PageChildren, type Served } from './page-children.ts';
import { PageMessages } from './page-messages.ts';
import { createPageSurvey } from './page-survey.ts';
import type { RelaySession } from './relay-session.ts';
import type { PageContext } from './role.ts';
import { TransferMeter } from './stats.ts';
import { UplinkEstimate } from './uplink-estimate.ts';
import { allowance } from './uplink-shares.ts';

/** A child with a standby has moved within a round trip and a key frame; one without looks for longer than anybody waits. */
const DRAIN_MS = 600;
const DRAIN_LOOK_MS = 50;

export interface PageRelayingOptions {
  readonly context: PageContext;
  readonly libp2p: Libp2p;
  readonly privateKey: PrivateKey;
  readonly channel: ChannelId;
  readonly driver: TreeDriver;
  /** Where others reach this page. The array stays the same object: the tree holds it. */
  readonly addresses: string[];
  /** Children that this page may have. */
  readonly maxChildren: number;
  /** The page's own stream. */
  readonly stream: MediaStream;
  /** The parent whose broadcast is passed on; `null` while there is none. */
  readonly parent: () => Attachment | null;
  readonly parentLinks: () => PeerLink[];
}

export class PageRelaying {
  readonly neighbours: Neighbours;
  readonly messages: PageMessages;
  readonly children: PageChildren;
  readonly #survey: TreeSurvey;
  readonly #options: PageRelayingOptions;
  readonly #presence: DirectoryPresence;
  readonly #uplink = new UplinkEstimate();
  /** As the tree was told. */
  #uplinkBps = 0;
  readonly #media = new TransferMeter();
  readonly #received = new ReceivedRate();
  #dummies: DummyTracks | null = null;
  #mediaBps: number | null = null;

  constructor(options: PageRelayingOptions) {
    const { context, libp2p, privateKey, channel, driver, addresses } = options;
    const { worker, refused } = context;
    this.#options = options;
    this.#presence = new DirectoryPresence({
      libp2p,
      channel,
      standing: () => driver.standing(),
      record: () => this.#served()?.record ?? null,
      addresses,
      onAddresses: () => this.#tellAddresses(options.parentLinks()),
    });
    const self = peerIdOf(libp2p.peerId);
    this.neighbours = new Neighbours({
      self,
      privateKey,
      clock: worker.clock,
      refused,
      links: () => driver.links,
      judge: (join, from, connection) => this.#judge(join, from, connection),
    });
    const parent = (): PeerLink | null => options.parent()?.link ?? null;
    this.messages = new PageMessages({ context, channel, self, privateKey, driver, parent });
    this.children = new PageChildren({
      context,
      channel,
      driver,
      bitrates: worker.adapter === 'track' ? ENCODING_BITRATES : FORWARDING_BITRATES,
      served: () => Promise.resolve(this.#served()),
      createMedia: (join, isActive) => this.#createMedia(join, isActive),
      onEvent: ({ link }, event) => this.take(link, event),
      onCount: () => this.#tellUplink(),
    });
    this.#survey = createPageSurvey({
      context,
      self: peerIdOf(libp2p.peerId),
      channel,
      driver,
      own: () => ({ parent: options.parent()?.link ?? null, bitrateBps: this.#receivedBps, viewers: 1 }),
    });
  }

  async start(): Promise<void> {
    const { libp2p, context, maxChildren } = this.#options;
    if (maxChildren === 0) return;
    const { refused } = context;
    this.#tellUplink();
    await serveLinks(libp2p, (join, from, connection) => this.#judge(join, from, connection), { refused });
  }

  /** Takes every event of every link, after the tree has. */
  take(link: PeerLink, event: LinkEvent): void {
    this.neighbours.take(link, event);
    this.messages.take(link, event);
    this.#survey.take(link, event);
  }

  /** Takes children that this relay sends. */
  appear(session: RelaySession): void {
    // A relay that is lost meanwhile sends nobody.
    if (this.#options.maxChildren > 0) this.#presence.appear(session).catch(() => {});
  }

  /** Tells the relays what this page offers. */
  report(offer: Offer | null): void {
    this.#presence.report(offer);
  }

  /** The link to a parent is open: it names this page to those whom it has no room for. */
  parentOpened(link: PeerLink): void {
    this.#tellAddresses([link]);
  }

  /** Looks at what the children's links carry. */
  async measure(): Promise<void> {
    const { context, driver, parent } = this.#options;
    const { clock } = context.worker;
    const { bitsPerSecond } = this.#media.measure(parent()?.bytes ?? 0, clock.now());
    if (bitsPerSecond > 0) this.#mediaBps = bitsPerSecond;
    const reports = await this.children.reports();
    this.#uplink.measure(reports, clock.now());
    if (this.#mediaBps !== null) driver.tell({ type: 'bitrate', bps: this.#mediaBps });
    this.#tellUplink();
  }

  /** Lets the children find other parents before this page goes. */
  async drain(): Promise<void> {
    const { driver, context } = this.#options;
    const { clock } = context.worker;
    const until = clock.now() + DRAIN_MS;
    const isLeft = (): boolean => driver.view().children.some(({ role }) => role === 'active');
    if (isLeft()) driver.tell({ type: 'drain', withinMs: DRAIN_MS });
    while (isLeft() && clock.now() < until) {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, DRAIN_LOOK_MS));
    }
  }

  close(): void {
    this.neighbours.close();
    this.#survey.close();
    this.#dummies?.close();
  }

  /** As a picture of the tree shows it; `null` until measured. */
  get #receivedBps(): number | null {
    const { context, parent } = this.#options;
    const { adapter, clock } = context.worker;
    const attachment = parent();
    if (attachment === null) return null;
    // Where the browser shows no frames, bytes are counted at each measurement only.
    return adapter === 'track' ? this.#mediaBps : this.#received.read(attachment.bytes, clock.now());
  }

  async #judge(join: JoinRequest, from: PeerId, connection: Connection | null): Promise<JoinDecision> {
    if (this.#options.maxChildren === 0) return { type: 'refuse', reason: 'full', retryAfterMs: 60_000 };
    return this.children.judge(join, from, connection);
  }

  #tellAddresses(links: readonly PeerLink[]): void {
    const { addresses } = this.#options;
    if (addresses.length === 0) return;
    for (const link of links) link.send({ type: 'addresses', addresses: [...addresses] });
  }

  /** Without children the uplink is what it was, and enough for one: the next one shows what it is now. */
  #tellUplink(): void {
    const { driver, context } = this.#options;
    const active = this.children.served.length;
    const bps = this.#uplink.bpsFor({ relays: 0, active, mediaBps: this.#mediaBps });
    this.#uplinkBps = active === 0 ? Math.max(this.#uplinkBps, bps) : bps;
    driver.tell({ type: 'uplink', bps: Math.min(this.#uplinkBps, allowance(context.settings.maxUplinkBps)) });
  }

  #served(): Served | null {
    const parent = this.#options.parent();
    if (parent === null) return null;
    const { record, signedRecord } = parent;
    return { broadcast: { video: record.video, audio: record.audio }, record: signedRecord };
  }

  #createMedia({ layers }: JoinRequest, isActive: boolean): ChildMedia {
    const { context, stream } = this.#options;
    const { worker } = context;
    if (worker.adapter === 'track') return new TrackChildMedia(stream, { isActive });
    const broadcast = this.#served()?.broadcast;
    return new HubChildMedia({
      worker,
      dummies: (this.#dummies ??= createDummyTracks(worker, stream)),
      layers,
      has: (kind, layer) =>
        kind === 'audio' ? broadcast?.audio === true : layer === 0 && !!broadcast?.video,
      isActive,
      mediaBps: () => this.#mediaBps,
    });
  }
}
