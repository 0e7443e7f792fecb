/** Links: how they are asked for, come up, carry messages, and end. */

import type { Farewell, JoinAnswer, LinkState, TreeInput, TreeJoin, TreeMessage } from '@casto/core';
import { EVENT } from './events.ts';
import { between, jitterMs, lossShare } from './draws.ts';
import { Link } from './link.ts';
import { linkChanged, refresh, setServed } from './media.ts';
import { controlBytes } from './message-sizes.ts';
import { HANDLING_MS, RETRANSMIT_DELAYS, SET_UP, SET_UP_TIMEOUT_MS } from './physics.ts';
import { routeBetween } from './routes.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

/** A peer asks another for a place. */
export function askForPlace(world: World, child: SimPeer, parent: SimPeer, join: TreeJoin): void {
  if (child.up.has(parent.index)) return world.noteOddity(child, 'join of a parent');
  if (child.down.has(parent.index)) world.noteOddity(child, 'join of a child');
  const { chance, books, queue } = world;
  const physics = {
    delayMs: world.delayMs(parent, child),
    lossShare: lossShare(chance),
    jitterMs: jitterMs(chance),
  };
  const link = new Link(parent, child, physics);
  child.up.set(parent.index, link);
  const bytes = books.sizes.join(join);
  books.sent(child, bytes);
  const route = routeBetween(world, child, parent);
  if (route === null) return;
  link.signalMs = route.ms;
  link.via = route.via;
  for (const relay of route.via) books.sent(relay, bytes);
  const { id: peerId, addresses } = child;
  const input: TreeInput = { type: 'asked', peerId, addresses, join };
  queue.add(world.now + route.ms, EVENT.asked, parent.index, 0, link, input);
}

/** The parent that is being asked gives the child a place. */
export function accept(world: World, parent: SimPeer, isStandby: boolean): void {
  const link = takeAsking(world, parent);
  if (link === null) return world.noteOddity(parent, 'accept of nobody');
  const { books, queue } = world;
  const before = parent.down.get(link.child.index);
  if (before !== undefined) dropEnd(world, before, parent);
  parent.down.set(link.child.index, link);
  link.parentEnd = 'connecting';
  setServed(world, link, !isStandby);
  books.sentCandidates(parent);
  reply(
    world,
    link,
    { type: 'accepted', kind: parent.isRelay ? 'headless' : 'browser' },
    books.sizes.accept(0),
  );
  queue.add(world.now + link.signalMs + SET_UP_TIMEOUT_MS, EVENT.setUpFailed, parent.index, 0, link);
}

/** The parent that is being asked says something else. */
export function answer(world: World, parent: SimPeer, said: JoinAnswer, bytes: number): void {
  const link = takeAsking(world, parent);
  if (link === null) return world.noteOddity(parent, `${said.type} to nobody`);
  link.parentEnd = 'gone';
  reply(world, link, said, bytes);
}

function takeAsking(world: World, parent: SimPeer): Link | null {
  const link = world.asking;
  world.asking = null;
  return link?.parent === parent ? link : null;
}

export function reply(world: World, link: Link, said: JoinAnswer, bytes: number): void {
  const { books, queue, now } = world;
  books.sent(link.parent, bytes);
  for (const relay of link.via) books.sent(relay, bytes);
  const input: TreeInput = { type: 'answered', peerId: link.parent.id, answer: said };
  queue.add(now + link.signalMs, EVENT.answered, link.child.index, 0, link, input);
}

/** The child knows that it is accepted, and the two connect; `failed` events tell those who cannot. */
export function connect(world: World, link: Link): void {
  const { child, parent, delayMs } = link;
  const { chance, queue, now, books } = world;
  books.sentCandidates(child);
  link.upAt = now;
  if (!world.canConnect(child, parent)) return failLater(world, link);
  const afterMs = SET_UP.roundTrips * 2 * delayMs + between(chance, SET_UP.leastMs, SET_UP.mostMs);
  queue.add(now + afterMs, EVENT.childUp, child.index, 0, link);
}

/** @returns Whether the child's end is up. */
export function childComesUp(world: World, link: Link): boolean {
  if (link.childEnd !== 'connecting') return false;
  const { child, parent } = link;
  if (!parent.isAlive || link.parentEnd === 'gone' || !world.canConnect(child, parent)) {
    failLater(world, link);
    return false;
  }
  link.childEnd = 'up';
  link.upAt = world.now;
  link.lastAtParent = world.now + link.delayMs + HANDLING_MS;
  world.queue.add(link.lastAtParent, EVENT.parentUp, parent.index, 0, link);
  return true;
}

/** @returns Whether the parent's end is up. */
export function parentComesUp(world: World, link: Link): boolean {
  if (link.parentEnd !== 'connecting' || !link.parent.isAlive) return false;
  link.parentEnd = 'up';
  world.books.linkIsUp(link, world.now);
  linkChanged(world, link);
  return true;
}

function failLater(world: World, link: Link): void {
  const at = Math.max(world.now, link.upAt + SET_UP_TIMEOUT_MS);
  world.queue.add(at, EVENT.setUpFailed, link.child.index, 0, link);
}

/** What one end says of itself from here on. */
export function advertise(world: World, peer: SimPeer, other: SimPeer, word: LinkState): void {
  peer.epoch = word.epoch;
  const link = linkOf(peer, other);
  if (link === undefined) return world.noteOddity(peer, 'advertise without a link');
  world.books.advertised(link, peer, word, world.now);
  deliver(world, peer, link, { type: 'state', peerId: peer.id, state: word });
}

export function sendMessage(world: World, peer: SimPeer, other: SimPeer, message: TreeMessage): void {
  const link = linkOf(peer, other);
  if (link === undefined) return world.noteOddity(peer, `${message.type} without a link`);
  world.books.sent(peer, controlBytes(message));
  deliver(world, peer, link, { type: 'message', peerId: peer.id, message });
}

function linkOf(peer: SimPeer, other: SimPeer): Link | undefined {
  return peer.up.get(other.index) ?? peer.down.get(other.index);
}

/** Sends an input to the other end, behind what was sent before. */
function deliver(world: World, peer: SimPeer, link: Link, input: TreeInput): void {
  const isChild = peer === link.child;
  if ((isChild ? link.childEnd : link.parentEnd) !== 'up')
    return world.noteOddity(
      peer,
      `${input.type === 'message' ? input.message.type : input.type} before the link is up`,
    );
  const other = isChild ? link.parent : link.child;
  const kind = input.type === 'unlinked' ? EVENT.unlinked : EVENT.linkInput;
  world.queue.add(arrivalAt(world, link, isChild), kind, other.index, 0, link, input);
}

function arrivalAt(world: World, link: Link, isToParent: boolean): number {
  const isLost = world.chance.next() < link.lossShare;
  const directMs = link.delayMs + HANDLING_MS + (isLost ? RETRANSMIT_DELAYS * link.delayMs : 0);
  const at = Math.max(world.now + directMs, isToParent ? link.lastAtParent : link.lastAtChild);
  if (isToParent) link.lastAtParent = at;
  else link.lastAtChild = at;
  return at;
}

/** One end closes the link, and the other hears of it if it can. */
export function closeLink(world: World, peer: SimPeer, link: Link, reason: Farewell): void {
  const isChild = peer === link.child;
  const other = isChild ? link.parent : link.child;
  const wasUp = (isChild ? link.childEnd : link.parentEnd) === 'up';
  if (wasUp) {
    world.books.sent(peer, world.books.sizes.bye);
    deliver(world, peer, link, { type: 'unlinked', peerId: peer.id, farewell: reason });
  } else {
    // There is no channel: the stream on which the link was asked for ends.
    const input: TreeInput = { type: 'unlinked', peerId: peer.id, farewell: null };
    world.queue.add(world.now + link.signalMs, EVENT.unlinked, other.index, 0, link, input);
  }
  dropEnd(world, link, peer);
}

/** The link is gone for this end, which forgets it. */
export function dropEnd(world: World, link: Link, peer: SimPeer): void {
  const { child, parent } = link;
  world.books.settleWord(link, peer, world.now);
  world.books.linkIsGone(link, world.now);
  if (peer === child) {
    link.childEnd = 'gone';
    if (child.up.get(parent.index) === link) child.up.delete(parent.index);
    if (child.playing === link) refresh(world, child);
    return;
  }
  link.parentEnd = 'gone';
  if (parent.down.get(child.index) === link) parent.down.delete(child.index);
  setServed(world, link, false);
  linkChanged(world, link);
}
