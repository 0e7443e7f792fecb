/** What a child measures of the media that its parent sends. */

import { EVENT } from './events.ts';
import type { Link } from './link.ts';
import { BITRATE_BPS, MEDIA_OVERHEAD, POOR_SHARE, SAMPLE } from './physics.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

/** Share of the frames that the child gets in time. */
export function receivedShare({ parent, lossShare }: Link): number {
  const needBps = parent.served * BITRATE_BPS * MEDIA_OVERHEAD;
  const uplinkShare = needBps === 0 ? 1 : Math.min(1, parent.traits.uplinkBps / needBps);
  const lieShare = parent.traits.lie === 'half' ? 0.5 : 1;
  // Retransmission brings back nearly all; of heavy loss some comes too late.
  return uplinkShare * lieShare * (1 - lossShare / 2);
}

export function isPoor(link: Link): boolean {
  return receivedShare(link) < POOR_SHARE;
}

/** Sets a look at the reception on this link, unless one is set already. */
export function expectSample(world: World, link: Link, occasion: 'first' | 'changed' | 'again'): void {
  if (link.isSampleDue) return;
  link.isSampleDue = true;
  const isFirst = occasion === 'first' && !isPoor(link);
  const afterMs = occasion === 'again' ? SAMPLE.againMs : isFirst ? SAMPLE.firstMs : SAMPLE.changedMs;
  world.queue.add(world.now + afterMs, EVENT.sample, link.child.index, link.activation, link);
}

/** The parent's uplink has become too small, or large enough again. */
export function expectSamples(world: World, parent: SimPeer): void {
  for (const link of parent.down.values()) if (link.hasFlowed) expectSample(world, link, 'changed');
}

/** What the core is told of the path below this link, in milliseconds from the streamer. */
export function latencyMs(link: Link): number {
  return pathDelayMs(link.parent) + link.parent.hopMs + link.delayMs;
}

/** Longer ways are loops. */
const MOST_HOPS = 1_000;

/** What the links and the peers of the way from the streamer take; 0 at the streamer. */
export function pathDelayMs(bottom: SimPeer): number {
  let sumMs = 0;
  let at = bottom;
  for (let hops = 0; at.playing !== null && hops < MOST_HOPS; hops++) {
    const { parent, delayMs } = at.playing;
    sumMs += delayMs + parent.hopMs;
    at = parent;
  }
  return sumMs;
}
