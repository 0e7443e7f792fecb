/** How peers go, and how silence is noticed. */

import type { TreeInput } from '@casto/core';
import { between } from './draws.ts';
import { EVENT } from './events.ts';
import { forgetLater } from './finding.ts';
import type { Link } from './link.ts';
import { setFed } from './media.ts';
import { CONSENT_MS, CONTACT_LOST_MS, FORGET_MS, SILENCE, STANDBY_SILENCE } from './physics.ts';
import type { SimPeer } from './sim-peer.ts';
import { stepPeer } from './stepping.ts';
import { dropEnd } from './wiring.ts';
import type { World } from './world.ts';

/** A peer goes: with a word to its neighbours, or without. */
export function depart(world: World, peer: SimPeer, manner: 'graceful' | 'abrupt'): void {
  if (!peer.isAlive) return;
  const isAbrupt = manner === 'abrupt';
  const lostBefore = world.viewersLost;
  const childrenFed = [...peer.down.values()].filter(({ child }) => child.isFed);
  peer.isAlive = false;
  peer.diedAt = world.now;
  peer.diedAbruptly = isAbrupt;
  world.books.settle(peer, world.now);
  if (!isAbrupt) stepPeer(world, peer, { type: 'leave', reason: 'leaving' });
  setFed(world, peer, false);
  // Nothing repairs the loss of the streamer but its return.
  const areOrphaned = isAbrupt && !peer.isStreamer;
  for (const { child } of childrenFed) if (areOrphaned && !child.isFed) child.orphanedAt = world.now;
  for (const link of [...peer.up.values(), ...peer.down.values()]) abandon(world, peer, link);
  forgetLater(world, peer, isAbrupt ? FORGET_MS : 0);
  if (peer.isRelay) closeDirectory(world, peer);
  peer.core = null;
  peer.playing = null;
  if (!peer.isViewer) return;
  world.emit({
    type: 'left',
    at: world.now,
    peer: peer.index,
    isAbrupt,
    disturbed: world.viewersLost - lostBefore,
  });
}

/** The other end of a link hears nothing any more. */
function abandon(world: World, peer: SimPeer, link: Link): void {
  const { parent } = link;
  if (peer === parent) loseChild(world, link);
  else expireAt(world, link, parent, world.now + link.delayMs + CONSENT_MS);
  dropEnd(world, link, peer);
}

/** The child's end of a link falls silent: it judges by what it could expect to hear. */
export function loseChild(world: World, link: Link): void {
  const { child, delayMs, jitterMs } = link;
  if (link.childEnd !== 'up') return;
  const { chance, now, queue } = world;
  const isExpected = link.isServed && link.hasFlowed;
  const silentAt = isExpected
    ? now +
      delayMs +
      Math.max(SILENCE.floorMs, SILENCE.jitters * jitterMs) +
      between(chance, 0, SILENCE.lookMs)
    : now + delayMs + between(chance, STANDBY_SILENCE.leastMs, STANDBY_SILENCE.mostMs);
  queue.add(silentAt, EVENT.silence, child.index, 0, link);
  expireAt(world, link, child, isExpected ? silentAt + CONSENT_MS : now + delayMs + CONSENT_MS);
}

/** This end finds that the link is lost, unless it is heard again before. */
export function expireAt(world: World, link: Link, peer: SimPeer, at: number): void {
  const other = peer === link.child ? link.parent : link.child;
  const input: TreeInput = { type: 'unlinked', peerId: other.id, farewell: null };
  world.queue.add(at, EVENT.expired, peer.index, 0, link, input);
}

/** Whether the two ends hear of each other. */
export function isHeard(world: World, { child, parent, childEnd, parentEnd }: Link): boolean {
  return (
    child.isAlive &&
    parent.isAlive &&
    childEnd === 'up' &&
    parentEnd === 'up' &&
    world.isSameSide(child, parent)
  );
}

/** A relay is gone: whoever held a stream to it looks for another. */
function closeDirectory(world: World, relay: SimPeer): void {
  relay.directory = null;
  loseContact(world, relay, (peer) => peer.isAlive);
}

/** Those of the relay's peers who are meant find out that it does not answer. */
export function loseContact(world: World, relay: SimPeer, isMeant: (peer: SimPeer) => boolean): void {
  for (const peer of world.peers) {
    if (!peer.contacts.includes(relay) || !isMeant(peer)) continue;
    const atMs = CONTACT_LOST_MS + world.delayMs(peer, relay);
    world.queue.add(world.now + atMs, EVENT.contactLost, peer.index, relay.index);
  }
}
