/**
 * One life of a CASTO object, from its making to its stop, told as states, a stream, figures and failures. The player
 * and the React hook both watch theirs through this.
 */

import type { CASTO } from '../casto.ts';
import type { CastoError, CastoErrorReason } from '../errors.ts';
import type { CastoStats } from '../stats.ts';
import { nextState, type CastoFact, type CastoState } from './casto-state.ts';

export interface CastoRunListener {
  /** Called once for each change. */
  onState?(state: CastoState): void;
  /** The broadcast is there: once. */
  onStream?(stream: MediaStream): void;
  /** Media comes from a parent that it did not come from before. */
  onAttached?(): void;
  /** About once a second while the broadcast runs. */
  onStats?(stats: CastoStats): void;
  /** What failed; the state tells whether that was the end. */
  onError?(failure: CastoError): void;
}

const STATS_EVERY_MS = 1_000;
/** Key frames come every 2 s even of a still picture, so that without anything for longer the way is cut. */
const SILENCE_MS = 2_000;
/** A broadcast that runs is seen well before this; from here on it is waited for. */
const PATIENCE_MS = 4_000;

export class CastoRun {
  readonly #listener: CastoRunListener;
  readonly #closed = new AbortController();
  #casto: CASTO | null = null;
  #state: CastoState = 'idle';
  #silentMs = 0;

  /**
   * Begins at once, in a task of its own; the listener hears nothing before this returns.
   *
   * @param create - Makes the object; what it throws becomes a failure. Its `signal` option, if any, is the caller's.
   */
  constructor(create: () => CASTO | Promise<CASTO>, listener: CastoRunListener) {
    this.#listener = listener;
    queueMicrotask(() => void this.#begin(create));
  }

  /** `null` before it is made, and where making it failed. */
  get casto(): CASTO | null {
    return this.#casto;
  }

  get state(): CastoState {
    return this.#state;
  }

  /** Leaves the broadcast, or ends it; the listener hears nothing more. Idempotent. */
  async stop(): Promise<void> {
    this.#closed.abort();
    this.#state = nextState(this.#state, 'stopped');
    await this.#casto?.stop();
  }

  async #begin(create: () => CASTO | Promise<CASTO>): Promise<void> {
    const { signal } = this.#closed;
    if (signal.aborted) return;
    this.#learn('begun');
    const patience = this.#after(PATIENCE_MS, () => this.#learn('slow'));
    try {
      const casto = await create();
      if (signal.aborted) return void (await casto.stop());
      this.#casto = casto;
      this.#follow(casto);
      const stream = await casto.start();
      if (signal.aborted) return;
      this.#listener.onStream?.(stream);
      this.#learn('live');
      void this.#keepMeasuring(casto);
    } catch (error) {
      if (signal.aborted) return;
      const failure = asCastoError(error, 'protocol');
      this.#listener.onError?.(failure);
      this.#learn('failed');
    } finally {
      clearTimeout(patience);
    }
  }

  #follow(casto: CASTO): void {
    const { signal } = this.#closed;
    const attached = (): void => {
      this.#resume();
      this.#listener.onAttached?.();
    };
    casto.addEventListener('attached', attached, { signal });
    casto.addEventListener('parent-changed', attached, { signal });
    casto.addEventListener('live', () => this.#resume(), { signal });
    casto.addEventListener('ended', () => this.#learn('ended'), { signal });
    const failed = ({ detail }: CustomEvent<CastoError>): void => {
      this.#listener.onError?.(detail);
      this.#learn('detached');
    };
    casto.addEventListener('error', failed, { signal });
  }

  /** Before the end of a broadcast, or on the way that was lost, there was silence that says nothing of what comes. */
  #resume(): void {
    this.#silentMs = 0;
    this.#learn('live');
  }

  async #keepMeasuring(casto: CASTO): Promise<void> {
    const { signal } = this.#closed;
    const stats = await casto.stats().catch(() => null);
    if (signal.aborted) return;
    if (stats !== null) {
      this.#silentMs = isFlowing(stats) ? 0 : this.#silentMs + STATS_EVERY_MS;
      if (this.#silentMs === 0) this.#learn('flowing');
      // A streamer that nobody watches, behind a relay that only introduces, is none the less live.
      else if (this.#silentMs > SILENCE_MS && stats.role === 'viewer') this.#learn('detached');
      this.#listener.onStats?.(stats);
    }
    this.#after(STATS_EVERY_MS, () => void this.#keepMeasuring(casto));
  }

  #learn(fact: CastoFact): void {
    const state = nextState(this.#state, fact);
    if (state === this.#state || this.#closed.signal.aborted) return;
    this.#state = state;
    this.#listener.onState?.(state);
  }

  #after(delayMs: number, act: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(act, delayMs);
    this.#closed.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    return timer;
  }
}

/** A streamer has children, if only its relay; a viewer has a parent that sends. */
export function isFlowing({ role, children, parents, download }: CastoStats): boolean {
  const peers = role === 'streamer' ? children : parents;
  const isServed = peers.some((peer) => peer.role === 'active');
  return isServed && (role === 'streamer' || download.bitsPerSecond > 0);
}

/**
 * What was thrown, as a `CastoError` in all but its class: that is in the SDK, which may be the very thing that could
 * not be loaded.
 */
export function asCastoError(error: unknown, reason: CastoErrorReason): CastoError {
  if (isCastoError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return Object.assign(new Error(message, { cause: error }), { name: 'CastoError' as const, reason });
}

function isCastoError(error: unknown): error is CastoError {
  return error instanceof Error && error.name === 'CastoError' && 'reason' in error;
}
