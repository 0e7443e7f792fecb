/** The media plane of a relay on node-datachannel: makes links, and limits how many are only half open. */

import { refusalCounter } from '@casto/host';
import type { Clock } from '@casto/host';
import type { RtcConfig } from 'node-datachannel';
import type { MediaLinks, PullOptions, ServeOptions } from '../media-links.ts';
import type { RelayLog } from '../relay-log.ts';
import type { LinkCounts, MediaTraffic } from '../relay-metrics.ts';
import { ClientTransport } from '../whip/client-transport.ts';
import type { ClientTransportOptions } from '../whip/client-transport.ts';
import { announceCandidates } from './announced-candidates.ts';
import { ChildLink } from './child-link.ts';
import { MediaLinkError } from './media-link-error.ts';
import { addTraffic, copyTraffic, noTraffic, totalTraffic } from './media-traffic.ts';
import { ParentLink } from './parent-link.ts';
import { holdSharedPort } from './shared-port.ts';
import type { SharedPort } from './shared-port.ts';

/**
 * Links that are not connected yet. Six hundred viewers who join within ten seconds, half a second each, make thirty;
 * each one costs 0.2 MB while it waits.
 */
const DEFAULT_MAX_CONNECTING = 200;
/** As in the rendered descriptions: the library stalls on much larger messages. */
const MAX_MESSAGE_BYTES = 64 * 1024;

export interface MediaLinksOptions {
  /** IP address to bind. */
  readonly host: string;
  /** UDP port that all links with pages share, free by now; absent: each link has a port of its own. */
  readonly mediaPort?: number;
  /** Addresses to tell instead of the own ones; names among them are ignored. */
  readonly announce?: readonly string[];
  readonly clock: Clock;
  readonly log?: RelayLog;
  readonly maxConnecting?: number;
  /** For a parent's encoders, over all layers of a link; with a value, more than twice as much ends the link. */
  readonly maxBitrateBps?: number;
}

/** Who is at the other end. Clients of WHIP and WHEP are no peers. */
export type LinkSide = 'parents' | 'children' | 'publishers' | 'players';

export interface NodeMediaLinks extends MediaLinks {
  pull(options: PullOptions): ChildLink;
  /** @throws {MediaLinkError} `too-many-connecting`. */
  serve(options: Omit<ServeOptions, 'streams'>): ParentLink;
  close(): void;
  /** A connection with a WHIP or WHEP client. @throws {MediaLinkError} `too-many-connecting`. */
  client(options: Pick<ClientTransportOptions, 'direction' | 'allowance'>): ClientTransport;
  /** What was refused or failed, by reason. */
  readonly counts: Readonly<Record<string, number>>;
  readonly open: number;
  readonly connecting: number;
  /** To parents: the relay is the child. */
  readonly parents: LinkCounts;
  readonly children: LinkCounts;
  /** Those who publish by WHIP and play by WHEP. */
  readonly publishers: LinkCounts;
  readonly players: LinkCounts;
  /** Over all links, those that are closed among them. */
  traffic(): MediaTraffic;
  /** The same by who is at the other end. One walk over all links. */
  trafficBySide(): Readonly<Record<LinkSide, MediaTraffic>>;
}

export function createMediaLinks(options: MediaLinksOptions): NodeMediaLinks {
  return new LinkFactory(options);
}

class LinkFactory implements NodeMediaLinks {
  readonly #options: MediaLinksOptions;
  readonly #counts = refusalCounter();
  readonly #links = new Set<AnyLink>();
  /** Of the links that are closed. */
  readonly #carried = {
    parents: noTraffic(),
    children: noTraffic(),
    publishers: noTraffic(),
    players: noTraffic(),
  };
  readonly #made = { parents: 0, children: 0, publishers: 0, players: 0 };
  readonly #port: SharedPort | null;
  #isClosed = false;

  constructor(options: MediaLinksOptions) {
    this.#options = options;
    const { mediaPort } = options;
    this.#port = mediaPort === undefined ? null : holdSharedPort(this.#config({ isShared: true }));
  }

  get counts(): Readonly<Record<string, number>> {
    return this.#counts.counts;
  }

  get open(): number {
    return this.#links.size;
  }

  get connecting(): number {
    let connecting = 0;
    for (const { state } of this.#links) if (state === 'connecting') connecting += 1;
    return connecting;
  }

  get parents(): LinkCounts {
    return this.#count('parents');
  }

  get children(): LinkCounts {
    return this.#count('children');
  }

  get publishers(): LinkCounts {
    return this.#count('publishers');
  }

  get players(): LinkCounts {
    return this.#count('players');
  }

  traffic(): MediaTraffic {
    return totalTraffic(this.trafficBySide());
  }

  trafficBySide(): Readonly<Record<LinkSide, MediaTraffic>> {
    const { parents, children, publishers, players } = this.#carried;
    const sums = {
      parents: copyTraffic(parents),
      children: copyTraffic(children),
      publishers: copyTraffic(publishers),
      players: copyTraffic(players),
    };
    for (const link of this.#links) addTraffic(sums[sideOf(link)], link.stats());
    return sums;
  }

  pull({ hub, layers, audio, video, fromRelay }: PullOptions): ChildLink {
    const { maxBitrateBps } = this.#options;
    return this.#open((shared) => {
      const config = this.#config({ isShared: !fromRelay });
      const wanted = { hub, layers, audio, video, ...(maxBitrateBps === undefined ? {} : { maxBitrateBps }) };
      return new ChildLink({ ...shared, ...wanted, config });
    });
  }

  serve({ hub, offer, layers, isActive = true }: Omit<ServeOptions, 'streams'>): ParentLink {
    this.#assertFewConnecting();
    return this.#open((shared) => {
      const config = this.#config({ isShared: true });
      return new ParentLink({ ...shared, hub, offer, layers, isActive, config });
    });
  }

  client(options: Pick<ClientTransportOptions, 'direction' | 'allowance'>): ClientTransport {
    this.#assertFewConnecting();
    return this.#open(
      (shared) => new ClientTransport({ ...shared, ...options, config: this.#config({ isShared: true }) }),
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const link of this.#links) link.close();
    this.#port?.close();
  }

  #count(side: LinkSide): LinkCounts {
    let [connecting, connected] = [0, 0];
    for (const link of this.#links) {
      if (sideOf(link) !== side) continue;
      if (link.state === 'connecting') connecting += 1;
      else connected += 1;
    }
    return { connecting, connected, made: this.#made[side] };
  }

  #assertFewConnecting(): void {
    if (this.connecting < (this.#options.maxConnecting ?? DEFAULT_MAX_CONNECTING)) return;
    this.#counts.count('too-many-connecting');
    throw new MediaLinkError('too-many-connecting', `${this.connecting} links are not connected yet`);
  }

  #open<Link extends AnyLink>(create: (shared: SharedOptions) => Link): Link {
    if (this.#isClosed) throw new MediaLinkError('closed', 'the relay is closing');
    const { clock, log, announce = [] } = this.#options;
    const link: Link = create({
      clock,
      counts: this.#counts,
      announce: (candidates) => announceCandidates(candidates, announce),
      onClosed: () => {
        if (this.#links.delete(link)) addTraffic(this.#carried[sideOf(link)], link.stats());
        log?.('debug', 'media-link-closed', { open: this.#links.size });
      },
    });
    this.#links.add(link);
    this.#made[sideOf(link)] += 1;
    log?.('debug', 'media-link-made', { open: this.#links.size });
    return link;
  }

  #config({ isShared }: { isShared: boolean }): RtcConfig {
    const { host, mediaPort } = this.#options;
    return {
      iceServers: [],
      disableAutoNegotiation: true,
      maxMessageSize: MAX_MESSAGE_BYTES,
      ...(isAnyAddress(host) ? {} : { bindAddress: host }),
      ...(isShared && mediaPort !== undefined
        ? { enableIceUdpMux: true, portRangeBegin: mediaPort, portRangeEnd: mediaPort }
        : {}),
    };
  }
}

type AnyLink = ChildLink | ParentLink | ClientTransport;

type SharedOptions = Pick<
  ConstructorParameters<typeof ParentLink>[0],
  'clock' | 'counts' | 'announce' | 'onClosed'
>;

function sideOf(link: AnyLink): LinkSide {
  if (link instanceof ClientTransport) return link.direction === 'RecvOnly' ? 'publishers' : 'players';
  return link instanceof ChildLink ? 'parents' : 'children';
}

function isAnyAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
