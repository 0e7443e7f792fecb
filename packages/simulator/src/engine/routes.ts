/** The way of a message between two peers that have no connection to each other: over relays that both hold. */

import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

export interface Route {
  /** One way. */
  readonly ms: number;
  /** Relays that pass it on, in the order of the way there. */
  readonly via: readonly SimPeer[];
}

const NO_RELAY: readonly SimPeer[] = [];

/**
 * A relay, and a peer that is linked already, are reached directly. Others are reached over a relay that both hold a
 * stream to, else over one of each. `null`: the message is lost on the way.
 */
export function routeBetween(world: World, from: SimPeer, to: SimPeer): Route | null {
  if (to.isRelay || isLinked(from, to) || to.contacts.includes(from)) {
    return world.isSameSide(from, to) ? { ms: world.messageMs(from, to), via: NO_RELAY } : null;
  }
  const common = nearestCommon(world, from, to);
  if (common !== null) return over(world, from, to, [common]);
  const [first] = from.isRelay ? [from] : from.contacts;
  const [last] = to.contacts;
  if (first === undefined || last === undefined) return null;
  return over(world, from, to, first === from ? [last] : [first, last]);
}

function isLinked(a: SimPeer, b: SimPeer): boolean {
  const link = a.up.get(b.index) ?? a.down.get(b.index);
  return link !== undefined && link.childEnd === 'up' && link.parentEnd === 'up';
}

function nearestCommon(world: World, from: SimPeer, to: SimPeer): SimPeer | null {
  let nearest: SimPeer | null = null;
  let leastMs = Infinity;
  for (const relay of from.contacts) {
    if (!to.contacts.includes(relay)) continue;
    const ms = world.delayMs(from, relay) + world.delayMs(relay, to);
    if (ms >= leastMs) continue;
    nearest = relay;
    leastMs = ms;
  }
  return nearest;
}

function over(world: World, from: SimPeer, to: SimPeer, via: readonly SimPeer[]): Route | null {
  let ms = 0;
  let at = from;
  for (const next of [...via, to]) {
    // Of a relay's end its peers do not know at once, and send what they have into nothing.
    if (!world.isSameSide(at, next) || (next.isRelay && !next.isAlive)) return null;
    ms += world.messageMs(at, next);
    at = next;
  }
  return { ms, via };
}
