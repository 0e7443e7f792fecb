/**
 * What a child makes of hearing nothing of its parent (PROTOCOL.md, K2): how regularly it hears, and how long a silence
 * may therefore last. Media and messages count alike.
 */

import { FIRST_SILENCE_MS, SILENCE_FLOOR_MS, SILENCE_JITTERS, STANDBY_SILENCE_MS } from './config.ts';
import type { Instant } from './link-control.ts';

/** How late a look may come before the peer must suspect its own stall instead of the other end. */
const OWN_STALL_MS = 50;
/** Weight of a new gap in the running means, as in RFC 3550 section 6.4.1. */
const GAP_WEIGHT = 1 / 16;

export class SilenceWatch {
  /** When to look next. It is set lazily: the look may find that something was heard in the meantime. */
  dueAt: Instant = Infinity;
  isSilent = false;
  #isStandby = false;
  /** Silence counts from here until something is heard. */
  #since: Instant = 0;
  /** What was heard before this may have been sent before a standby was activated. */
  #countsFrom: Instant = -Infinity;
  #lastHeard: Instant | null = null;
  #meanGapMs: number | null = null;
  #jitterMs = 0;
  /** The silence since this instant was once put down to this peer's own stall. */
  #excusedSince: Instant | null = null;

  /** The channel is open. */
  begin(now: Instant): void {
    this.#since = now;
    this.#lastHeard = null;
    this.dueAt = now + this.#limitMs();
  }

  /** K2.9: only the state keeps coming, so the gaps tell nothing of the way. */
  pause(): void {
    this.#isStandby = true;
  }

  /** K2.10: the parent learns half a round trip later that it has more to send. */
  resume(now: Instant, rttMs: number): void {
    this.#isStandby = false;
    this.#countsFrom = now + rttMs;
    this.begin(now);
  }

  /** @returns Whether this ended a silence. */
  hear(now: Instant): boolean {
    const last = this.#lastHeard;
    // A host may tell late when media came; what it tells must not undo what was heard since.
    if (now < this.#countsFrom || (last !== null && now < last)) return false;
    this.#lastHeard = now;
    if (last === null || this.isSilent) {
      const revived = this.isSilent;
      this.isSilent = false;
      this.dueAt = now + this.#limitMs();
      return revived;
    }
    if (!this.#isStandby) this.#foldGap(now - last);
    return false;
  }

  /** @returns For how long nothing was heard, when that is too long and was not reported yet. */
  look(now: Instant): number | null {
    const asked = this.dueAt;
    const limitMs = this.#limitMs();
    const since = this.#lastHeard ?? this.#since;
    // Compared as it is armed: a difference may round to less than the limit, and the look never be over.
    if (now < since + limitMs) {
      this.dueAt = since + limitMs;
      return null;
    }
    // Stays armed in a silence too: a host may look for media only when a timer is due.
    this.dueAt = now + limitMs;
    if (this.isSilent) return null;
    if (now - asked > OWN_STALL_MS && this.#excusedSince !== since) {
      // This peer itself stood still: what arrived meanwhile still waits to be read. Once, because the timers of
      // a hidden page are always late.
      this.#excusedSince = since;
      return null;
    }
    this.isSilent = true;
    return now - since;
  }

  /** K2.3: jitter is the mean deviation of the gaps between arrivals. */
  #foldGap(gapMs: number): void {
    const meanMs = this.#meanGapMs ?? gapMs;
    this.#meanGapMs = meanMs + (gapMs - meanMs) * GAP_WEIGHT;
    this.#jitterMs += (Math.abs(gapMs - this.#meanGapMs) - this.#jitterMs) * GAP_WEIGHT;
  }

  #limitMs(): number {
    if (this.#isStandby) return STANDBY_SILENCE_MS;
    if (this.#lastHeard === null) return FIRST_SILENCE_MS;
    return Math.max(SILENCE_FLOOR_MS, SILENCE_JITTERS * this.#jitterMs);
  }
}
