/**
 * What a peer of the tree is told, and what it wants done. A neighbour is named by its PeerId: there is at most one
 * link between two peers, and its direction is who asked.
 */

import type { ControlMessage, Farewell, LinkState } from '../control-messages.ts';
import type { ParentCandidate, PeerKind, Refusal } from '../link-messages.ts';
import type { OfferedCandidate, Offer, Standing } from '../standing.ts';
import type { PeerId } from '../peer-id.ts';

/** What a joiner says of itself to the parent that it asks. */
export interface TreeJoin {
  readonly kind: PeerKind;
  /** Its own path as it travels; empty while detached. */
  readonly path: Uint8Array;
  /** Whether it wants no media until it says `activate`. */
  readonly standby: boolean;
  readonly slots: number;
  readonly ageS: number;
  /** Layers that it wants, as bits. */
  readonly layers: number;
}

/** What became of a join. */
export type JoinAnswer =
  | { readonly type: 'accepted'; readonly kind: PeerKind }
  | { readonly type: 'refused'; readonly reason: Refusal; readonly retryAfterMs: number }
  | { readonly type: 'redirected'; readonly parents: readonly ParentCandidate[] }
  /** No answer, or a malformed one. */
  | { readonly type: 'failed' };

/** What passes the control channel between two cores. Key frames and the clock are the link's own affair. */
export type TreeMessage = Extract<
  ControlMessage,
  { type: 'activate' | 'pause' | 'addresses' | 'recommend' | 'invite' | 'drain' | 'redirect' }
>;

/** How the peer is connected; what costs its owner money serves nobody unasked. */
export type NetworkType = 'unmetered' | 'metered' | 'mobile';

export type TreeInput =
  /** Look for a place in the tree. */
  | { readonly type: 'start' }
  /** The streamer's own: the broadcast begins, or begins anew with a higher epoch. */
  | { readonly type: 'broadcast'; readonly epoch: number }
  /** Viewers that this peer serves outside the tree; they count as its own. */
  | { readonly type: 'audience'; readonly viewers: number }
  /**
   * One directory's answer; none when it failed. `isLast`: no other directory is waited for, so that the search need
   * not wait longer than for its probes.
   */
  | { readonly type: 'found'; readonly candidates: readonly OfferedCandidate[]; readonly isLast?: boolean }
  /**
   * Somebody who can be believed, such as the streamer that announces itself, is a better parent than any: it is asked
   * at once, whatever happened before.
   */
  | { readonly type: 'named'; readonly parents: readonly ParentCandidate[] }
  | {
      readonly type: 'probed';
      readonly peerId: PeerId;
      readonly rttMs: number;
      readonly standing: Standing | null;
    }
  /** What the peer that was asked for a place said. */
  | { readonly type: 'answered'; readonly peerId: PeerId; readonly answer: JoinAnswer }
  /** Somebody asks for a place: exactly one effect `accept`, `refuse` or `redirect` follows. */
  | {
      readonly type: 'asked';
      readonly peerId: PeerId;
      readonly addresses: readonly string[];
      readonly join: TreeJoin;
      /** Whatever the slots say, there is no place here: the joiner is only sent on. */
      readonly isFull?: boolean;
    }
  /** The control channel of a link is open. */
  | { readonly type: 'linked'; readonly peerId: PeerId }
  /** A link is gone, or never came about. */
  | { readonly type: 'unlinked'; readonly peerId: PeerId; readonly farewell: Farewell | null }
  | { readonly type: 'state'; readonly peerId: PeerId; readonly state: LinkState }
  | { readonly type: 'message'; readonly peerId: PeerId; readonly message: TreeMessage }
  /** The first key frame since the link was activated came from this parent. */
  | { readonly type: 'flowing'; readonly peerId: PeerId }
  /** A parent that should deliver media does not, although its link is alive. */
  | { readonly type: 'starved'; readonly peerId: PeerId }
  | { readonly type: 'silent'; readonly peerId: PeerId }
  | { readonly type: 'revived'; readonly peerId: PeerId }
  /** What the host measured on a link; what it leaves out is as it was. */
  | ({ readonly type: 'measured'; readonly peerId: PeerId } & LinkMeasurement)
  /** Measured uplink of this peer, in bits per second. */
  | { readonly type: 'uplink'; readonly bps: number }
  /** Children that the owner allows from here on. */
  | { readonly type: 'allowed'; readonly children: number }
  /** Share of one processor core that this peer has in use, 0 to 1. */
  | { readonly type: 'processor'; readonly load: number }
  | { readonly type: 'network'; readonly network: NetworkType }
  /** Bits per second of the media that one child gets. */
  | { readonly type: 'bitrate'; readonly bps: number }
  /** The peer will be gone: its children should move. */
  | { readonly type: 'drain'; readonly withinMs: number }
  /** The peer goes. */
  | { readonly type: 'leave'; readonly reason: Farewell }
  | { readonly type: 'timeout' };

export interface LinkMeasurement {
  readonly rttMs?: number;
  /** What to add to the own clock to get the other end's. */
  readonly offsetMs?: number;
  /** Share of the frames sent that arrived in time, 0 to 1. */
  readonly receivedShare?: number;
  /** Share of the packets lost, 0 to 1. */
  readonly lossShare?: number;
  /** From capture to arrival over this parent. */
  readonly latencyMs?: number;
}

export type TreeEffect =
  /** Ask two directories, or all there are; each answers with `found`. */
  | { readonly type: 'seek'; readonly layers: number }
  | { readonly type: 'probe'; readonly candidate: ParentCandidate }
  | { readonly type: 'join'; readonly candidate: ParentCandidate; readonly join: TreeJoin }
  /** Decode and pass on this parent's media from now on; `null`: none is left. */
  | { readonly type: 'play'; readonly peerId: PeerId | null }
  | { readonly type: 'accept'; readonly peerId: PeerId; readonly standby: boolean; readonly layers: number }
  | {
      readonly type: 'refuse';
      readonly peerId: PeerId;
      readonly reason: Refusal;
      readonly retryAfterMs: number;
    }
  | { readonly type: 'redirect'; readonly peerId: PeerId; readonly parents: readonly ParentCandidate[] }
  /** Send this child media, or stop it. */
  | { readonly type: 'serve'; readonly peerId: PeerId; readonly isActive: boolean }
  /** Take in these layers, besides those that come already. */
  | { readonly type: 'fetch'; readonly layers: number }
  /** End a link, or an attempt at one. */
  | { readonly type: 'close'; readonly peerId: PeerId; readonly reason: Farewell }
  | { readonly type: 'send'; readonly peerId: PeerId; readonly message: TreeMessage }
  /** Tell this neighbour at once, and again every 5 s. */
  | { readonly type: 'advertise'; readonly peerId: PeerId; readonly state: LinkState }
  /** Tell the directories; `null`: no slot any more. */
  | { readonly type: 'report'; readonly offer: Offer | null };
