/**
 * What passes the media on inside a page: frames of the parents, or of the own encoder, go in; those that are in order
 * and complete go to the children and to the own decoder. Nothing is decoded or encoded here.
 *
 *   parents ──▶ order ──▶ one line of timestamps ──▶ children, decoder
 *                                             └────▶ kept since the last key frame
 */

import { ChildStream, type ChildLimit, type FrameWriter } from './child-stream.ts';
import { FrameOrder } from './frame-order.ts';
import type { FrameKind, HubFrame, PlacedFrame } from './hub-frame.ts';
import { RecentFrames } from './recent-frames.ts';
import { SourceTimeline } from './source-timeline.ts';
import { CaptureDelay } from './sync-shift.ts';

/** One audio or video stream of the channel; layers are streams of their own. */
interface HubStream<Raw> {
  readonly order: FrameOrder<Raw>;
  readonly timeline: SourceTimeline;
  readonly recent: RecentFrames<Raw>;
  readonly children: Map<number, ChildStream<Raw>>;
}

export interface HubPorts {
  /** A key frame of this layer is needed, now and until it comes. */
  wantKeyFrame(layer: number): void;
}

/** Key frames that children ask for come by themselves within this time, or are asked for. */
const CHILD_KEY_MS = 500;

export class Hub<Raw> {
  readonly captureDelay = new CaptureDelay();
  readonly #streams = new Map<string, HubStream<Raw>>();
  readonly #ports: HubPorts;
  /** Where each frame came from, as long as it is kept. */
  readonly #sources = new WeakMap<HubFrame<Raw>, number>();
  /** Called for every frame that passes, in order. */
  onFrame: ((placed: PlacedFrame<Raw>) => void) | null = null;

  constructor(ports: HubPorts) {
    this.#ports = ports;
  }

  /**
   * Takes a frame from a parent, or from the own encoder.
   *
   * @param layer - Whose stream it belongs to: where a parent sends another layer than the one it was asked for, its frames
   *   take the place of that one's.
   */
  take(source: number, frame: HubFrame<Raw>, now: number, layer = frame.layer): void {
    const stream = this.#stream(frame.kind, layer);
    this.captureDelay.add(frame, now);
    this.#sources.set(frame, source);
    stream.timeline.learn(source, frame);
    for (const passed of stream.order.take(frame, now)) {
      // It may have waited for a frame that another parent has given.
      const timestamp = stream.timeline.place(this.#sources.get(passed) ?? source, passed);
      this.#pass(stream, { frame: passed, timestamp }, now);
    }
  }

  /** Looks for what has waited too long; to be called now and then. */
  tick(now: number): void {
    for (const [key, { order, children }] of this.#streams) {
      const { kind, layer } = readKey(key);
      if (kind !== 'video') continue;
      const isBroken = order.expire(now);
      const isWanted = isBroken || [...children.values()].some(({ needsKey }) => needsKey);
      if (isWanted) this.#ports.wantKeyFrame(layer);
    }
  }

  /** What a decoder starts from that was not there before. */
  recentPictures(): PlacedFrame<Raw>[] {
    return this.#streams.get(keyOf('video', 0))?.recent.forNewcomer() ?? [];
  }

  /** What is added to the timestamps of a source (source-timeline.ts). */
  offsetOf(source: number, kind: FrameKind): number | null {
    return this.#streams.get(keyOf(kind, 0))?.timeline.offsetOf(source) ?? null;
  }

  /** The source is gone. */
  forget(source: number): void {
    for (const { timeline } of this.#streams.values()) timeline.forget(source);
  }

  addChild(child: number, key: { kind: FrameKind; layer: number }, writer: FrameWriter<Raw>): void {
    this.#stream(key.kind, key.layer).children.set(child, new ChildStream(writer));
  }

  removeChild(child: number): void {
    for (const { children } of this.#streams.values()) children.delete(child);
  }

  /** Sends the child media from what is kept on, or stops. */
  setActive(child: number, isActive: boolean, now: number): void {
    for (const { children, recent } of this.#streams.values()) {
      const stream = children.get(child);
      if (!isActive) stream?.pause();
      if (!stream || !isActive) continue;
      stream.begin();
      stream.start(recent.forNewcomer(), now);
    }
  }

  /** The writer of the child has become ready. */
  childReady(child: number, now: number): void {
    for (const { children, recent } of this.#streams.values()) {
      children.get(child)?.start(recent.forNewcomer(), now);
    }
  }

  limit(child: number, limit: ChildLimit): void {
    for (const { children } of this.#streams.values()) {
      const stream = children.get(child);
      if (stream) stream.limit = limit;
    }
  }

  /** The child cannot go on decoding. */
  childWantsKey(child: number, layer: number, now: number): void {
    const stream = this.#streams.get(keyOf('video', layer))?.children.get(child);
    if (stream?.takesPictures && now - stream.keyAt > CHILD_KEY_MS) this.#ports.wantKeyFrame(layer);
  }

  /** Bytes that were written to each child. */
  written(): Map<number, number> {
    const sums = new Map<number, number>();
    for (const { children } of this.#streams.values()) {
      for (const [child, { bytes }] of children) sums.set(child, (sums.get(child) ?? 0) + bytes);
    }
    return sums;
  }

  #pass(stream: HubStream<Raw>, placed: PlacedFrame<Raw>, now: number): void {
    const { recent, children } = stream;
    if (placed.frame.kind === 'video') recent.add(placed);
    // Children first: the own picture waits for its jitter buffer anyway.
    for (const child of children.values()) child.take(placed, () => recent.forNewcomer(), now);
    this.onFrame?.(placed);
  }

  #stream(kind: FrameKind, layer: number): HubStream<Raw> {
    const key = keyOf(kind, layer);
    const known = this.#streams.get(key);
    if (known) return known;
    const stream: HubStream<Raw> = {
      order: new FrameOrder(),
      timeline: new SourceTimeline(kind),
      recent: new RecentFrames(),
      children: new Map(),
    };
    this.#streams.set(key, stream);
    return stream;
  }
}

function keyOf(kind: FrameKind, layer: number): string {
  return `${kind} ${layer}`;
}

function readKey(key: string): { kind: FrameKind; layer: number } {
  const [kind, layer] = key.split(' ');
  return { kind: kind === 'audio' ? 'audio' : 'video', layer: Number(layer) };
}
