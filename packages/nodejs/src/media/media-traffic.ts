/**
 * What all media links of a relay have carried: each link counts for itself, and its counts are summed up when
 * somebody asks and when it closes. So the sums only grow, and a packet costs no more than its own link's counters.
 */

import type { SinkDrop, SinkStats } from './rtp-sink.ts';
import type { SourceDrop, SourceStats } from './rtp-source.ts';

/** From parents. */
export interface IncomingTraffic {
  packets: number;
  /** RTP headers and payloads, without SRTP, UDP and IP. */
  bytes: number;
  keyFrames: number;
  /** Packets that parents were asked to send again (RFC 4585, section 6.2.1), repeated requests among them. */
  nacks: number;
  /** PLI and FIR sent (RFC 4585, section 6.3.1; RFC 5104, section 4.3.1). */
  keyFrameRequests: number;
  readonly drops: Partial<Record<SourceDrop, number>>;
}

/** To children. */
export interface OutgoingTraffic {
  /** Without those that were sent again. */
  packets: number;
  bytes: number;
  /** Packets that were sent again because a child asked for them. */
  resent: number;
  /** Packets that children asked for again. */
  nacks: number;
  /** PLI and FIR received. */
  keyFrameRequests: number;
  readonly drops: Partial<Record<SinkDrop, number>>;
}

export interface MediaTraffic {
  readonly incoming: IncomingTraffic;
  readonly outgoing: OutgoingTraffic;
}

/** What one link has carried so far. */
export interface LinkTraffic {
  readonly sources?: readonly SourceStats[];
  readonly sinks?: readonly SinkStats[];
}

export function noTraffic(): MediaTraffic {
  return {
    incoming: { packets: 0, bytes: 0, keyFrames: 0, nacks: 0, keyFrameRequests: 0, drops: {} },
    outgoing: { packets: 0, bytes: 0, resent: 0, nacks: 0, keyFrameRequests: 0, drops: {} },
  };
}

/** Adds what a link has carried to `sum`, in place. */
export function addTraffic(sum: MediaTraffic, { sources = [], sinks = [] }: LinkTraffic): void {
  for (const source of sources) addSource(sum.incoming, source);
  for (const sink of sinks) addSink(sum.outgoing, sink);
}

/** @returns A copy that {@link addTraffic} can add to. */
export function copyTraffic({ incoming, outgoing }: MediaTraffic): MediaTraffic {
  return {
    incoming: { ...incoming, drops: { ...incoming.drops } },
    outgoing: { ...outgoing, drops: { ...outgoing.drops } },
  };
}

function addSource(sum: IncomingTraffic, stats: SourceStats): void {
  sum.packets += stats.packets;
  sum.bytes += stats.bytes;
  sum.keyFrames += stats.keyFrames;
  sum.nacks += stats.nacks;
  sum.keyFrameRequests += stats.keyFrameRequests;
  addDrops(sum.drops, stats.drops);
}

function addSink(sum: OutgoingTraffic, stats: SinkStats): void {
  sum.packets += stats.packets;
  sum.bytes += stats.bytes;
  sum.resent += stats.resent;
  sum.nacks += stats.nacks;
  sum.keyFrameRequests += stats.pictureLosses;
  addDrops(sum.drops, stats.drops);
}

function addDrops<Reason extends string>(
  sum: Partial<Record<Reason, number>>,
  drops: Readonly<Record<Reason, number>>,
): void {
  for (const reason in drops) sum[reason] = (sum[reason] ?? 0) + drops[reason];
}
