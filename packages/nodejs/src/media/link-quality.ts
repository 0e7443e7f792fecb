/** How a link to a viewer does: what its receiver reports, and what it is sent. */

import type { LinkQuality } from '../relay-overview.ts';
import type { RtpSink } from './rtp-sink.ts';

/**
 * @param sinks - All streams of one link.
 * @param roundTripMs - By the link itself; without it the receiver's reports tell.
 */
export function linkQuality(sinks: Iterable<RtpSink>, roundTripMs: number | null = null): LinkQuality {
  let rttMs = roundTripMs;
  let lossShare: number | null = null;
  let layer: number | null = null;
  let temporalLayer: number | null = null;
  for (const sink of sinks) {
    if (sink.report !== null) lossShare = Math.max(lossShare ?? 0, sink.report.fractionLost);
    if (roundTripMs === null && sink.roundTripMs !== null) rttMs = Math.max(rttMs ?? 0, sink.roundTripMs);
    // Layer 0 is the largest.
    if (sink.key.kind !== 'video' || sink.state === 'closed' || sink.key.layer >= (layer ?? Infinity))
      continue;
    layer = sink.key.layer;
    temporalLayer = sink.temporalLayer;
  }
  return { rttMs, lossShare, layer, temporalLayer };
}
