/**
 * What is to be said of a broadcast in one word, from its first moment to its last.
 *
 *   idle ──begun──▶ connecting ──slow──▶ waiting ──live──▶ live
 *                        └──────live──────────────────────▶ live
 *   live ──detached──▶ reconnecting ──live, flowing──▶ live
 *   live, reconnecting ──ended──▶ ended ──live──▶ live
 *   any ──failed──▶ failed, any ──stopped──▶ idle
 */

export type CastoState =
  /** Nothing was begun, or it was stopped. */
  | 'idle'
  /** Relays are looked for and asked. */
  | 'connecting'
  /** No picture yet: the broadcast has not begun, or the way to it is long. */
  | 'waiting'
  /** The broadcast runs. */
  | 'live'
  /** Nothing arrives; another way is looked for. */
  | 'reconnecting'
  /** The streamer has ended the broadcast. It goes on by itself when the streamer comes back. */
  | 'ended'
  /** It could not be joined or begun. Nothing goes on by itself. */
  | 'failed';

/** What the events of a CASTO object, its `start()` and its `stats()` tell about the state. */
export type CastoFact = 'begun' | 'slow' | 'live' | 'flowing' | 'detached' | 'ended' | 'failed' | 'stopped';

/** From which states a fact leads on, and to which; from the others it leads nowhere. */
const STEPS: Readonly<Record<CastoFact, { readonly from: readonly CastoState[]; readonly to: CastoState }>> =
  {
    begun: {
      from: ['idle', 'connecting', 'waiting', 'live', 'reconnecting', 'ended', 'failed'],
      to: 'connecting',
    },
    slow: { from: ['connecting'], to: 'waiting' },
    live: { from: ['connecting', 'waiting', 'reconnecting', 'ended'], to: 'live' },
    flowing: { from: ['reconnecting'], to: 'live' },
    detached: { from: ['live'], to: 'reconnecting' },
    ended: { from: ['live', 'reconnecting'], to: 'ended' },
    failed: { from: ['connecting', 'waiting', 'live', 'reconnecting', 'ended'], to: 'failed' },
    stopped: { from: ['connecting', 'waiting', 'live', 'reconnecting', 'ended', 'failed'], to: 'idle' },
  };

/** @returns The state after the fact; the same one when the fact is no news in it. */
export function nextState(state: CastoState, fact: CastoFact): CastoState {
  const { from, to } = STEPS[fact];
  return from.includes(state) ? to : state;
}
