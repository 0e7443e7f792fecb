/** Feeds a core and does what it wants. */

import type { TreeInput } from '@casto/core';
import { EVENT } from './events.ts';
import { perform } from './effects.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

export function stepPeer(world: World, peer: SimPeer, input: TreeInput): void {
  const { core } = peer;
  if (core === null) return;
  for (const effect of core.step(world.now, input)) perform(world, peer, effect);
  schedule(world, peer);
}

/** Timeouts in a row that a core may want at one instant. */
const MOST_IDLE_TIMEOUTS = 32;
/** A real timer takes at least this long, so that a core that wants timeouts without end starves nobody else. */
const LEAST_TIMER_MS = 1;

/** A timeout comes up. One that the core has moved away meanwhile is set anew, and one that it moved nearer is over. */
export function timeoutDue(world: World, peer: SimPeer): void {
  if (world.queue.time !== peer.timerAt) return;
  peer.timerAt = Infinity;
  const due = peer.core?.deadline() ?? null;
  if (due === null) return;
  if (due > world.now) return schedule(world, peer);
  stepPeer(world, peer, TIMEOUT);
  peer.idleTimeouts = peer.timerAt <= world.now ? peer.idleTimeouts + 1 : 0;
  if (peer.idleTimeouts < MOST_IDLE_TIMEOUTS) return;
  world.noteOddity(peer, 'timeouts without end');
  peer.idleTimeouts = 0;
  peer.timerAt = world.now + LEAST_TIMER_MS;
  world.queue.add(peer.timerAt, EVENT.timeout, peer.index);
}

const TIMEOUT: TreeInput = { type: 'timeout' };

/** The queue holds at most one timeout that counts. */
function schedule(world: World, peer: SimPeer): void {
  const due = peer.core?.deadline() ?? null;
  if (due === null || due >= peer.timerAt) return;
  peer.timerAt = Math.max(due, world.now);
  world.queue.add(peer.timerAt, EVENT.timeout, peer.index);
}
