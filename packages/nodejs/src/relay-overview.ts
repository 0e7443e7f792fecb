/**
 * What a relay shows to whoever operates it: its channels, and for one of them all that it knows of the tree. Peers are
 * named by their ids; where they are is nobody's business.
 */

/** Pages and headless relays. */
type PeerKind = 'browser' | 'headless';

/** How a link to a viewer does. */
export interface LinkQuality {
  /** Milliseconds; `null` until measured. */
  readonly rttMs: number | null;
  /** Packets lost between the last two reports of the viewer, 0 to 1, of the worst stream; `null` before a report. */
  readonly lossShare: number | null;
  /** The largest layer of the video that it is sent, 0 the largest of all; `null`: none. */
  readonly layer: number | null;
  /** The highest temporal layer that its link was found to carry, -1 for no pictures; `null`: no video. */
  readonly temporalLayer: number | null;
}

/** One channel, as a line of a list. */
export interface ChannelOverview {
  readonly channel: string;
  readonly title: string;
  /** Whether somebody broadcasts it, here or elsewhere. */
  readonly live: boolean;
  /** Where the broadcast comes in: from its streamer's page, from a WHIP publisher, or from another peer of its tree. */
  readonly origin: 'streamer' | 'publisher' | 'peer' | 'none';
  /** The peer that this relay has it from; `null` while there is none. */
  readonly parent: string | null;
  /** Links between the streamer and this relay, 1 where a publisher's broadcast begins; `null` while it has no place in the tree. */
  readonly depth: number | null;
  /** When the broadcast began, milliseconds since 1970 by the streamer's clock; `null` without a record. */
  readonly startedAt: number | null;
  /** At and below this relay. */
  readonly viewers: number;
  /** Children and players that are sent media. */
  readonly served: number;
  /** Of them, WHEP players. */
  readonly players: number;
  readonly video: 'vp8' | 'h264' | null;
  readonly audio: boolean;
  /** Simulcast layers of the video. */
  readonly layers: number;
  /** Of RTP that came in over the sources of the moment: it falls back when one is replaced. */
  readonly receivedBytes: number;
}

/** Another relay, as it told of itself. */
export interface OtherRelay {
  readonly peerId: string;
  readonly viewers: number;
  readonly maxViewers: number;
  /** Channels that it has from their streamers. */
  readonly channels: number;
  readonly heardMsAgo: number;
  /** Whether a connection to it is open. */
  readonly isConnected: boolean;
}

export interface RelayOverview {
  /** The most viewed first, at most {@link MAX_SHOWN_CHANNELS}. */
  readonly channels: readonly ChannelOverview[];
  /** Channels beyond those. */
  readonly moreChannels: number;
  /** At most {@link MAX_SHOWN_RELAYS}. */
  readonly relays: readonly OtherRelay[];
}

export interface TreeParent {
  readonly peerId: string;
  readonly kind: PeerKind;
  /** `active`: it delivers; `standby`: it is connected and waits. */
  readonly role: 'active' | 'standby' | 'connecting';
  readonly rttMs: number | null;
  /** Packets of the last seconds that did not come, 0 to 1; `null` while too few came to tell. */
  readonly lossShare: number | null;
}

export interface TreeChild extends LinkQuality {
  /** `null` for WHEP players, which are no peers. */
  readonly peerId: string | null;
  readonly kind: PeerKind | 'player';
  readonly role: 'active' | 'standby';
  /** At and below it. */
  readonly viewers: number;
}

/** A peer that has told of free slots. */
export interface TreeOffer {
  readonly peerId: string;
  readonly kind: PeerKind;
  readonly depth: number;
  readonly freeSlots: number;
  /** Between the streamer and this peer. */
  readonly delayMs: number;
}

/** The tree of one channel as far as the relay knows it. */
export interface ChannelTree {
  readonly channel: string;
  readonly phase: 'idle' | 'root' | 'detached' | 'attached' | 'left';
  /** Short ids from the streamer to this relay, eight hexadecimal digits each. */
  readonly path: readonly string[];
  /** Between the streamer and this relay; `null` until measured. */
  readonly delayMs: number | null;
  readonly slots: number;
  readonly freeSlots: number;
  readonly searchingFor: 'parent' | 'standby' | 'better' | null;
  readonly parents: readonly TreeParent[];
  /** Those with the most viewers below them first, at most {@link MAX_SHOWN_CHILDREN}. */
  readonly children: readonly TreeChild[];
  readonly moreChildren: number;
  /** Whom the relay names to joiners, at most {@link MAX_SHOWN_OFFERS}. */
  readonly offers: readonly TreeOffer[];
  readonly moreOffers: number;
}

export const MAX_SHOWN_CHANNELS = 200;
export const MAX_SHOWN_RELAYS = 100;
export const MAX_SHOWN_CHILDREN = 2_000;
export const MAX_SHOWN_OFFERS = 100;
