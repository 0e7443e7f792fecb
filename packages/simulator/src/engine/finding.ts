/** Directories and probes: how peers find others that they have no link to. */

import type { PeerId, TreeEffect } from '@casto/core';
import { EVENT, type ProbeTrip } from './events.ts';
import { foundBytes, PROBE_BYTES, probedBytes, reportBytes, seekBytes } from './message-sizes.ts';
import { CONTACT_LOST_MS, DIAL_ROUND_TRIPS, FORGET_MS } from './physics.ts';
import { routeBetween } from './routes.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

type Seek = Extract<TreeEffect, { type: 'seek' }>;
type Report = Extract<TreeEffect, { type: 'report' }>;

/** Asks the directories that the peer holds streams to. */
export function seek(world: World, peer: SimPeer, effect: Seek): void {
  if (!peer.isFed) {
    if (peer.hasSought && peer.isViewer)
      world.emit({ type: 'join-retried', at: world.now, peer: peer.index });
    peer.hasSought = true;
  }
  for (const relay of directoriesOf(world, peer)) {
    peer.unanswered++;
    world.books.sent(peer, seekBytes(effect.layers));
    world.queue.add(
      world.now + world.messageMs(peer, relay),
      EVENT.seek,
      relay.index,
      peer.index,
      null,
      effect,
    );
  }
}

/** A relay asks where the streamer reports, and its own nearest neighbour. */
function directoriesOf(world: World, peer: SimPeer): readonly SimPeer[] {
  if (!peer.isRelay) return peer.contacts;
  const { contacts } = world.streamer;
  const [near] = nearestRelays(world, peer, 1, [peer, ...contacts]);
  return near === undefined ? contacts : [...contacts, near];
}

/** A directory is asked. One that does not answer counts as having failed. */
export function seekArrives(world: World, relay: SimPeer, peer: SimPeer, layers: number): void {
  const { queue, now, books } = world;
  if (relay.directory === null || !world.isSameSide(relay, peer)) {
    queue.add(now + CONTACT_LOST_MS, EVENT.input, peer.index, 0, null, { type: 'found', candidates: [] });
    return;
  }
  const candidates = relay.directory.find(now, peer.id, layers);
  books.sent(relay, foundBytes(candidates));
  queue.add(now + world.messageMs(relay, peer), EVENT.input, peer.index, 0, null, {
    type: 'found',
    candidates,
  });
}

/** Tells the directories what the peer offers; a relay tells its own. */
export function report(world: World, peer: SimPeer, effect: Report): void {
  peer.offer = effect.offer;
  if (peer.directory !== null) {
    peer.directory.report(world.now, peer.id, peer.addresses, effect.offer);
    return;
  }
  for (const relay of peer.contacts) sendReport(world, peer, relay, effect, world.messageMs(peer, relay));
}

function sendReport(world: World, peer: SimPeer, relay: SimPeer, effect: Report, afterMs: number): void {
  world.books.sent(peer, reportBytes(peer.addresses, effect.offer));
  world.queue.add(world.now + afterMs, EVENT.report, relay.index, peer.index, null, effect);
}

export function reportArrives(world: World, relay: SimPeer, peer: SimPeer, { offer }: Report): void {
  if (!world.isSameSide(relay, peer)) return;
  relay.directory?.report(world.now, peer.id, peer.addresses, offer);
}

/** A relay notices that a peer is gone, or behind a cut. */
export function forgetLater(world: World, peer: SimPeer, afterMs: number): void {
  for (const relay of peer.contacts) {
    world.queue.add(world.now + afterMs, EVENT.forget, relay.index, peer.index);
  }
}

export function forgetArrives(world: World, relay: SimPeer, peer: SimPeer): void {
  if (peer.isAlive && world.isSameSide(relay, peer) && peer.contacts.includes(relay)) return;
  relay.directory?.forget(peer.id);
}

/** The streamer tells its relays of a broadcast: it is a better parent than any, whatever happened before. */
export function announce(world: World, epoch: number): void {
  const { streamer, now, queue } = world;
  const { id: peerId, addresses } = streamer;
  for (const relay of streamer.contacts) {
    const dialMs = DIAL_ROUND_TRIPS * 2 * world.delayMs(streamer, relay);
    const at = now + dialMs + world.messageMs(streamer, relay);
    queue.add(at, EVENT.input, relay.index, 0, null, { type: 'broadcast', epoch });
    queue.add(at, EVENT.input, relay.index, 0, null, {
      type: 'named',
      parents: [{ peerId, addresses: [...addresses] }],
    });
  }
}

/** Asks how a peer stands. */
export function probe(world: World, peer: SimPeer, target: SimPeer): void {
  world.books.sent(peer, PROBE_BYTES);
  const route = routeBetween(world, peer, target);
  if (route === null) return;
  for (const relay of route.via) world.books.sent(relay, PROBE_BYTES);
  const via = route.via[0]?.index ?? -1;
  const trip: ProbeTrip = { type: 'trip', sentAt: world.now, backMs: route.ms, via };
  world.queue.add(world.now + route.ms, EVENT.probe, target.index, peer.index, null, trip);
}

export function probeArrives(world: World, target: SimPeer, peer: SimPeer, trip: ProbeTrip): void {
  const { now, queue, books } = world;
  if (!world.isSameSide(target, peer)) return;
  if (!target.isAlive) {
    if (trip.via >= 0 && isKnownGone(world, target)) answerProbe(world, peer, target.id, now - trip.sentAt);
    return;
  }
  const standing = target.core?.standing(now) ?? null;
  const bytes = probedBytes(standing);
  books.sent(target, bytes);
  if (trip.via >= 0) books.sent(world.peer(trip.via), bytes);
  const rttMs = now - trip.sentAt + trip.backMs;
  const input = { type: 'probed', peerId: target.id, rttMs, standing } as const;
  queue.add(now + trip.backMs, EVENT.input, peer.index, 0, null, input);
}

/** The relay itself answers for a peer that is gone. */
function answerProbe(world: World, peer: SimPeer, peerId: PeerId, rttMs: number): void {
  world.queue.add(world.now, EVENT.input, peer.index, 0, null, {
    type: 'probed',
    peerId,
    rttMs,
    standing: null,
  });
}

/** Whether a dead peer's relays know that it is gone. */
export function isKnownGone(world: World, { diedAbruptly, diedAt }: SimPeer): boolean {
  return !diedAbruptly || world.now - diedAt > FORGET_MS;
}

/** Relays that are alive and can be reached, nearest first. */
export function nearestRelays(
  world: World,
  peer: SimPeer,
  count: number,
  without: readonly SimPeer[] = [],
): SimPeer[] {
  const nearest: SimPeer[] = [];
  const delaysMs: number[] = [];
  // Everyone who comes looks at all relays, so that nothing is made for those that are too far.
  for (const relay of world.relays) {
    if (!relay.isAlive || !world.isSameSide(relay, peer) || without.includes(relay)) continue;
    const ms = world.delayMs(relay, peer);
    let at = nearest.length;
    while (at > 0 && ms < (delaysMs[at - 1] ?? 0)) at--;
    if (at >= count) continue;
    nearest.splice(at, 0, relay);
    delaysMs.splice(at, 0, ms);
    nearest.length = Math.min(nearest.length, count);
    delaysMs.length = nearest.length;
  }
  return nearest;
}

/** No relay can be reached: they are tried again later. */
const RETRY_MS = 5_000;

/** Takes the next nearest relay in place of one that does not answer, and tells it what the peer offers. */
export function replaceContact(world: World, peer: SimPeer, lost: SimPeer): void {
  const isBack = lost.isAlive && world.isSameSide(lost, peer);
  if (!peer.isAlive || isBack || !peer.contacts.includes(lost)) return;
  const [next] = nearestRelays(world, peer, 1, peer.contacts);
  if (next === undefined) {
    world.queue.add(world.now + RETRY_MS, EVENT.contactLost, peer.index, lost.index);
    return;
  }
  world.queue.add(world.now + FORGET_MS, EVENT.forget, lost.index, peer.index);
  peer.contacts = [...peer.contacts.filter((relay) => relay !== lost), next];
  if (peer.offer === null) return;
  const dialMs = DIAL_ROUND_TRIPS * 2 * world.delayMs(peer, next);
  sendReport(world, peer, next, { type: 'report', offer: peer.offer }, dialMs + world.messageMs(peer, next));
}
