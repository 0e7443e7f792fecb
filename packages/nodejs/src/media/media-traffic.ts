/**
 * What all media links of a relay have carried: each link counts for itself, and its counts are summed up when
 * somebody asks and when it closes. So the sums only grow, and a packet costs no more than its own link's counters.
 */

import type { IncomingTraffic, MediaTraffic, OutgoingTraffic } from '../relay-metrics.ts';
import type { SinkStats } from './sink-stats.ts';

/** What one link has carried so far. */
export interface LinkTraffic {
  readonly sources?: readonly Readonly<IncomingTraffic>[];
  readonly sinks?: readonly SinkStats[];
}

type CountedSink = Pick<SinkStats, 'packets' | 'bytes' | 'resent' | 'nacks' | 'pictureLosses'> & {
  readonly drops: Readonly<Record<string, number>>;
};

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

/** Adds what many links have carried to `sum`, in place. */
export function addTotals(sum: MediaTraffic, { incoming, outgoing }: MediaTraffic): void {
  addSource(sum.incoming, incoming);
  addSink(sum.outgoing, { ...outgoing, pictureLosses: outgoing.keyFrameRequests });
}

/** @returns The sum of all. */
export function totalTraffic(parts: Readonly<Record<string, MediaTraffic>>): MediaTraffic {
  const sum = noTraffic();
  for (const part of Object.values(parts)) addTotals(sum, part);
  return sum;
}

/** @returns A copy that {@link addTraffic} can add to. */
export function copyTraffic({ incoming, outgoing }: MediaTraffic): MediaTraffic {
  return {
    incoming: { ...incoming, drops: { ...incoming.drops } },
    outgoing: { ...outgoing, drops: { ...outgoing.drops } },
  };
}

function addSource(sum: IncomingTraffic, stats: Readonly<IncomingTraffic>): void {
  sum.packets += stats.packets;
  sum.bytes += stats.bytes;
  sum.keyFrames += stats.keyFrames;
  sum.nacks += stats.nacks;
  sum.keyFrameRequests += stats.keyFrameRequests;
  addDrops(sum.drops, stats.drops);
}

function addSink(sum: OutgoingTraffic, stats: CountedSink): void {
  sum.packets += stats.packets;
  sum.bytes += stats.bytes;
  sum.resent += stats.resent;
  sum.nacks += stats.nacks;
  sum.keyFrameRequests += stats.pictureLosses;
  addDrops(sum.drops, stats.drops);
}

function addDrops(sum: Record<string, number>, drops: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(drops)) sum[reason] = (sum[reason] ?? 0) + count;
}
