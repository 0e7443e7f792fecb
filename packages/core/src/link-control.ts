/**
 * One end of a link's control channel, without a clock and without the channel: inputs and time go in, effects
 * come out (PROTOCOL.md, K1 to K6).
 *
 *   connecting ──opened──▶ open ──nothing heard──▶ silent ──heard──▶ open
 *                            └──bye, closed──▶ closed
 *
 * Silence is judged by the child alone. It is a reason to look for another parent at once; the link itself
 * stays until the other parent delivers, because a late packet costs less than a lost one.
 */

import {
  FIRST_PINGS,
  FIRST_PING_MS,
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

export interface LinkControl {
  /** Applies one input at `now`; returns what the host must do, in order. */
  step(now: Instant, input: LinkInput): LinkEffect[];
  /** When `step` next wants a timeout, or `null`. */
  deadline(): Instant | null;
  readonly phase: LinkPhase;
  readonly clock: ClockEstimate | null;
}

type LinkTimer = 'keepAlive' | 'ping' | 'state' | 'silence' | 'keyFrame';

export function createLinkControl(role: 'parent' | 'child'): LinkControl {
  return new ControlMachine(role);
}

class ControlMachine implements LinkControl {
  readonly #role: 'parent' | 'child';
  readonly #timers = new Map<LinkTimer, Instant>();
  phase: LinkPhase = 'connecting';
  clock: ClockEstimate | null = null;
  #pings = 0;
  #lastHeard: Instant = 0;
  #meanGapMs = 0;
  #jitterMs = 0;
  #advertised: LinkState | null = null;
  #lastKeyFrameRequest: Instant = -Infinity;
  #wantedLayer: number | null = null;

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
    this.#lastHeard = now;
    if (this.#role === 'child') this.#timers.set('silence', now + this.#silenceMs());
    const state = this.#advertised;
    const wanted = this.#wantedLayer;
    return [
      ...this.#ping(now),
      ...(state ? this.#sendState(now, state) : []),
      ...(wanted === null ? [] : this.#wantKeyFrame(now, wanted)),
    ];
  }

  #receive(now: Instant, message: ControlMessage): LinkEffect[] {
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

  #measure(now: Instant, pong: { sentAt: number; receivedAt: number }): LinkEffect[] {
    this.clock = measureClock(this.clock, { sentAt: pong.sentAt, receivedAt: pong.receivedAt, now });
    return this.clock ? [{ type: 'clock', rttMs: this.clock.rttMs, offsetMs: this.clock.offsetMs }] : [];
  }

  #close(reason: Farewell): LinkEffect[] {
    this.phase = 'closed';
    this.#timers.clear();
    return [{ type: 'farewell', reason }];
  }

  #advertise(now: Instant, state: LinkState): LinkEffect[] {
    if (this.#advertised && sameState(this.#advertised, state)) return [];
    this.#advertised = state;
    return this.phase === 'connecting' ? [] : this.#sendState(now, state);
  }

  #sendState(now: Instant, state: LinkState): LinkEffect[] {
    this.#timers.set('state', now + STATE_MS);
    return this.#send(now, { type: 'state', ...state });
  }

  /** K5: at most one request per interval leaves; the last one is never lost. */
  #wantKeyFrame(now: Instant, layer: number): LinkEffect[] {
    const due = this.#lastKeyFrameRequest + KEY_FRAME_REQUEST_MS;
    if (this.phase === 'connecting' || now < due) {
      this.#wantedLayer = layer;
      if (this.phase !== 'connecting') this.#timers.set('keyFrame', due);
      return [];
    }
    this.#lastKeyFrameRequest = now;
    this.#wantedLayer = null;
    this.#timers.delete('keyFrame');
    return this.#send(now, { type: 'need-key-frame', layer });
  }

  #ping(now: Instant): LinkEffect[] {
    this.#pings++;
    this.#timers.set('ping', now + (this.#pings <= FIRST_PINGS ? FIRST_PING_MS : PING_MS));
    return this.#send(now, { type: 'ping', sentAt: now });
  }

  #timeout(now: Instant): LinkEffect[] {
    return [
      ...(this.#expired('silence', now) ? this.#judgeSilence(now) : []),
      ...(this.#expired('keyFrame', now) && this.#wantedLayer !== null
        ? this.#wantKeyFrame(now, this.#wantedLayer)
        : []),
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
    const silentMs = now - this.#lastHeard;
    if (silentMs < limitMs) {
      this.#timers.set('silence', this.#lastHeard + limitMs);
      return [];
    }
    if (now - asked > OWN_STALL_MS) {
      // This peer itself stood still: what arrived meanwhile still waits to be read.
      this.#timers.set('silence', now + limitMs);
      return [];
    }
    this.#timers.delete('silence');
    this.phase = 'silent';
    return [{ type: 'silent', silentMs }];
  }

  #heard(now: Instant): LinkEffect[] {
    if (this.phase === 'connecting') return [];
    const gapMs = now - this.#lastHeard;
    this.#lastHeard = now;
    if (this.phase === 'silent') {
      this.phase = 'open';
      this.#timers.set('silence', now + this.#silenceMs());
      return [{ type: 'revived' }];
    }
    this.#meanGapMs += (gapMs - this.#meanGapMs) * GAP_WEIGHT;
    this.#jitterMs += (Math.abs(gapMs - this.#meanGapMs) - this.#jitterMs) * GAP_WEIGHT;
    return [];
  }

  #silenceMs(): number {
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
