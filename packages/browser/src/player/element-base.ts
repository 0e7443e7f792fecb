/** What the element extends, and its events. */

import type { CastoError } from '../errors.ts';
import type { EventTargetOf } from '../events.ts';
import type { CastoStats } from '../stats.ts';
import type { CastoState } from './casto-state.ts';

/** Besides these, the media events of the video inside are told again; none of them bubbles. */
export interface CastoPlayerEventMap extends HTMLElementEventMap {
  castostate: CustomEvent<{ state: CastoState }>;
  /** About once a second while the broadcast runs. */
  castostats: CustomEvent<CastoStats>;
  /** Something failed. The state tells whether it was the end. */
  castoerror: CustomEvent<CastoError>;
}

/** An HTMLElement with the events of `CastoPlayerEventMap`. */
export type CastoPlayerBase = EventTargetOf<CastoPlayerEventMap> & HTMLElement;

type PlayerBaseClass = new () => CastoPlayerBase;

/** Servers render pages with players, but have no elements: there it extends what is at hand, and nobody makes one. */
export function elementBase(): PlayerBaseClass {
  const base: unknown = typeof HTMLElement === 'undefined' ? Object : HTMLElement;
  if (!isClass(base)) throw new TypeError('HTMLElement is no class');
  return base;
}

function isClass(value: unknown): value is PlayerBaseClass {
  return typeof value === 'function';
}
