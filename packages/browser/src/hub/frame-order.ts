/**
 * Puts the frames of one stream in order, from however many parents they come, and lets each pass once.
 *
 *   frames ──▶ a copy, or too late: dropped
 *          ──▶ what it needs has passed: passes, and so do those that waited for it
 *          ──▶ else: waits for it, because a lost packet is sent again and its frame comes after the next ones
 *
 * A parent may send another layer of the video from a key frame on, with a count of its own.
 *
 * Without this a relay would send its children frames that no decoder can use, and in an order that breaks it.
 */

import { ahead, type HubFrame } from './hub-frame.ts';
import { PassedFrames } from './passed-frames.ts';

/** A retransmission over a slow link takes two round trips; what takes longer is past its playout. */
const HOLD_MS = 400;
/** Two seconds of pictures. */
const MAX_HELD = 64;
/** Sound that comes late is of use to a jitter buffer as long as it is within this many frames. */
const LATE_AUDIO_FRAMES = 8;
/** A parent whose frames all look old for so long has another count: the order begins anew with its key frame. */
const STALL_MS = 1_000;

export class FrameOrder<Raw> {
  readonly #passed = new PassedFrames();
  readonly #held: { frame: HubFrame<Raw>; since: number }[] = [];
  #epoch = 0;
  #layer = 0;
  #passedAt = -Infinity;
  /** Of the last frame that passed. */
  #capturedAt: number | null = null;
  #hasKey = false;
  /** Since when pictures come that only a key frame makes of use; `null` while none does. */
  #stuckSince: number | null = null;

  /** @returns The frames that pass now, in order. */
  take(frame: HubFrame<Raw>, now: number): HubFrame<Raw>[] {
    const isStalled = now - this.#passedAt > STALL_MS;
    const isNewer = frame.epoch > this.#epoch || (frame.epoch < this.#epoch && isStalled);
    if (isNewer) this.#begin(frame);
    if (frame.epoch !== this.#epoch) return [];
    if (frame.kind === 'audio') return this.#takeAudio(frame, now);
    if (frame.layer !== this.#layer) return this.#takeOtherLayer(frame, now);
    const { last } = this.#passed;
    const isOld = last !== null && ahead(frame.sequence, last) <= 0;
    if (isOld && !(isStalled && this.#isAnotherCount(frame))) return [];
    if (isOld) this.#begin(frame);
    if (!this.#isReady(frame)) {
      this.#hold(frame, now);
      return [];
    }
    return this.#pass(frame, now);
  }

  /** Lets go of what has waited too long. @returns Whether a key frame is needed to go on. */
  expire(now: number): boolean {
    const isOver = ({ since }: { since: number }): boolean => now - since >= HOLD_MS;
    const over = this.#held.filter(isOver);
    const isBase = ({ frame }: { frame: HubFrame<Raw> }): boolean => frame.temporalLayer === 0;
    const isPresent = ({ frame }: { frame: HubFrame<Raw> }): boolean => frame.layer === this.#layer;
    const isStill = now - this.#passedAt >= HOLD_MS;
    // What they waited for is lost. Only the base cannot be done without: all that follow it up to the next key frame are.
    // Another layer that misses its key frame breaks nothing while the present one goes on.
    if (this.#hasKey && over.some((held) => isBase(held) && (isPresent(held) || isStill))) {
      this.#hasKey = false;
      this.#stuckSince = Math.min(...over.map(({ since }) => since));
    }
    if (over.length > 0) this.#held.splice(0, Infinity, ...this.#held.filter((held) => !isOver(held)));
    return this.#stuckSince !== null && now - this.#stuckSince >= HOLD_MS;
  }

  /** Whether an old number belongs to a frame that is newer than all that have passed. */
  #isAnotherCount({ sequence, capturedAt }: HubFrame<Raw>): boolean {
    return !this.#passed.has(sequence) && (capturedAt ?? Infinity) > (this.#capturedAt ?? -Infinity);
  }

  /** It begins with a key frame, unless that is older than what has passed, as when a parent is left that sends both. */
  #takeOtherLayer(frame: HubFrame<Raw>, now: number): HubFrame<Raw>[] {
    if (!frame.isKey) {
      this.#hold(frame, now);
      return [];
    }
    if ((frame.capturedAt ?? Infinity) < (this.#capturedAt ?? -Infinity)) return [];
    const waiting = this.#held.filter(({ frame: held }) => held.layer === frame.layer);
    this.#begin(frame);
    this.#held.push(...waiting);
    return this.#pass(frame, now);
  }

  #isReady(frame: HubFrame<Raw>): boolean {
    return frame.isKey || (this.#hasKey && this.#passed.isReady(frame));
  }

  #takeAudio(frame: HubFrame<Raw>, now: number): HubFrame<Raw>[] {
    const { last } = this.#passed;
    const isLate = last !== null && ahead(last, frame.sequence) > LATE_AUDIO_FRAMES;
    if (isLate && now - this.#passedAt > STALL_MS) this.#begin(frame);
    else if (isLate || this.#passed.has(frame.sequence)) return [];
    this.#passed.add(frame.sequence);
    this.#passedAt = now;
    return [frame];
  }

  #pass(frame: HubFrame<Raw>, now: number): HubFrame<Raw>[] {
    const passing = [frame];
    this.#add(frame, now);
    // Each that passes may be what others wait for.
    for (let next = this.#takeReady(); next !== null; next = this.#takeReady()) {
      this.#add(next, now);
      passing.push(next);
    }
    return passing;
  }

  #add(frame: HubFrame<Raw>, now: number): void {
    if (frame.isKey) {
      // What came before it is of no use any more.
      this.#passed.reset();
      this.#hasKey = true;
      this.#stuckSince = null;
    }
    this.#passed.add(frame.sequence);
    this.#passedAt = now;
    this.#capturedAt = frame.capturedAt;
  }

  #takeReady(): HubFrame<Raw> | null {
    const { last } = this.#passed;
    for (let i = 0; i < this.#held.length; i++) {
      const held = this.#held[i];
      if (held === undefined || held.frame.layer !== this.#layer) continue;
      if (last !== null && ahead(held.frame.sequence, last) <= 0) {
        this.#held.splice(i--, 1);
      } else if (this.#isReady(held.frame)) {
        this.#held.splice(i, 1);
        return held.frame;
      }
    }
    return null;
  }

  #hold(frame: HubFrame<Raw>, now: number): void {
    // A key frame is large, and pictures that need it may be here before it.
    if (!this.#hasKey) this.#stuckSince ??= now;
    if (this.#held.length >= MAX_HELD) return;
    const { sequence, layer } = frame;
    if (this.#held.some(({ frame: other }) => other.sequence === sequence && other.layer === layer)) return;
    this.#held.push({ frame, since: now });
    this.#held.sort((a, b) => ahead(a.frame.sequence, b.frame.sequence));
  }

  #begin({ epoch, layer }: HubFrame<Raw>): void {
    this.#epoch = epoch;
    this.#layer = layer;
    this.#passed.reset();
    this.#held.length = 0;
    this.#hasKey = false;
    this.#stuckSince = null;
  }
}
