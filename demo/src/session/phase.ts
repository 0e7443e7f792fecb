/**
 * What the page shows of a session, from its first moment to its last.
 *
 *   connecting ──slow──▶ waiting ──live──▶ live
 *        └──live──▶ live ──detached──▶ reconnecting ──flowing, live──▶ live
 *                   live, reconnecting ──ended──▶ ended ──live──▶ live
 *   any ──failed──▶ failed
 */

import { unreachable } from '../unreachable.ts';
import type { Reason } from '../words/error-words.ts';

export type Phase =
  | { name: 'connecting' }
  | { name: 'waiting' }
  | { name: 'live' }
  | { name: 'reconnecting' }
  | { name: 'ended' }
  | { name: 'failed'; reason: Reason | null };

/** What the events of a CASTO object, its `start()` and its `stats()` tell about the phase. */
export type Fact =
  | { name: 'slow' }
  | { name: 'live' }
  | { name: 'flowing' }
  | { name: 'detached' }
  | { name: 'ended' }
  | { name: 'failed'; reason: Reason | null };

export function nextPhase(phase: Phase, fact: Fact): Phase {
  if (phase.name === 'failed') return phase;
  switch (fact.name) {
    case 'slow':
      return phase.name === 'connecting' ? { name: 'waiting' } : phase;
    case 'live':
      return { name: 'live' };
    case 'flowing':
      return phase.name === 'reconnecting' ? { name: 'live' } : phase;
    case 'detached':
      return phase.name === 'live' ? { name: 'reconnecting' } : phase;
    case 'ended':
      return phase.name === 'live' || phase.name === 'reconnecting' ? { name: 'ended' } : phase;
    case 'failed':
      return { name: 'failed', reason: fact.reason };
    default:
      return unreachable(fact);
  }
}
