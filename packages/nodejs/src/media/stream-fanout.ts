/**
 * One stream of a channel: its source, the source that is to replace it, and all its viewers.
 *
 * A new source takes over at its first key frame while the old one still delivers, so viewers see no gap; when the
 * old one has fallen silent it takes over at once.
 */

import type { StreamKey } from '@casto/host';
import type { RtpPacket } from './packet-ring.ts';
import type { SenderReport } from './rtcp-packet.ts';
import type { RtpSink } from './rtp-sink.ts';
import type { RtpSource, SourceStats } from './rtp-source.ts';

/**
 * A viewer starts from a key frame that is at most this old: catching up with more takes longer than asking for a
 * fresh one. The streamer makes one every 2 s; a tenth more for its timer.
 */
const MAX_START_AGE_MS = 2200;

export interface StreamReport extends SourceStats {
  readonly key: StreamKey;
  /** Packets arrive. */
  readonly isLive: boolean;
  readonly lastUnitAt: number | null;
  readonly viewers: number;
}

export type StreamEvent =
  | { readonly type: 'live'; readonly key: StreamKey }
  | { readonly type: 'silent'; readonly key: StreamKey }
  /** The source feeds nobody any more and can be closed. */
  | { readonly type: 'replaced'; readonly key: StreamKey; readonly source: RtpSource };

export interface StreamFanoutOptions {
  readonly key: StreamKey;
  readonly now: () => number;
  /** A stream without packets for this long is not live. */
  readonly silenceMs: () => number;
  readonly emit: (event: StreamEvent) => void;
}

export interface StreamFanout {
  readonly kind: StreamKey['kind'];
  readonly layer: number;
  readonly isEmpty: boolean;
  /** When the source last delivered; `null` without one, or before. */
  readonly lastUnitAt: number | null;
  /** @param options.isStarting - The first packet of a key frame is about to be handed over, and starts everybody. */
  setSource(source: RtpSource, options?: { isStarting?: boolean }): void;
  removeSource(source: RtpSource): void;
  /** @param options.isStarting - The key frame that the sink starts with is about to be handed out. */
  addSink(sink: RtpSink, options?: { isStarting?: boolean }): void;
  removeSink(sink: RtpSink): void;
  /** Tells before the next key frame is handed out, once. The sink is none of this stream yet. */
  awaitKeyFrame(sink: RtpSink, onKeyFrame: () => void): void;
  /** The sink waits for it no more. */
  forgo(sink: RtpSink): void;
  requestKeyFrame(): void;
  tick(now: number): void;
  /** `null` without a source. */
  report(): StreamReport | null;
  close(): void;
}

export function createStreamFanout(options: StreamFanoutOptions): StreamFanout {
  return new SourceFanout(options);
}

class SourceFanout implements StreamFanout {
  readonly #options: StreamFanoutOptions;
  #source: RtpSource | null = null;
  /** Delivers, but has had no key frame yet. */
  #successor: RtpSource | null = null;
  /** Never changed in place: a sink may leave while packets are handed out. */
  #sinks: readonly RtpSink[] = [];
  /** Those that are about to come from another layer. */
  readonly #awaiting = new Map<RtpSink, () => void>();
  #isLive = false;

  constructor(options: StreamFanoutOptions) {
    this.#options = options;
  }

  get kind(): StreamKey['kind'] {
    return this.#options.key.kind;
  }

  get layer(): number {
    return this.#options.key.layer;
  }

  get lastUnitAt(): number | null {
    return this.#source?.lastUnitAt ?? null;
  }

  get isEmpty(): boolean {
    const isFed = this.#source !== null || this.#successor !== null;
    return !isFed && this.#sinks.length === 0 && this.#awaiting.size === 0;
  }

  setSource(source: RtpSource, { isStarting = false }: { isStarting?: boolean } = {}): void {
    if (source === this.#source || source === this.#successor) return;
    this.#drop(this.#successor);
    this.#successor = null;
    if (this.#source === null || !this.#isLive) {
      this.#promote(source);
      if (!isStarting) this.#startAll();
      return;
    }
    this.#successor = source;
    source.onUnit = (packet) => {
      if (source.key.kind === 'video' && !packet.startsKeyFrame) return;
      this.#promote(source);
      this.#deliver(packet);
    };
    source.requestKeyFrame();
  }

  removeSource(source: RtpSource): void {
    if (source === this.#successor) {
      detach(source);
      this.#successor = null;
    }
    if (source !== this.#source) return;
    detach(source);
    this.#source = null;
    if (this.#successor === null) return this.#fallSilent();
    this.#promote(this.#successor);
    this.#startAll();
  }

  addSink(sink: RtpSink, { isStarting = false }: { isStarting?: boolean } = {}): void {
    if (this.#sinks.includes(sink)) return;
    this.#sinks = [...this.#sinks, sink];
    sink.onKeyFrameNeeded = () => this.requestKeyFrame();
    sink.onOpen = () => this.#start(sink);
    if (!isStarting) this.#start(sink);
  }

  removeSink(sink: RtpSink): void {
    if (!this.#sinks.includes(sink)) return;
    this.#sinks = this.#sinks.filter((other) => other !== sink);
    sink.onKeyFrameNeeded = null;
    sink.onOpen = null;
  }

  awaitKeyFrame(sink: RtpSink, onKeyFrame: () => void): void {
    this.#awaiting.set(sink, onKeyFrame);
  }

  forgo(sink: RtpSink): void {
    this.#awaiting.delete(sink);
  }

  requestKeyFrame(): void {
    this.#source?.requestKeyFrame();
  }

  tick(now: number): void {
    const isWatched = this.#sinks.length > 0 || this.#awaiting.size > 0;
    this.#source?.tick(now, isWatched);
    this.#successor?.tick(now, isWatched);
    for (const sink of this.#sinks) sink.advance();
    const lastUnitAt = this.#source?.lastUnitAt ?? -Infinity;
    if (this.#isLive && now - lastUnitAt > this.#options.silenceMs()) this.#fallSilent();
  }

  report(): StreamReport | null {
    const source = this.#source;
    if (source === null) return null;
    const { key, lastUnitAt } = source;
    return { key, isLive: this.#isLive, lastUnitAt, viewers: this.#sinks.length, ...source.stats() };
  }

  close(): void {
    for (const source of [this.#source, this.#successor]) if (source !== null) detach(source);
    this.#source = null;
    this.#successor = null;
    this.#awaiting.clear();
    for (const sink of this.#sinks) this.removeSink(sink);
  }

  readonly #deliver = (packet: RtpPacket): void => {
    if (!this.#isLive) this.#goLive();
    if (packet.startsKeyFrame && this.#awaiting.size > 0) this.#welcome();
    const sinks = this.#sinks;
    for (let index = 0; index < sinks.length; index += 1) sinks[index]?.write(packet);
  };

  #welcome(): void {
    const arriving = [...this.#awaiting.values()];
    this.#awaiting.clear();
    for (const arrive of arriving) arrive();
  }

  #promote(source: RtpSource): void {
    const replaced = this.#source;
    this.#source = source;
    if (this.#successor === source) this.#successor = null;
    source.onUnit = this.#deliver;
    source.onBreak = () => {
      for (const sink of this.#sinks) sink.restart();
    };
    source.onSenderReport = (report: SenderReport) => {
      for (const sink of this.#sinks) sink.sendReport(source.ring, report);
    };
    this.#drop(replaced);
  }

  #startAll(): void {
    for (const sink of this.#sinks) this.#start(sink);
  }

  /** Gives a waiting viewer what the ring holds since the last key frame, or asks for another key frame. */
  #start(sink: RtpSink): void {
    const source = this.#source;
    if (source === null || source.key.kind === 'audio' || sink.state === 'closed') return;
    const { keyFrame } = source.ring;
    const isFresh = keyFrame !== null && this.#options.now() - keyFrame.arrivedAt <= MAX_START_AGE_MS;
    if (isFresh && sink.state === 'waiting' && sink.mayStartAt(source.ring, keyFrame.sequence))
      sink.startFrom(source.ring, keyFrame.sequence);
    if (sink.state === 'waiting' || !isFresh) source.requestKeyFrame();
  }

  #drop(source: RtpSource | null): void {
    if (source === null) return;
    detach(source);
    this.#options.emit({ type: 'replaced', key: this.#options.key, source });
  }

  #goLive(): void {
    this.#isLive = true;
    this.#options.emit({ type: 'live', key: this.#options.key });
  }

  #fallSilent(): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    this.#options.emit({ type: 'silent', key: this.#options.key });
  }
}

function detach(source: RtpSource): void {
  source.onUnit = null;
  source.onBreak = null;
  source.onSenderReport = null;
}
