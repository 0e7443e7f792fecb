/** Feeds a core and does what it wants. */

import type { TreeEffect, TreeInput } from '@casto/core';
import { EVENT } from './events.ts';
import { perform } from './effects.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

export function stepPeer(world: World, peer: SimPeer, input: TreeInput): void {
  const { core } = peer;
  if (core === null) return;
  const effects: readonly TreeEffect[] = core.step(world.now, input);
  for (const effect of effects) perform(world, peer, effect);
  schedule(world, peer);
}

/** Timeouts in a row that a core may want at one instant before something is wrong with it. */
const MOST_IDLE_TIMEOUTS = 100;

/** A timeout comes up. One that was set for later than the core wants it has been overtaken, and does nothing. */
export function timeoutDue(world: World, peer: SimPeer): void {
  if (world.queue.time !== peer.timerAt) return;
  peer.timerAt = Infinity;
  const due = peer.core?.deadline() ?? null;
  if (due !== null && due <= world.now) {
    stepPeer(world, peer, TIMEOUT);
    const next = peer.core?.deadline() ?? null;
    peer.idleTimeouts = next !== null && next <= world.now ? peer.idleTimeouts + 1 : 0;
    if (peer.idleTimeouts > MOST_IDLE_TIMEOUTS)
      throw new Error(`peer ${peer.index} wants timeouts without end`);
  } else schedule(world, peer);
}

const TIMEOUT: TreeInput = { type: 'timeout' };

/** The queue holds at most one timeout that counts; a deadline that moved away is looked at again when it comes. */
function schedule(world: World, peer: SimPeer): void {
  const due = peer.core?.deadline() ?? null;
  if (due === null || due >= peer.timerAt) return;
  peer.timerAt = Math.max(due, world.now);
  world.queue.add(peer.timerAt, EVENT.timeout, peer.index);
}
