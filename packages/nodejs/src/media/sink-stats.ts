/** What one stream to one viewer has carried, and what became of the rest. */

import type { ReportBlock } from './rtcp-packet.ts';

/**
 * `not-open`: before the link was up. `waiting`: before the key frame that the viewer can start at. `early`: belongs
 * before the viewer's start. `limited`: more than the viewer's link carries. `send-failed`: the socket or the closed track refused it.
 * `nack-stale`: asked for again too late to be of use.
 */
export type SinkDrop =
  | 'not-open'
  | 'waiting'
  | 'early'
  | 'limited'
  | 'send-failed'
  | 'nack-unknown'
  | 'nack-repeated'
  | 'nack-exhausted'
  | 'nack-stale'
  | 'nack-old';

export interface SinkStats {
  readonly packets: number;
  readonly bytes: number;
  /** Bytes that a limit left out. */
  readonly leftOutBytes: number;
  /** The highest temporal layer that passes; -1 while no video does. */
  readonly temporalLayer: number;
  readonly resent: number;
  /** Packets that the viewer asked for again, in all its NACKs. */
  readonly nacks: number;
  readonly pictureLosses: number;
  readonly report: ReportBlock | null;
  readonly roundTripMs: number | null;
  readonly drops: Readonly<Record<SinkDrop, number>>;
}

/** @returns Counters to count up. */
export function noDrops(): Record<SinkDrop, number> {
  return {
    'not-open': 0,
    waiting: 0,
    early: 0,
    limited: 0,
    'send-failed': 0,
    'nack-unknown': 0,
    'nack-repeated': 0,
    'nack-exhausted': 0,
    'nack-stale': 0,
    'nack-old': 0,
  };
}
