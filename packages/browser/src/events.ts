/** What a CASTO object tells while it runs. All are facts; `detail` holds what belongs to them. */

import type { CastoError } from './errors.ts';

/** What somebody has said to everybody on the channel. */
export interface CastoMessage {
  /** 32 hexadecimal digits; no two messages have the same. */
  readonly id: string;
  /** PeerId of whoever said it, proved by a signature. */
  readonly from: string;
  readonly fromStreamer: boolean;
  /** As it was given to `send()`: at most 1000 characters. Written by a stranger; treat it as such. */
  readonly data: string;
  /** Milliseconds since 1970 in the clock of this page, whatever the sender's clock says. */
  readonly sentAt: number;
  /** Whether this page said it. */
  readonly own: boolean;
}

export interface CastoEventMap {
  /** The broadcast runs: the streamer's reaches a relay, or the watched one has begun. */
  live: CustomEvent<{ channel: string }>;
  /** A viewer receives media, through this parent. */
  attached: CustomEvent<{ parent: string }>;
  /** A viewer receives media through another parent than before. */
  'parent-changed': CustomEvent<{ parent: string; previous: string }>;
  /** The number of viewers of the broadcast, as known here, has changed. */
  viewers: CustomEvent<{ count: number }>;
  /** Somebody, maybe this page, has said something to everybody on the channel. */
  message: CustomEvent<CastoMessage>;
  /** The broadcast is over. A viewer goes on when the streamer comes back. */
  ended: CustomEvent<{ channel: string }>;
  /** Something failed; what can be repaired goes on being repaired. */
  error: CustomEvent<CastoError>;
}

/** An EventTarget whose events are known by name. */
export interface EventTargetOf<Events> extends EventTarget {
  addEventListener<K extends keyof Events & string>(
    type: K,
    listener: (event: Events[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof Events & string>(
    type: K,
    listener: (event: Events[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** An EventTarget with the events of `CastoEventMap`. */
export type CastoEvents = EventTargetOf<CastoEventMap>;

/** How the roles report to the object that the page holds. */
export type Emit = <K extends keyof CastoEventMap>(type: K, detail: CastoEventMap[K]['detail']) => void;
