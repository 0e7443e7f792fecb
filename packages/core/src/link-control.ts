/**
 * One end of a link's control channel, without a clock and without the channel: inputs and time go in, effects
 * come out (PROTOCOL.md, K1 to K6, K9 to K11).
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
  KEEP_ALIVE_MS,
  KEY_FRAME_REQUEST_MS,
  PING_MS,
  SEEK_ANSWER_MS,
  SEEK_MS,
  STANDBY_PING_MS,
  STATE_MS,
} from './config.ts';
import { measureClock, type ClockEstimate } from './clock-offset.ts';
import type { ControlMessage, Farewell, LinkState, Post } from './control-messages.ts';
import { unreachable } from './errors.ts';
import { SilenceWatch } from './silence-watch.ts';
import { MAX_AGE_S, type Neighbour } from './standing.ts';
import { sameState } from './state-news.ts';
import type { SurveyMessage } from './survey/survey-messages.ts';
import type { TreeMessage } from './tree/tree-io.ts';

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
  /** This peer wants to know whom the other end is linked to. */
  | { type: 'seek'; layers: number }
  /** Media is paused on this link, or wanted again. */
  | { type: 'standby'; isStandby: boolean }
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
  /** For whoever decides on parents and children. */
  | { type: 'message'; message: TreeMessage }
  /** The other end wants to know whom this peer is linked to. */
  | { type: 'neighbours-wanted'; layers: number }
  /** Whom the other end is linked to: it was asked. */
  | { type: 'neighbours'; peers: Neighbour[] }
  /** About the picture of the tree. */
  | { type: 'survey'; message: SurveyMessage }
  | { type: 'forward'; message: Extract<ControlMessage, { type: 'forward' }> }
  /** Somebody speaks to everybody on the channel. */
  | { type: 'post'; post: Post }
  | { type: 'farewell'; reason: Farewell };

type LinkPhase = 'connecting' | 'open' | 'silent' | 'closed';

/** Pings that may still be answered: those of the first second, and then some for a very slow link. */
const MAX_PINGS_UNDERWAY = 8;

/** K1: messages that only one end of a link sends. From the other they would let a child move its parent. */
const ONLY_SENT_BY: Partial<Record<ControlMessage['type'], 'parent' | 'child'>> = {
  'keep-alive': 'parent',
  drain: 'parent',
  redirect: 'parent',
  invite: 'parent',
  picture: 'parent',
  'need-key-frame': 'child',
  'choose-layer': 'child',
  activate: 'child',
  pause: 'child',
  recommend: 'child',
  branch: 'child',
};

export interface LinkControl {
  /** Applies one input at `now`; returns what the host must do, in order. */
  step(now: Instant, input: LinkInput): LinkEffect[];
  /** When `step` next wants a timeout, or `null`. */
  deadline(): Instant | null;
  readonly phase: LinkPhase;
  readonly clock: ClockEstimate | null;
}

type LinkTimer = 'keepAlive' | 'ping' | 'state' | `keyFrame${number}`;

export function createLinkControl(role: 'parent' | 'child'): LinkControl {
  return new ControlMachine(role);
}

class ControlMachine implements LinkControl {
  readonly #role: 'parent' | 'child';
  readonly #timers = new Map<LinkTimer, Instant>();
  /** K2.7: a parent has none. */
  readonly #silence: SilenceWatch | null;
  clock: ClockEstimate | null = null;
  #stage: Exclude<LinkPhase, 'silent'> = 'connecting';
  #isStandby = false;
  #pings = 0;
  #pingsUnderway: Instant[] = [];
  #advertised: LinkState | null = null;
  #advertisedAt: Instant = 0;
  #lastSent: LinkState | null = null;
  readonly #keyFrameAskedAt = new Map<number, Instant>();
  readonly #wantedLayers = new Set<number>();
  #soughtAt: Instant = -Infinity;
  #isSeeking = false;
  #answeredAt: Instant = -Infinity;

  constructor(role: 'parent' | 'child') {
    this.#role = role;
    this.#silence = role === 'child' ? new SilenceWatch() : null;
  }

  get phase(): LinkPhase {
    return this.#stage === 'open' && this.#silence?.isSilent ? 'silent' : this.#stage;
  }

  deadline(): Instant | null {
    if (this.#stage !== 'open') return null;
    return Math.min(this.#silence?.dueAt ?? Infinity, ...this.#timers.values());
  }

  step(now: Instant, input: LinkInput): LinkEffect[] {
    if (this.#stage === 'closed') return [];
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
      case 'seek':
        return this.#seek(now, input.layers);
      case 'standby':
        return this.#setStandby(now, input.isStandby);
      case 'timeout':
        return this.#timeout(now);
      default:
        return unreachable(input);
    }
  }

  #open(now: Instant): LinkEffect[] {
    if (this.#stage !== 'connecting') return [];
    this.#stage = 'open';
    this.#silence?.begin(now);
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
      case 'forward':
        return [{ type: 'forward', message }];
      case 'seek':
        return this.#beSought(now, message.layers);
      case 'neighbours':
        return this.#find(message.peers);
      case 'survey':
      case 'branch':
      case 'picture':
        return [{ type: 'survey', message }];
      case 'activate':
      case 'pause':
      case 'addresses':
      case 'recommend':
      case 'invite':
      case 'drain':
      case 'redirect':
        return [{ type: 'message', message }];
      case 'post':
        return [{ type: 'post', post: postOf(message) }];
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
    this.#stage = 'closed';
    this.#timers.clear();
    return [{ type: 'farewell', reason }];
  }

  #advertise(now: Instant, state: LinkState): LinkEffect[] {
    this.#advertised = state;
    this.#advertisedAt = now;
    if (this.#lastSent && sameState(this.#lastSent, state)) return [];
    return this.#stage === 'connecting' ? [] : this.#sendState(now, state);
  }

  /** K4.1: the owner tells what is news to it; that it grew older is none. */
  #repeatState(now: Instant): LinkEffect[] {
    if (this.#advertised === null) return [];
    const ageS = this.#advertised.ageS + Math.floor((now - this.#advertisedAt) / 1000);
    return this.#sendState(now, { ...this.#advertised, ageS: Math.min(ageS, MAX_AGE_S) });
  }

  #sendState(now: Instant, state: LinkState): LinkEffect[] {
    this.#lastSent = state;
    this.#timers.set('state', now + STATE_MS);
    return this.#send(now, { type: 'state', ...state });
  }

  /** K5: at most one request per layer and interval leaves; the last one is never lost. */
  #wantKeyFrame(now: Instant, layer: number): LinkEffect[] {
    const due = (this.#keyFrameAskedAt.get(layer) ?? -Infinity) + KEY_FRAME_REQUEST_MS;
    if (this.#stage === 'connecting' || now < due) {
      this.#wantedLayers.add(layer);
      if (this.#stage !== 'connecting') this.#timers.set(`keyFrame${layer}`, due);
      return [];
    }
    this.#keyFrameAskedAt.set(layer, now);
    this.#wantedLayers.delete(layer);
    this.#timers.delete(`keyFrame${layer}`);
    return this.#send(now, { type: 'need-key-frame', layer });
  }

  /** K9.1: a question that is too early is not put; its owner asks again. */
  #seek(now: Instant, layers: number): LinkEffect[] {
    if (this.#stage !== 'open' || now < this.#soughtAt + SEEK_MS) return [];
    this.#soughtAt = now;
    this.#isSeeking = true;
    return this.#send(now, { type: 'seek', layers });
  }

  #beSought(now: Instant, layers: number): LinkEffect[] {
    if (now < this.#answeredAt + SEEK_ANSWER_MS) return [];
    this.#answeredAt = now;
    return [{ type: 'neighbours-wanted', layers }];
  }

  /** K9.3: nobody can name peers unasked, and nobody twice. */
  #find(peers: Neighbour[]): LinkEffect[] {
    if (!this.#isSeeking) return [];
    this.#isSeeking = false;
    return [{ type: 'neighbours', peers }];
  }

  /** K2.9, K3.1: a standby costs both ends as little as a link can. */
  #setStandby(now: Instant, isStandby: boolean): LinkEffect[] {
    if (isStandby === this.#isStandby) return [];
    this.#isStandby = isStandby;
    if (isStandby) {
      this.#silence?.pause();
      this.#timers.delete('keepAlive');
      return [];
    }
    this.#silence?.resume(now, this.clock?.rttMs ?? 0);
    this.#restartKeepAlive(now);
    const nextPing = this.#timers.get('ping');
    if (nextPing !== undefined) this.#timers.set('ping', Math.min(nextPing, now + PING_MS));
    return [];
  }

  #ping(now: Instant): LinkEffect[] {
    this.#pings++;
    this.#pingsUnderway = [...this.#pingsUnderway, now].slice(-MAX_PINGS_UNDERWAY);
    const laterMs = this.#isStandby ? STANDBY_PING_MS : PING_MS;
    this.#timers.set('ping', now + (this.#pings <= FIRST_PINGS ? FIRST_PING_MS : laterMs));
    return this.#send(now, { type: 'ping', sentAt: now });
  }

  #timeout(now: Instant): LinkEffect[] {
    if (this.#stage !== 'open') return [];
    return [
      ...this.#lookForSilence(now),
      ...[...this.#wantedLayers]
        .filter((layer) => this.#expired(`keyFrame${layer}`, now))
        .flatMap((layer) => this.#wantKeyFrame(now, layer)),
      ...(this.#expired('ping', now) ? this.#ping(now) : []),
      ...(this.#expired('state', now) ? this.#repeatState(now) : []),
      ...(this.#expired('keepAlive', now) ? this.#send(now, { type: 'keep-alive' }) : []),
    ];
  }

  #expired(timer: LinkTimer, now: Instant): boolean {
    const at = this.#timers.get(timer);
    return at !== undefined && at <= now;
  }

  #lookForSilence(now: Instant): LinkEffect[] {
    if (this.#silence === null || this.#silence.dueAt > now) return [];
    const silentMs = this.#silence.look(now);
    return silentMs === null ? [] : [{ type: 'silent', silentMs }];
  }

  #heard(now: Instant): LinkEffect[] {
    if (this.#stage === 'connecting') return [];
    return this.#silence?.hear(now) ? [{ type: 'revived' }] : [];
  }

  #send(now: Instant, message: ControlMessage): LinkEffect[] {
    if (this.#stage !== 'open') return [];
    this.#restartKeepAlive(now);
    return [{ type: 'send', message }];
  }

  #restartKeepAlive(now: Instant): void {
    if (this.#role === 'parent' && this.#stage === 'open' && !this.#isStandby)
      this.#timers.set('keepAlive', now + KEEP_ALIVE_MS);
  }
}

function stateOf(message: Extract<ControlMessage, { type: 'state' }>): LinkState {
  const { type: _, ...state } = message;
  return state;
}

function postOf(message: Extract<ControlMessage, { type: 'post' }>): Post {
  const { type: _, ...post } = message;
  return post;
}
