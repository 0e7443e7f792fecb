/** Which changes of a state are worth a message of their own (PROTOCOL.md, K4.2). */

import type { LinkState } from './control-messages.ts';

/** The clock offset creeps by parts of a millisecond; repeating the state for that would be chatter. */
const OFFSET_TOLERANCE_MS = 5;
/** Round trips along the path wander by a few milliseconds; a parent is not chosen for less than this. */
const DELAY_TOLERANCE_MS = 10;

/** Whether a neighbour that was told `a` learns nothing from `b`. The age rises by itself. */
export function sameState(a: LinkState, b: LinkState): boolean {
  return (
    isNear(a.clockOffsetMs, b.clockOffsetMs, OFFSET_TOLERANCE_MS) &&
    isNear(a.delayMs, b.delayMs, DELAY_TOLERANCE_MS) &&
    a.depth === b.depth &&
    a.freeSlots === b.freeSlots &&
    a.subtreeSlots === b.subtreeSlots &&
    a.viewers === b.viewers &&
    a.epoch === b.epoch &&
    a.flowing === b.flowing &&
    a.slots === b.slots &&
    a.layers === b.layers &&
    a.received === b.received &&
    a.path.length === b.path.length &&
    a.path.every((byte, i) => byte === b.path[i])
  );
}

function isNear(a: number | null, b: number | null, toleranceMs: number): boolean {
  return a === b || (a !== null && b !== null && Math.abs(a - b) < toleranceMs);
}
