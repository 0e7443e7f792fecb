/** What happens when an event comes up. */

import type { TreeInput } from '@casto/core';
import { EVENT, type Payload } from './events.ts';
import { isHeard } from './exits.ts';
import { misjudged } from './draws.ts';
import {
  forgetArrives,
  isKnownGone,
  probeArrives,
  replaceContact,
  reportArrives,
  seekArrives,
} from './finding.ts';
import type { Link, LinkEnd } from './link.ts';
import { pictureArrives } from './media.ts';
import { HANDLING_MS, UPLINK } from './physics.ts';
import { expectSample, isPoor, latencyMs, receivedShare } from './reception.ts';
import type { SimPeer } from './sim-peer.ts';
import { stepPeer, timeoutDue } from './stepping.ts';
import { childComesUp, connect, dropEnd, parentComesUp } from './wiring.ts';
import type { World } from './world.ts';

/** Lets the event that was just taken from the queue happen. @returns Whether it was one of the world's own. */
export function dispatch(world: World): boolean {
  const { queue } = world;
  const { kind, index, serial, subject, message } = queue;
  if (kind === EVENT.arrive || kind === EVENT.depart || kind === EVENT.scene) return false;
  const peer = world.peer(index);
  if (kind === EVENT.timeout) timeoutDue(world, peer);
  else if (subject !== null) linkEvent(world, peer, subject, kind, serial, message);
  else peerEvent(world, peer, kind, serial, message);
  return true;
}

function linkEvent(
  world: World,
  peer: SimPeer,
  link: Link,
  kind: number,
  serial: number,
  message: Payload | null,
): void {
  switch (kind) {
    case EVENT.linkInput:
      return linkInput(world, peer, link, message);
    case EVENT.unlinked:
      return unlinked(world, peer, link, message);
    case EVENT.expired:
      if (!isHeard(world, link)) loseEnd(world, peer, link, message);
      return;
    case EVENT.asked:
      return asked(world, link, message);
    case EVENT.answered:
      return answered(world, link, message);
    case EVENT.childUp:
      if (childComesUp(world, link)) greet(world, link, peer);
      return;
    case EVENT.parentUp:
      if (parentComesUp(world, link)) greet(world, link, peer);
      return;
    case EVENT.setUpFailed:
      return setUpFailed(world, link, peer);
    case EVENT.flow:
      return flow(world, link, serial);
    case EVENT.silence:
      return silence(world, link);
    case EVENT.heard:
      return heard(world, link);
    case EVENT.sample:
      return sample(world, link, serial);
    default:
      throw new Error(`no link event: ${kind}`);
  }
}

function peerEvent(world: World, peer: SimPeer, kind: number, serial: number, message: Payload | null): void {
  switch (kind) {
    case EVENT.input:
      if (message?.type === 'found') found(world, peer, message);
      else if (message?.type === 'probed' || message?.type === 'broadcast' || message?.type === 'named')
        stepPeer(world, peer, message);
      return;
    case EVENT.starve:
      return starve(world, peer, serial);
    case EVENT.seek:
      if (message?.type === 'seek') seekArrives(world, peer, world.peer(serial), message.layers);
      return;
    case EVENT.report:
      if (message?.type === 'report') reportArrives(world, peer, world.peer(serial), message);
      return;
    case EVENT.forget:
      return forgetArrives(world, peer, world.peer(serial));
    case EVENT.probe:
      if (message?.type === 'trip') probeArrives(world, peer, world.peer(serial), message);
      return;
    case EVENT.contactLost:
      return replaceContact(world, peer, world.peer(serial));
    case EVENT.uplink:
      return measureUplink(world, peer);
    default:
      throw new Error(`no event: ${kind}`);
  }
}

/** A directory's answer is there; the host knows whether it waits for another. */
function found(world: World, peer: SimPeer, answer: Extract<TreeInput, { type: 'found' }>): void {
  peer.unanswered--;
  stepPeer(world, peer, peer.unanswered === 0 ? { ...answer, isLast: true } : answer);
}

function endOf(link: Link, peer: SimPeer): LinkEnd {
  return peer === link.child ? link.childEnd : link.parentEnd;
}

function linkInput(world: World, peer: SimPeer, link: Link, message: Payload | null): void {
  if (endOf(link, peer) !== 'up' || !world.isSameSide(link.child, link.parent)) return;
  if (message?.type === 'state' || message?.type === 'message') stepPeer(world, peer, message);
}

function unlinked(world: World, peer: SimPeer, link: Link, message: Payload | null): void {
  if (world.isSameSide(link.child, link.parent)) loseEnd(world, peer, link, message);
}

function loseEnd(world: World, peer: SimPeer, link: Link, message: Payload | null): void {
  const end = endOf(link, peer);
  if (end === 'gone' || end === 'absent' || message?.type !== 'unlinked') return;
  dropEnd(world, link, peer);
  stepPeer(world, peer, message);
}

function asked(world: World, link: Link, message: Payload | null): void {
  const { parent, child } = link;
  if (message?.type !== 'asked' || !world.isSameSide(parent, child)) return;
  if (parent.isAlive) {
    world.asking = link;
    stepPeer(world, parent, message);
    if (world.asking === link) world.noteOddity(parent, 'join without an answer');
    world.asking = null;
  } else if (link.via.length > 0 && isKnownGone(world, parent)) {
    // The relay says at once that the peer is not there any more.
    const input: TreeInput = { type: 'answered', peerId: parent.id, answer: { type: 'failed' } };
    world.queue.add(world.now, EVENT.answered, child.index, 0, link, input);
  }
}

function answered(world: World, link: Link, message: Payload | null): void {
  const { child, parent } = link;
  if (message?.type !== 'answered' || link.childEnd !== 'asked' || !child.isAlive) return;
  if (message.answer.type === 'accepted') {
    link.childEnd = 'connecting';
    stepPeer(world, child, message);
    // The core may have thought better of it.
    if (endOf(link, child) === 'connecting') connect(world, link);
    return;
  }
  link.childEnd = 'gone';
  child.up.delete(parent.index);
  stepPeer(world, child, message);
}

/** An end is up: its core hears so, and what the first pings say. */
function greet(world: World, link: Link, peer: SimPeer): void {
  const peerId = (peer === link.child ? link.parent : link.child).id;
  stepPeer(world, peer, { type: 'linked', peerId });
  if (endOf(link, peer) !== 'up') return;
  const rttMs = 2 * (link.delayMs + HANDLING_MS);
  stepPeer(world, peer, { type: 'measured', peerId, rttMs, offsetMs: 0 });
}

function setUpFailed(world: World, link: Link, peer: SimPeer): void {
  if (endOf(link, peer) !== 'connecting' || !peer.isAlive) return;
  const other = peer === link.child ? link.parent : link.child;
  dropEnd(world, link, peer);
  stepPeer(world, peer, { type: 'unlinked', peerId: other.id, farewell: null });
}

function flow(world: World, link: Link, activation: number): void {
  if (!pictureArrives(world, link, activation)) return;
  stepPeer(world, link.child, { type: 'flowing', peerId: link.parent.id });
}

/** The parent lives, and has had nothing to send for a while. */
function starve(world: World, peer: SimPeer, loss: number): void {
  const { playing } = peer;
  if (peer.isFed || peer.losses !== loss || playing === null || !isHeard(world, playing)) return;
  stepPeer(world, peer, { type: 'starved', peerId: playing.parent.id });
}

function silence(world: World, link: Link): void {
  if (link.childEnd !== 'up' || isHeard(world, link)) return;
  link.isSilent = true;
  stepPeer(world, link.child, { type: 'silent', peerId: link.parent.id });
}

function heard(world: World, link: Link): void {
  if (!link.isSilent || !isHeard(world, link)) return;
  link.isSilent = false;
  stepPeer(world, link.child, { type: 'revived', peerId: link.parent.id });
}

/** Reception is told once when it is good, and again and again while it is poor. */
function sample(world: World, link: Link, activation: number): void {
  link.isSampleDue = false;
  if (!isHeard(world, link) || !link.hasFlowed) return;
  if (link.activation !== activation) {
    // Media went and came back meanwhile.
    expectSample(world, link, 'first');
    return;
  }
  const quality = isPoor(link) ? 'poor' : 'good';
  if (quality === 'poor') expectSample(world, link, 'again');
  else if (link.lastSample === 'good') return;
  link.lastSample = quality;
  const { parent, child, lossShare } = link;
  const measured = { receivedShare: receivedShare(link), lossShare, latencyMs: latencyMs(link) };
  stepPeer(world, child, { type: 'measured', peerId: parent.id, ...measured });
}

/** What a liar with a small uplink says that it has. */
const CLAIMED_BPS = 40e6;

function measureUplink(world: World, peer: SimPeer): void {
  if (!peer.isAlive) return;
  const { uplinkBps, lie } = peer.traits;
  const bps = lie === 'overclaim' ? CLAIMED_BPS : uplinkBps * misjudged(world.chance, UPLINK.error);
  stepPeer(world, peer, { type: 'uplink', bps });
  world.queue.add(world.now + UPLINK.againMs, EVENT.uplink, peer.index);
}
