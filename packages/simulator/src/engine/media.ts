/**
 * Where media flows. A peer is fed while the link that it plays carries pictures: the link is up, its parent serves it
 * and is fed itself. Every change is passed down the tree at once, so that the books are true at every instant; a
 * branch hears of it later by its own means.
 */

import { EVENT } from './events.ts';
import type { Link } from './link.ts';
import { BITRATE_BPS, FIRST_PICTURE_MS, MEDIA_OVERHEAD, STARVED_MS, UPLINK } from './physics.ts';
import { expectSample, expectSamples } from './reception.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

/** Sends the child of this link media from here on, or no more. */
export function setServed(world: World, link: Link, isServed: boolean): void {
  if (link.isServed === isServed) return;
  world.books.changePace(link, world.now);
  link.isServed = isServed;
  link.activation++;
  link.hasFlowed = false;
  link.isFlowDue = false;
  link.lastSample = null;
  linkChanged(world, link);
}

/** Whether pictures leave the parent on this link and reach the other end. */
export function isCarrying(world: World, link: Link): boolean {
  const { parent, child } = link;
  if (!link.isServed || link.parentEnd !== 'up' || !parent.isFed || parent.traits.lie === 'mute')
    return false;
  return parent.isAlive && world.isSameSide(parent, child);
}

/** Something on which the flow over this link depends has changed. */
export function linkChanged(world: World, link: Link): void {
  count(world, link);
  if (!link.hasFlowed && !link.isFlowDue && isCarrying(world, link)) {
    link.isFlowDue = true;
    const afterMs = link.delayMs + link.parent.hopMs + FIRST_PICTURE_MS;
    world.queue.add(world.now + afterMs, EVENT.flow, link.child.index, link.activation, link);
  }
  if (link.child.playing === link) refresh(world, link.child);
}

/** The first picture of an activation would arrive here. @returns Whether it does. */
export function pictureArrives(world: World, link: Link, activation: number): boolean {
  if (link.activation !== activation || link.childEnd !== 'up') return false;
  link.isFlowDue = false;
  if (!isCarrying(world, link)) return false;
  link.hasFlowed = true;
  if (link.child.playing === link) refresh(world, link.child);
  expectSample(world, link, 'first');
  return true;
}

/** The peer plays another link, or none. */
export function setPlaying(world: World, peer: SimPeer, link: Link | null): void {
  const before = peer.playing;
  if (before === link) return;
  const wasFed = peer.isFed;
  // Two peers below each other would feed each other for ever.
  if (link !== null && wasFed && isDescendant(link.parent, peer)) setFed(world, peer, false);
  peer.playing = link;
  refresh(world, peer);
  if (wasFed && peer.isFed && before !== null && peer.isViewer) {
    world.emit({ type: 'moved', at: world.now, peer: peer.index });
  }
}

/** Works out anew whether the peer has media. */
export function refresh(world: World, peer: SimPeer): void {
  if (peer.isStreamer) return;
  const { playing } = peer;
  const isPlaying = peer.isAlive && playing !== null && playing.hasFlowed && playing.childEnd === 'up';
  setFed(world, peer, isPlaying && isCarrying(world, playing));
}

export function setFed(world: World, peer: SimPeer, isFed: boolean): void {
  if (peer.isFed === isFed) return;
  settleMedia(peer, world.now);
  peer.isFed = isFed;
  if (isFed) noteFed(world, peer);
  else noteHungry(world, peer);
  for (const link of peer.down.values()) if (link.isServed) linkChanged(world, link);
}

function noteFed(world: World, peer: SimPeer): void {
  const { now, books, queue } = world;
  const { index } = peer;
  const tookMs = now - peer.hungrySince;
  if (peer.served > 0) books.keptAlive(peer, tookMs);
  peer.hasSought = false;
  if (!peer.wasEverFed && canServe(peer)) queue.add(now + UPLINK.firstMs, EVENT.uplink, index);
  if (peer.isViewer) {
    world.emit({ type: peer.wasEverFed ? 'resumed' : 'joined', at: now, peer: index, tookMs });
  }
  peer.wasEverFed = true;
  if (peer.orphanedAt < 0) return;
  const by = peer.playing !== null && peer.playing.upAt < peer.orphanedAt ? 'standby' : 'search';
  world.emit({ type: 'repaired', at: now, peer: index, tookMs: now - peer.orphanedAt, by });
  peer.orphanedAt = -1;
}

/** Whoever cannot serve anyone does not measure what it could send. */
function canServe({ isViewer, traits }: SimPeer): boolean {
  return isViewer && !traits.isMobile && traits.maxChildren > 0;
}

function noteHungry(world: World, peer: SimPeer): void {
  const { now, queue } = world;
  peer.hungrySince = now;
  peer.losses++;
  if (!peer.isAlive) return;
  if (peer.isViewer) world.viewersLost++;
  queue.add(now + STARVED_MS, EVENT.starve, peer.index, peer.losses);
}

/** Whether `peer` is `above`, or gets its media by way of it. */
export function isDescendant(peer: SimPeer, above: SimPeer): boolean {
  let behind = peer;
  let at: SimPeer | undefined = peer;
  for (let hops = 1; at !== undefined; hops++) {
    if (at === above) return true;
    at = at.playing?.parent;
    // A loop that does not pass `above` is noticed by one who walks behind at half the pace and is met in it.
    if (hops % 2 === 0) behind = behind.playing?.parent ?? behind;
    if (at === behind) return false;
  }
  return false;
}

/** Keeps the number of children that are sent media. */
function count(world: World, link: Link): void {
  const isCounted = link.isServed && link.parentEnd === 'up';
  if (link.isCounted === isCounted) return;
  const { parent } = link;
  link.isCounted = isCounted;
  settleMedia(parent, world.now);
  const wasOverfull = isOverfull(parent);
  parent.served += isCounted ? 1 : -1;
  if (isOverfull(parent) !== wasOverfull) expectSamples(world, parent);
}

function isOverfull({ served, traits }: SimPeer): boolean {
  return served * BITRATE_BPS * MEDIA_OVERHEAD > traits.uplinkBps;
}

/** Sums up the media sent, before anything changes on which it depends. */
function settleMedia(peer: SimPeer, now: number): void {
  peer.mediaChildMs = mediaChildMs(peer, now);
  peer.mediaSince = now;
}

/** Milliseconds of media that the peer has sent, each child counted. */
export function mediaChildMs(peer: SimPeer, now: number): number {
  const isSending = peer.isFed && peer.isAlive && peer.traits.lie !== 'mute';
  return peer.mediaChildMs + (isSending ? (now - peer.mediaSince) * peer.served : 0);
}
