/**
 * Moves the viewers of a channel from layer to layer: down where their link or their layer fails them, up again when that
 * has passed, and always at a key frame of the layer that they go to.
 *
 * On the way down a key frame is asked for. On the way up the next regular one is waited for, because most encoders answer
 * with key frames of all layers, for all viewers.
 */

import { chooseLayer, LayerActivity, type LayerWish, type LiveLayer } from './layer-choice.ts';
import type { RtpSink } from './rtp-sink.ts';
import type { StreamFanout } from './stream-fanout.ts';

/** How often layers and viewers are looked at. */
const LOOK_MS = 100;

export interface LayerFanouts {
  /** The fan-out of a layer that has a source or sinks; made when it is not there. */
  of(layer: number): StreamFanout;
  /** The fan-outs of all layers that there are. */
  all(): Iterable<StreamFanout>;
  /** A fan-out may have become empty. */
  left(layer: number): void;
}

export class LayerSwitch {
  readonly #fanouts: LayerFanouts;
  readonly #activity = new LayerActivity();
  /** Where each viewer is about to go, `null` where it stays. */
  readonly #targets = new Map<RtpSink, number | null>();
  #live: readonly LiveLayer[] = [];
  #lookedAt = -Infinity;

  constructor(fanouts: LayerFanouts) {
    this.#fanouts = fanouts;
  }

  /** A viewer without a layer of its own comes: it begins with the best one. */
  add(sink: RtpSink, wish: LayerWish, now: number): void {
    if (this.#targets.has(sink)) return;
    this.#look(now);
    this.#targets.set(sink, null);
    const layer = chooseLayer(this.#live, wish, sink.key.layer);
    if (layer !== sink.key.layer) sink.moveTo(layer);
    this.#fanouts.of(layer).addSink(sink);
  }

  /** @returns Whether it was here. */
  remove(sink: RtpSink): boolean {
    const target = this.#targets.get(sink);
    if (target === undefined) return false;
    this.#cancel(sink, target);
    this.#targets.delete(sink);
    this.#fanouts.of(sink.key.layer).removeSink(sink);
    this.#fanouts.left(sink.key.layer);
    return true;
  }

  tick(now: number): void {
    if (this.#targets.size === 0 || now - this.#lookedAt < LOOK_MS) return;
    this.#look(now);
    for (const [sink, target] of this.#targets) if (sink.wish !== null) this.#direct(sink, sink.wish, target);
  }

  #look(now: number): void {
    this.#lookedAt = now;
    this.#live = this.#activity.observe([...this.#fanouts.all()], now);
  }

  #direct(sink: RtpSink, wish: LayerWish, target: number | null): void {
    const { layer: current } = sink.key;
    const carried = Math.max(current, wish.best);
    wish.hasLower = this.#live.some(({ layer }) => layer > carried);
    const layer = chooseLayer(this.#live, wish, current);
    if (layer === (target ?? current)) return;
    this.#cancel(sink, target);
    if (layer === current) return;
    const isCurrentLive = this.#live.some((other) => other.layer === current);
    // Where nothing is sent, nothing can break.
    if (sink.state !== 'flowing' && sink.state !== 'catching-up') return this.#move(sink, layer);
    const fanout = this.#fanouts.of(layer);
    this.#targets.set(sink, layer);
    fanout.awaitKeyFrame(sink, () => this.#move(sink, layer, { isStarting: true }));
    if (!isCurrentLive || current < wish.best) fanout.requestKeyFrame();
  }

  #move(sink: RtpSink, layer: number, { isStarting = false }: { isStarting?: boolean } = {}): void {
    const { layer: former } = sink.key;
    this.#targets.set(sink, null);
    this.#fanouts.of(former).removeSink(sink);
    sink.moveTo(layer);
    this.#fanouts.of(layer).addSink(sink, { isStarting });
    this.#fanouts.left(former);
  }

  #cancel(sink: RtpSink, target: number | null): void {
    if (target === null) return;
    this.#targets.set(sink, null);
    this.#fanouts.of(target).forgo(sink);
    this.#fanouts.left(target);
  }
}
