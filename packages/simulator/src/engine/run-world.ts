import type { World } from './world.ts';
import type { Arrivals } from './arrivals.ts';
import { dispatch } from './dispatch.ts';
import { EVENT } from './events.ts';
import type { Scenes } from './scenes.ts';

export interface RunLimits {
  readonly endMs: number;
  readonly tickMs: number;
}

/** Lets events happen until the end. @returns How many there were. */
export function runWorld(
  world: World,
  arrivals: Arrivals,
  scenes: Scenes,
  { endMs, tickMs }: RunLimits,
): number {
  const { queue, hash } = world;
  let nextTick = tickMs;
  let events = 0;
  while (queue.take() && queue.time <= endMs) {
    for (; nextTick <= queue.time; nextTick += tickMs) {
      world.now = nextTick;
      world.tick();
    }
    const { time, kind, index, serial } = queue;
    world.now = time;
    hash.add(time, kind, index);
    events++;
    if (dispatch(world)) continue;
    if (kind === EVENT.arrive) arrivals.arrive(index, serial);
    else if (kind === EVENT.depart) arrivals.depart(index);
    else scenes.play(index);
  }
  for (; nextTick <= endMs; nextTick += tickMs) {
    world.now = nextTick;
    world.tick();
  }
  world.now = endMs;
  return events;
}
