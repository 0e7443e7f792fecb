/** What a survey is told, and what it wants done (PROTOCOL.md, K11). */

import type { PeerKind } from '../link-messages.ts';
import type { PeerId } from '../peer-id.ts';
import type { Picture, SurveyMessage } from './survey-messages.ts';

/** A child that is sent media. */
export interface SurveyChild {
  readonly peerId: PeerId;
  readonly kind: PeerKind;
  /** `null` until measured. */
  readonly rttMs: number | null;
  /** At and below it. */
  readonly viewers: number;
}

/** Where a peer stands just now. */
export interface SurveyPlace {
  readonly kind: PeerKind;
  /** Whether the broadcast comes into the tree here. */
  readonly isRoot: boolean;
  /** Hops from the streamer; `null` while detached. */
  readonly depth: number | null;
  /** Whose media it has; `null` while there is none. */
  readonly parent: PeerId | null;
  /** Of the link to that parent; `null` until measured. */
  readonly rttMs: number | null;
  /** Of the media that it receives; `null` until measured, and for the streamer. */
  readonly bitrateBps: number | null;
  /** At and below it. */
  readonly viewers: number;
  readonly children: readonly SurveyChild[];
}

export type SurveyInput =
  /** Somebody here looks at the tree, or nobody does any more. */
  | { readonly type: 'watch'; readonly isWatching: boolean }
  | {
      readonly type: 'received';
      readonly from: PeerId;
      /** What the other end is on this link. */
      readonly role: 'parent' | 'child';
      readonly message: SurveyMessage;
    }
  /** The link to a neighbour is gone. */
  | { readonly type: 'gone'; readonly peerId: PeerId }
  | { readonly type: 'timeout'; readonly place: SurveyPlace };

export type SurveyEffect =
  | { readonly type: 'send'; readonly to: PeerId; readonly message: SurveyMessage }
  /** For whoever looks here. */
  | { readonly type: 'picture'; readonly picture: Picture }
  /** A neighbour said what cannot be a tree. */
  | { readonly type: 'refused'; readonly message: 'branch' | 'picture' };
