/**
 * The two machines of one link, joined by a wire with a latency, in virtual time. Messages pass the wire as bytes and
 * in order, like those of an ordered data channel; nothing happens except in `advance`.
 */

import { controlCodec, type ControlMessage, type LinkState } from '../src/control-messages.ts';
import {
  createLinkControl,
  type Instant,
  type LinkControl,
  type LinkEffect,
  type LinkInput,
} from '../src/link-control.ts';
import { seededRandom } from './seeded-random.ts';

/** As large as real clocks are, since parts of a millisecond are rounded there. */
export const START: Instant = 1_700_000_000_000;

export type Role = 'parent' | 'child';

export interface LinkWorldOptions {
  /** One way, in milliseconds. */
  latencyMs?: number;
  /** Added to the latency at random, from 0 to this. */
  jitterMs?: number;
  seed?: number;
  /** How far the child's clock is ahead of the parent's, which is the world's. */
  childAheadMs?: number;
}

interface Happening {
  readonly at: Instant;
  readonly order: number;
  run(): void;
}

/** One end of the link, with all that it has done. Times are the world's. */
export interface LinkEnd {
  readonly control: LinkControl;
  readonly effects: readonly { readonly at: Instant; readonly effect: LinkEffect }[];
  readonly sent: readonly { readonly at: Instant; readonly message: ControlMessage }[];
  step(input: LinkInput): LinkEffect[];
  /** Deadlines are met this much late from here on, as in a hidden page. */
  timersLateMs: number;
  /** Neither timers nor arrivals are seen before this; then the timers are first. */
  stalledUntil: Instant;
}

/** What a machine does by itself up to an instant, when its timers are in time. */
export function timeoutsUntil(control: LinkControl, until: Instant): LinkEffect[] {
  const effects: LinkEffect[] = [];
  for (let timeouts = 0; timeouts < MAX_TIMEOUTS; timeouts++) {
    const due = control.deadline();
    if (due === null || due > until) return effects;
    effects.push(...control.step(due, { type: 'timeout' }));
  }
  throw new Error('wants timeouts without end');
}

/** A parent's keep-alives of two minutes. */
const MAX_TIMEOUTS = 3_000;
/** Inputs at one instant after which a machine that still wants a timeout at that instant is stuck. */
const MAX_STEPS_PER_INSTANT = 20;

export class LinkWorld {
  now: Instant = START;
  readonly parent: LinkEnd;
  readonly child: LinkEnd;
  /** Whether the wire loses all that is put on it. */
  isCut = false;
  readonly #random: () => number;
  readonly #options: Required<LinkWorldOptions>;
  readonly #happenings: Happening[] = [];
  readonly #lastArrival = { parent: 0, child: 0 };
  #order = 0;

  constructor(options: LinkWorldOptions = {}) {
    this.#options = { latencyMs: 0, jitterMs: 0, seed: 1, childAheadMs: 0, ...options };
    this.#random = seededRandom(this.#options.seed);
    this.parent = this.#createEnd('parent');
    this.child = this.#createEnd('child');
  }

  /** Opens the channel at both ends, the parent's later if wanted. */
  open(parentLaterMs = 0): void {
    this.child.step({ type: 'opened' });
    this.schedule(parentLaterMs, () => this.parent.step({ type: 'opened' }));
    if (parentLaterMs === 0) this.advance(0);
  }

  schedule(afterMs: number, run: () => void): void {
    this.#happenings.push({ at: this.now + afterMs, order: this.#order++, run });
  }

  /** Media from the parent to the child: one packet every `everyMs`, the first at once. */
  playMedia(everyMs: number, forMs: number): void {
    for (let afterMs = 0; afterMs < forMs; afterMs += everyMs) {
      this.schedule(afterMs, () => {
        this.parent.step({ type: 'sent-media' });
        this.#carry('child', () => this.child.step({ type: 'heard-media' }));
      });
    }
  }

  /** Lets the given time pass. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#next();
      if (next === null || next.at > end) break;
      this.#forget(next);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
  }

  /** What an end was told since `since`, without what it was told to send. */
  effectsOf(role: Role, since: Instant = 0): LinkEffect[] {
    return this[role].effects
      .filter(({ at, effect }) => at >= since && effect.type !== 'send')
      .map(({ effect }) => effect);
  }

  /** When an end sent messages of a type. */
  timesSent(role: Role, type: ControlMessage['type']): Instant[] {
    return this[role].sent.filter(({ message }) => message.type === type).map(({ at }) => at);
  }

  #next(): Happening | null {
    const due = [...this.#timer('parent'), ...this.#timer('child'), ...this.#happenings].toSorted(
      (a, b) => a.at - b.at || a.order - b.order,
    );
    return due[0] ?? null;
  }

  /** Timers are not kept: they are asked for anew. */
  #forget(happening: Happening): void {
    const at = this.#happenings.indexOf(happening);
    if (at >= 0) this.#happenings.splice(at, 1);
  }

  #timer(role: Role): Happening[] {
    const end = this[role];
    const deadline = end.control.deadline();
    if (deadline === null) return [];
    const at = Math.max(deadline - this.#aheadMs(role) + end.timersLateMs, end.stalledUntil, this.now);
    return [{ at, order: -1, run: () => this.#timeout(role) }];
  }

  #timeout(role: Role): void {
    for (let steps = 0; ; steps++) {
      this[role].step({ type: 'timeout' });
      const deadline = this[role].control.deadline();
      if (deadline === null || deadline > this.#clockOf(role)) return;
      if (steps > MAX_STEPS_PER_INSTANT) throw new Error(`${role} wants timeouts without end`);
    }
  }

  #carry(to: Role, arrive: () => void): void {
    if (this.isCut) return;
    const { latencyMs, jitterMs } = this.#options;
    const at = Math.max(this.now + latencyMs + this.#random() * jitterMs, this.#lastArrival[to]);
    this.#lastArrival[to] = at;
    this.#deliver(to, at, arrive);
  }

  #deliver(to: Role, at: Instant, arrive: () => void): void {
    const run = (): void => {
      const { stalledUntil } = this[to];
      if (stalledUntil > this.now) this.#deliver(to, stalledUntil, arrive);
      else arrive();
    };
    this.#happenings.push({ at, order: this.#order++, run });
  }

  #createEnd(role: Role): LinkEnd {
    const control = createLinkControl(role);
    const effects: { at: Instant; effect: LinkEffect }[] = [];
    const sent: { at: Instant; message: ControlMessage }[] = [];
    const step = (input: LinkInput): LinkEffect[] => {
      const told = control.step(this.#clockOf(role), input);
      for (const effect of told) {
        effects.push({ at: this.now, effect });
        if (effect.type === 'send') this.#send(role, effect.message, sent);
      }
      return told;
    };
    return { control, effects, sent, step, timersLateMs: 0, stalledUntil: 0 };
  }

  #send(from: Role, message: ControlMessage, sent: { at: Instant; message: ControlMessage }[]): void {
    sent.push({ at: this.now, message });
    const bytes = controlCodec.encode(message);
    const to = from === 'parent' ? 'child' : 'parent';
    this.#carry(to, () => {
      const received = controlCodec.decode(bytes);
      if (received !== null) this[to].step({ type: 'received', message: received });
    });
  }

  #aheadMs(role: Role): number {
    return role === 'child' ? this.#options.childAheadMs : 0;
  }

  #clockOf(role: Role): Instant {
    return this.now + this.#aheadMs(role);
  }
}

/** A state as a relay below the streamer tells it. */
export function someState(changes: Partial<LinkState> = {}): LinkState {
  return {
    depth: 1,
    path: new Uint8Array(8),
    freeSlots: 3,
    subtreeSlots: 10,
    viewers: 4,
    epoch: 1_700_000_000,
    clockOffsetMs: 20,
    flowing: true,
    delayMs: 60,
    slots: 5,
    ageS: 90,
    layers: 0b001,
    received: null,
    ...changes,
  };
}
