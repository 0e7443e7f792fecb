/** What becomes of the wishes of a core. */

import type { TreeEffect } from '@casto/core';
import { unreachable } from '@casto/core';
import { probe, report, seek } from './finding.ts';
import { setPlaying, setServed } from './media.ts';
import { redirectBytes } from './message-sizes.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';
import { accept, advertise, answer, askForPlace, closeLink, sendMessage } from './wiring.ts';

export function perform(world: World, peer: SimPeer, effect: TreeEffect): void {
  switch (effect.type) {
    case 'advertise':
      return advertise(world, peer, world.peerOf(effect.peerId), effect.state);
    case 'send':
      return sendMessage(world, peer, world.peerOf(effect.peerId), effect.message);
    case 'seek':
      return seek(world, peer, effect);
    case 'report':
      return report(world, peer, effect);
    case 'probe':
      return probe(world, peer, world.peerOf(effect.candidate.peerId));
    case 'join':
      return askForPlace(world, peer, world.peerOf(effect.candidate.peerId), effect.join);
    case 'accept':
      return accept(world, peer, effect.standby);
    case 'refuse': {
      const { reason, retryAfterMs } = effect;
      return answer(world, peer, { type: 'refused', reason, retryAfterMs }, world.books.sizes.refuse);
    }
    case 'redirect': {
      const { parents } = effect;
      return answer(world, peer, { type: 'redirected', parents }, redirectBytes(parents));
    }
    case 'serve':
      return serve(world, peer, world.peerOf(effect.peerId), effect.isActive);
    case 'play':
      return play(world, peer, effect.peerId === null ? null : world.peerOf(effect.peerId));
    case 'close':
      return close(world, peer, world.peerOf(effect.peerId), effect.reason);
    case 'fetch':
      // There is one layer only.
      return;
    default:
      return unreachable(effect);
  }
}

function serve(world: World, peer: SimPeer, child: SimPeer, isActive: boolean): void {
  const link = peer.down.get(child.index);
  if (link === undefined) return world.noteOddity(peer, 'serve without a link');
  setServed(world, link, isActive);
}

function play(world: World, peer: SimPeer, parent: SimPeer | null): void {
  const link = parent === null ? null : peer.up.get(parent.index);
  if (link === undefined) world.noteOddity(peer, 'play without a link');
  else if (link?.hasFlowed === false) world.noteOddity(peer, 'play before a picture');
  setPlaying(world, peer, link ?? null);
}

function close(
  world: World,
  peer: SimPeer,
  other: SimPeer,
  reason: Extract<TreeEffect, { type: 'close' }>['reason'],
): void {
  const link = peer.up.get(other.index) ?? peer.down.get(other.index);
  if (link === undefined) return world.noteOddity(peer, 'close without a link');
  closeLink(world, peer, link, reason);
}
