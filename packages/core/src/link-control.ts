/**
 * One end of a link's control channel, without a clock and without the channel: inputs and time go in, effects
 * come out (PROTOCOL.md, K1 to K6).
 *
 *   connecting ──opened──▶ open ──nothing heard──▶ silent ──heard──▶ open
 *                            └──bye──▶ closed
 *
 * Silence is judged by the child alone. It is a reason to look for another parent at once; the link itself
 * stays until the other parent delivers, because a late packet costs less than a lost one.
 */

import {
  FIRST_PINGS,
  FIRST_PING_MS,
  FIRST_SILENCE_MS,
  KEEP_ALIVE_MS,
  KEY_FRAME_REQUEST_MS,
  PING_MS,
  SILENCE_FLOOR_MS,
  SILENCE_JITTERS,
  STATE_MS,
} from './config.ts';
import { measureClock, type ClockEstimate } from './clock-offset.ts';
import type { ControlMessage, Farewell, LinkState } from './control-messages.ts';
import { unreachable } from './errors.ts';

/** Milliseconds in the peer's own clock. */
export type Instant = number;

export type LinkInput =
  | { type: 'opened' }
  | { type: 'received'; message: ControlMessage }
  /** RTP or RTCP came from the other end. */
  | { type: 'heard-media' }
  /** RTP or RTCP went to the other end. */
  | { type: 'sent-media' }
  /** What this peer tells its neighbours has changed. */
  | { type: 'advertise'; state: LinkState }
  | { type: 'want-key-frame'; layer: number }
  | { type: 'timeout' };

export type LinkEffect =
  | { type: 'send'; message: ControlMessage }
  /** Nothing was heard for `silentMs`: look for another parent. */
  | { type: 'silent'; silentMs: number }
  /** The link is heard again after a silence. */
  | { type: 'revived' }
  | { type: 'state'; state: LinkState }
  | { type: 'clock'; rttMs: number; offsetMs: number }
  | { type: 'key-frame-wanted'; layer: number }
  | { type: 'layer-chosen'; layer: number }
  | { type: 'draining'; withinMs: number }
  | { type: 'redirected'; parents: Extract<ControlMessage, { type: 'redirect' }>['parents'] }
  | { type: 'forward'; message: Extract<ControlMessage, { type: 'forward' }> }
  | { type: 'farewell'; reason: Farewell };

type LinkPhase = 'connecting' | 'open' | 'silent' | 'closed';

/** How late a timeout may come before the peer must suspect its own stall instead of the other end. */
const OWN_STALL_MS = 50;
/** Weight of a new gap in the running means, as in RFC 3550 section 6.4.1. */
const GAP_WEIGHT = 1 / 16;
/** Pings that may still be answered: those of the first second, and then some for a very slow link. */
const MAX_PINGS_UNDERWAY = 8;

/** K1: messages that only one end of a link sends. From the other they would let a child move its parent. */
const ONLY_SENT_BY: Partial<Record<ControlMessage['type'], 'parent' | 'child'>> = {
  'keep-alive': 'parent',
  drain: 'parent',
  redirect: 'parent',
  'need-key-frame': 'child',
  'choose-layer': 'child',
};

export interface LinkControl {
  /** Applies one input at `now`; returns what the host must do, in order. */
  step(now: Instant, input: LinkInput): LinkEffect[];
  /** When `step` next wants a timeout, or `null`. */
  deadline(): Instant | null;
  readonly phase: LinkPhase;
  readonly clock: ClockEstimate | null;
}

type LinkTimer = 'keepAlive' | 'ping' | 'state' | 'silence' | `keyFrame${number}`;

export function createLinkControl(role: 'parent' | 'child'): LinkControl {
  return new ControlMachine(role);
}

class ControlMachine implements LinkControl {
  readonly #role: 'parent' | 'child';
  readonly #timers = new Map<LinkTimer, Instant>();
  phase: LinkPhase = 'connecting';
  clock: ClockEstimate | null = null;
  #pings = 0;
  #pingsUnderway: Instant[] = [];
  #openedAt: Instant = 0;
  #lastHeard: Instant | null = null;
  #meanGapMs: number | null = null;
  #jitterMs = 0;
  /** The silence since this instant was once put down to this peer's own stall. */
  #excusedSince: Instant | null = null;
  #advertised: LinkState | null = null;
  #lastSent: LinkState | null = null;
  readonly #keyFrameAskedAt = new Map<number, Instant>();
  readonly #wantedLayers = new Set<number>();

  constructor(role: 'parent' | 'child') {
    this.#role = role;
  }

  deadline(): Instant | null {
    return this.#timers.size === 0 ? null : Math.min(...this.#timers.values());
  }

  step(now: Instant, input: LinkInput): LinkEffect[] {
    if (this.phase === 'closed') return [];
    switch (input.type) {
      case 'opened':
        return this.#open(now);
      case 'received':
        return [...this.#heard(now), ...this.#receive(now, input.message)];
      case 'heard-media':
        return this.#heard(now);
      case 'sent-media':
        this.#restartKeepAlive(now);
        return [];
      case 'advertise':
        return this.#advertise(now, input.state);
      case 'want-key-frame':
        return this.#wantKeyFrame(now, input.layer);
      case 'timeout':
        return this.#timeout(now);
      default:
        return unreachable(input);
    }
  }

  #open(now: Instant): LinkEffect[] {
    if (this.phase !== 'connecting') return [];
    this.phase = 'open';
    this.#openedAt = now;
    if (this.#role === 'child') this.#timers.set('silence', now + this.#silenceMs());
    const state = this.#advertised;
    return [
      ...this.#ping(now),
      ...(state ? this.#sendState(now, state) : []),
      ...[...this.#wantedLayers].flatMap((layer) => this.#wantKeyFrame(now, layer)),
    ];
  }

  #receive(now: Instant, message: ControlMessage): LinkEffect[] {
    if (ONLY_SENT_BY[message.type] === this.#role) return [];
    switch (message.type) {
      case 'keep-alive':
        return [];
      case 'ping':
        return this.#send(now, { type: 'pong', sentAt: message.sentAt, receivedAt: now });
      case 'pong':
        return this.#measure(now, message);
      case 'state':
        return [{ type: 'state', state: stateOf(message) }];
      case 'need-key-frame':
        return [{ type: 'key-frame-wanted', layer: message.layer }];
      case 'choose-layer':
        return [{ type: 'layer-chosen', layer: message.layer }];
      case 'drain':
        return [{ type: 'draining', withinMs: message.withinMs }];
      case 'redirect':
        return [{ type: 'redirected', parents: message.parents }];
      case 'forward':
        return [{ type: 'forward', message }];
      case 'bye':
        return this.#close(message.reason);
      default:
        return unreachable(message);
    }
  }

  /** K3: only an answer to a ping counts, or the other end could choose its round trip. */
  #measure(now: Instant, pong: { sentAt: number; receivedAt: number }): LinkEffect[] {
    if (!this.#pingsUnderway.includes(pong.sentAt)) return [];
    this.#pingsUnderway = this.#pingsUnderway.filter((sentAt) => sentAt !== pong.sentAt);
    this.clock = measureClock(this.clock, { sentAt: pong.sentAt, receivedAt: pong.receivedAt, now });
    return this.clock ? [{ type: 'clock', rttMs: this.clock.rttMs, offsetMs: this.clock.offsetMs }] : [];
  }

  #close(reason: Farewell): LinkEffect[] {
    this.phase = 'closed';
    this.#timers.clear();
    return [{ type: 'farewell', reason }];
  }

  #advertise(now: Instant, state: LinkState): LinkEffect[] {
    this.#advertised = state;
    if (this.#lastSent && sameState(this.#lastSent, state)) return [];
    return this.phase === 'connecting' ? [] : this.#sendState(now, state);
  }

  #sendState(now: Instant, state: LinkState): LinkEffect[] {
    this.#lastSent = state;
    this.#timers.set('state', now + STATE_MS);
    return this.#send(now, { type: 'state', ...state });
  }

  /** K5: at most one request per layer and interval leaves; the last one is never lost. */
  #wantKeyFrame(now: Instant, layer: number): LinkEffect[] {
    const due = (this.#keyFrameAskedAt.get(layer) ?? -Infinity) + KEY_FRAME_REQUEST_MS;
    if (this.phase === 'connecting' || now < due) {
      this.#wantedLayers.add(layer);
      if (this.phase !== 'connecting') this.#timers.set(`keyFrame${layer}`, due);
      return [];
    }
    this.#keyFrameAskedAt.set(layer, now);
    this.#wantedLayers.delete(layer);
    this.#timers.delete(`keyFrame${layer}`);
    return this.#send(now, { type: 'need-key-frame', layer });
  }

  #ping(now: Instant): LinkEffect[] {
    this.#pings++;
    this.#pingsUnderway = [...this.#pingsUnderway, now].slice(-MAX_PINGS_UNDERWAY);
    this.#timers.set('ping', now + (this.#pings <= FIRST_PINGS ? FIRST_PING_MS : PING_MS));
    return this.#send(now, { type: 'ping', sentAt: now });
  }

  #timeout(now: Instant): LinkEffect[] {
    return [
      ...(this.#expired('silence', now) ? this.#judgeSilence(now) : []),
      ...[...this.#wantedLayers]
        .filter((layer) => this.#expired(`keyFrame${layer}`, now))
        .flatMap((layer) => this.#wantKeyFrame(now, layer)),
      ...(this.#expired('ping', now) ? this.#ping(now) : []),
      ...(this.#expired('state', now) && this.#advertised ? this.#sendState(now, this.#advertised) : []),
      ...(this.#expired('keepAlive', now) ? this.#send(now, { type: 'keep-alive' }) : []),
    ];
  }

  #expired(timer: LinkTimer, now: Instant): boolean {
    const at = this.#timers.get(timer);
    return at !== undefined && at <= now;
  }

  /** K2: the timer is set lazily, so it may find that something was heard in the meantime. */
  #judgeSilence(now: Instant): LinkEffect[] {
    const asked = this.#timers.get('silence') ?? now;
    const limitMs = this.#silenceMs();
    const since = this.#lastHeard ?? this.#openedAt;
    // Compared as it is armed: a difference may round to less than the limit, and the timer never be over.
    if (now < since + limitMs) {
      this.#timers.set('silence', since + limitMs);
      return [];
    }
    // Stays armed in a silence too: a host may look for media only when a timer is due.
    this.#timers.set('silence', now + limitMs);
    if (this.phase === 'silent') return [];
    if (now - asked > OWN_STALL_MS && this.#excusedSince !== since) {
      // This peer itself stood still: what arrived meanwhile still waits to be read. Once, because the timers of
      // a hidden page are always late.
      this.#excusedSince = since;
      return [];
    }
    this.phase = 'silent';
    return [{ type: 'silent', silentMs: now - since }];
  }

  #heard(now: Instant): LinkEffect[] {
    const last = this.#lastHeard;
    // A host may tell late when media came; what it tells must not undo what was heard since.
    if (this.phase === 'connecting' || (last !== null && now < last)) return [];
    this.#lastHeard = now;
    if (last === null || this.phase === 'silent') {
      const revived = this.phase === 'silent';
      this.phase = 'open';
      if (this.#role === 'child') this.#timers.set('silence', now + this.#silenceMs());
      return revived ? [{ type: 'revived' }] : [];
    }
    this.#foldGap(now - last);
    return [];
  }

  /** K2: jitter is the mean deviation of the gaps between arrivals. */
  #foldGap(gapMs: number): void {
    const meanMs = this.#meanGapMs ?? gapMs;
    this.#meanGapMs = meanMs + (gapMs - meanMs) * GAP_WEIGHT;
    this.#jitterMs += (Math.abs(gapMs - this.#meanGapMs) - this.#jitterMs) * GAP_WEIGHT;
  }

  #silenceMs(): number {
    if (this.#lastHeard === null) return FIRST_SILENCE_MS;
    return Math.max(SILENCE_FLOOR_MS, SILENCE_JITTERS * this.#jitterMs);
  }

  #send(now: Instant, message: ControlMessage): LinkEffect[] {
    if (this.phase === 'connecting' || this.phase === 'closed') return [];
    this.#restartKeepAlive(now);
    return [{ type: 'send', message }];
  }

  #restartKeepAlive(now: Instant): void {
    if (this.#role === 'parent' && this.phase !== 'connecting')
      this.#timers.set('keepAlive', now + KEEP_ALIVE_MS);
  }
}

function stateOf(message: Extract<ControlMessage, { type: 'state' }>): LinkState {
  const { type: _, ...state } = message;
  return state;
}

/** The clock offset creeps by parts of a millisecond; repeating the state for that would be chatter. */
const OFFSET_TOLERANCE_MS = 5;

function sameState(a: LinkState, b: LinkState): boolean {
  const offsetsAgree =
    a.clockOffsetMs === b.clockOffsetMs ||
    (a.clockOffsetMs !== null &&
      b.clockOffsetMs !== null &&
      Math.abs(a.clockOffsetMs - b.clockOffsetMs) < OFFSET_TOLERANCE_MS);
  return (
    offsetsAgree &&
    a.depth === b.depth &&
    a.freeSlots === b.freeSlots &&
    a.subtreeSlots === b.subtreeSlots &&
    a.viewers === b.viewers &&
    a.epoch === b.epoch &&
    a.flowing === b.flowing &&
    a.path.length === b.path.length &&
    a.path.every((byte, i) => byte === b.path[i])
  );
}
