/**
 * Work that comes in crowds, one piece in a turn of the event loop. All that many sockets bring is read in one turn:
 * a hundred joins that are judged there keep the media of everybody waiting for as long as all of them take.
 */

import { processClock, type Clock } from './clock.ts';

export interface Turns {
  /** Runs `action` in a turn of its own, after those that came before it. It must neither throw nor reject. */
  take(action: () => void): void;
}

/** @param clock - Of the process, because a turn of its event loop is meant. */
export function takingTurns(clock: Pick<Clock, 'setTimer'> = processClock): Turns {
  const waiting: (() => void)[] = [];
  const next = (): void => {
    const [action] = waiting;
    if (action === undefined) return;
    clock.setTimer(() => {
      action();
      waiting.shift();
      next();
    }, 0);
  };
  return {
    take: (action) => {
      waiting.push(action);
      if (waiting.length === 1) next();
    },
  };
}
