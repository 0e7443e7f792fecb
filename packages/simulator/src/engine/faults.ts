/** What goes wrong on purpose. */

import { EVENT } from './events.ts';
import { depart, expireAt, loseChild, loseContact } from './exits.ts';
import type { Link } from './link.ts';
import { linkChanged } from './media.ts';
import { CONSENT_MS } from './physics.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

/** This share of the viewers leaves at one instant, without a word. */
export function exodus(world: World, share: number): void {
  for (const peer of world.peers) {
    if (peer.isAlive && peer.isViewer && world.chance.next() < share) depart(world, peer, 'abrupt');
  }
}

/** Live relays that are to die: this share of them, at least one, never all. */
export function doomedRelays(world: World, share: number): SimPeer[] {
  const live = world.relays.filter(({ isAlive }) => isAlive);
  const count = Math.min(live.length - 1, Math.max(1, Math.round(live.length * share)));
  const doomed: SimPeer[] = [];
  while (doomed.length < count) {
    const [relay] = live.splice(world.chance.below(live.length), 1);
    if (relay !== undefined) doomed.push(relay);
  }
  return doomed;
}

/** Regions that are not the streamer's. */
export function farRegions(world: World, count: number): number[] {
  const home = world.streamer.traits.region;
  const others = Array.from({ length: world.latency.regions }, (_, region) => region).filter(
    (each) => each !== home,
  );
  while (others.length > count) others.splice(world.chance.below(others.length), 1);
  return others;
}

/** Nothing passes between these regions and the others from here on. */
export function cut(world: World, regions: readonly number[]): void {
  const crossing = crossingLinks(world, regions);
  world.setCut(regions);
  for (const link of crossing) {
    loseChild(world, link);
    if (link.parentEnd === 'up') expireAt(world, link, link.parent, world.now + link.delayMs + CONSENT_MS);
    linkChanged(world, link);
  }
  for (const relay of world.relays) {
    if (relay.isAlive) loseContact(world, relay, (peer) => peer.isAlive && !world.isSameSide(peer, relay));
  }
}

/** The cut is over. */
export function heal(world: World, regions: readonly number[]): void {
  world.setCut([]);
  for (const link of crossingLinks(world, regions)) {
    linkChanged(world, link);
    world.queue.add(world.now + link.delayMs, EVENT.heard, link.child.index, 0, link);
  }
}

function crossingLinks(world: World, regions: readonly number[]): Link[] {
  const isInside = ({ traits }: SimPeer): boolean => regions.includes(traits.region);
  return world.peers.flatMap((peer) =>
    [...peer.up.values()].filter(({ parent, child }) => isInside(parent) !== isInside(child)),
  );
}
