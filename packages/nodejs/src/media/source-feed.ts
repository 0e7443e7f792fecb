/**
 * How the streams of one parent reach the hub. Two parents may be connected at the same time, and send for a moment
 * both: only the one that is played feeds the hub.
 *
 *   idle ──expect──▶ expecting ──key frame──▶ idle ──play──▶ played
 *
 * Whoever hears of the key frame may begin to play at once; the hub then starts with that very packet.
 */

import type { Arrivals, PulledMedia } from '../media-links.ts';
import type { Hub } from './hub.ts';
import type { RtpPacket } from './packet-ring.ts';
import type { RtpSource } from './rtp-source.ts';

/** A parent that is a relay starts with a key frame by itself; the request would go up to the streamer for nothing. */
const ASK_AFTER_MS = 250;

const NOTHING: Arrivals = { expected: 0, received: 0, frames: { expected: 0, received: 0 } };

export class SourceFeed implements PulledMedia {
  onFlowing: (() => void) | null = null;
  readonly #hub: Hub;
  readonly #now: () => number;
  #sources: readonly RtpSource[] = [];
  #isPlayed = false;
  /** Whose key frame is being looked at. */
  #starting: RtpSource | null = null;
  /** Since when; `null` while nothing is expected. */
  #expectingSince: number | null = null;
  #arrivalsBefore: Arrivals = NOTHING;

  constructor({ hub, now }: { hub: Hub; now: () => number }) {
    this.#hub = hub;
    this.#now = now;
  }

  get lastUnitAt(): number | null {
    let last: number | null = null;
    for (const { lastUnitAt } of this.#sources) {
      if (lastUnitAt !== null && lastUnitAt > (last ?? -Infinity)) last = lastUnitAt;
    }
    return last;
  }

  /** Packets can arrive. */
  open(sources: readonly RtpSource[]): void {
    this.#sources = sources;
    if (this.#expectingSince !== null) this.expect();
    if (this.#isPlayed) this.play(true);
  }

  expect(): void {
    this.#expectingSince = this.#now();
    if (this.#isPlayed) return;
    for (const source of this.#sources) this.#watch(source);
  }

  play(isPlayed: boolean): void {
    this.#isPlayed = isPlayed;
    if (!isPlayed) this.#expectingSince = null;
    for (const source of this.#sources) {
      if (isPlayed) this.#hub.setSource(source, { isStarting: source === this.#starting });
      else this.#take(source);
    }
  }

  tick(now: number): void {
    // Those that are played are looked after by the hub.
    if (this.#expectingSince === null || this.#isPlayed) return;
    const isLate = now - this.#expectingSince >= ASK_AFTER_MS;
    for (const source of this.#sources) {
      if (isLate) source.requestKeyFrame();
      source.tick(now, true);
    }
    if (isLate) this.#expectingSince = now;
  }

  takeArrivals(): Arrivals {
    const before = this.#arrivalsBefore;
    let { expected, received } = NOTHING;
    const frames = { ...NOTHING.frames };
    for (const source of this.#sources) {
      const stats = source.stats();
      expected += stats.received + stats.lost;
      received += stats.received;
      frames.expected += source.frames.expected;
      frames.received += source.frames.received;
    }
    this.#arrivalsBefore = { expected, received, frames };
    // Counts begin anew with a stream that starts over.
    if (expected < before.expected) return NOTHING;
    return {
      expected: expected - before.expected,
      received: Math.max(0, received - before.received),
      frames: {
        expected: frames.expected - before.frames.expected,
        received: frames.received - before.frames.received,
      },
    };
  }

  close(): void {
    this.onFlowing = null;
    this.#expectingSince = null;
    for (const source of this.#sources) {
      this.#take(source);
      source.close();
    }
    this.#sources = [];
  }

  #take(source: RtpSource): void {
    this.#hub.removeSource(source);
    source.onUnit = null;
  }

  #watch(source: RtpSource): void {
    const watcher = (packet: RtpPacket): void => {
      if (this.#expectingSince === null || !this.#isStart(source, packet)) return;
      this.#expectingSince = null;
      this.#starting = source;
      this.onFlowing?.();
      this.#starting = null;
      if (source.onUnit !== watcher) source.onUnit?.(packet);
    };
    source.onUnit = watcher;
  }

  #isStart({ key }: RtpSource, packet: RtpPacket): boolean {
    if (key.kind === 'video') return packet.startsKeyFrame;
    return this.#sources.every((source) => source.key.kind === 'audio');
  }
}
