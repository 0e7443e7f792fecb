/**
 * How many children a peer can serve (PROTOCOL.md, C1 to C3): what its uplink was measured to carry, corrected by
 * what its children say they get.
 */

import type { Instant } from '../link-control.ts';
import type { PeerKind } from '../link-messages.ts';
import type { NetworkType } from './tree-io.ts';
import type { TreeTuning } from './tree-tuning.ts';

export interface SlotConditions {
  readonly maxChildren: number;
  readonly network: NetworkType;
  /** Share of one processor core in use. */
  readonly processor: number;
  /** `null` before it is measured. */
  readonly uplinkBps: number | null;
  /** Of the media that one child gets. */
  readonly bitrateBps: number;
}

/** Offered before the uplink is known. */
const UNMEASURED_SLOTS = 1;
/** With less of a core left than this, another child would cost the user's own picture. */
const BUSY_PROCESSOR = 0.9;

/** Slots that the uplink carries. */
export function measuredSlots(conditions: SlotConditions, tuning: TreeTuning): number {
  const { maxChildren, network, processor, uplinkBps, bitrateBps } = conditions;
  if (network !== 'unmetered' || processor > BUSY_PROCESSOR) return 0;
  if (uplinkBps === null) return Math.min(UNMEASURED_SLOTS, maxChildren);
  // Without this, no media over no uplink would be 0/0.
  if (uplinkBps <= 0) return 0;
  const perChildBps = bitrateBps * tuning.packetOverhead;
  return Math.min(maxChildren, Math.floor((uplinkBps * tuning.uplinkShare) / perChildBps));
}

/** C1.4: the others of the children that its owner allows are newcomers, and those that need their standby. */
export function settledSlots(allowed: number, { landingShare }: TreeTuning): number {
  return Math.max(Math.min(allowed, 1), Math.round(allowed / (1 + landingShare)));
}

/** The cap that children's complaints put on the slots; `null` while there is none. */
export interface SlotCap {
  readonly slots: number;
  /** When it rises by one. */
  readonly risesAt: Instant;
}

/**
 * A look at what the children get. When at least half of them are badly served although the peer itself is not, the
 * uplink is not what it was measured to be. Fewer may as well have bad lines of their own: to those a parent that gives
 * little is better than none.
 */
export function correctSlots(
  cap: SlotCap | null,
  look: { now: Instant; kind: PeerKind; active: number; badlyServed: number; slots: number },
  tuning: TreeTuning,
): SlotCap | null {
  const { now, kind, active, badlyServed, slots } = look;
  if (badlyServed > 0 && badlyServed * 2 >= active) {
    const least = kind === 'headless' ? tuning.leastHeadlessSlots : tuning.leastPageSlots;
    return { slots: Math.min(slots, Math.max(least, active - 1)), risesAt: now + tuning.slotRecoveryMs };
  }
  if (cap === null || now < cap.risesAt) return cap;
  return cap.slots + 1 >= slots ? null : { slots: cap.slots + 1, risesAt: now + tuning.slotRecoveryMs };
}
