/**
 * The media of one channel inside a headless relay: every stream comes from at most one source and goes to any
 * number of sinks. The hub owns no timer: the relay calls {@link Hub.tick} every 20 to 50 ms.
 */

import type { StreamKey } from '@casto/host';
import { LayerSwitch } from './layer-switch.ts';
import type { RtpSink } from './rtp-sink.ts';
import type { RtpSource } from './rtp-source.ts';
import { createStreamFanout } from './stream-fanout.ts';
import type { StreamEvent, StreamFanout, StreamReport } from './stream-fanout.ts';

/** Longer than the pauses of an encoder that sends nothing for a still picture or for silence. */
const DEFAULT_SILENCE_MS = 2000;

export type HubEvent = StreamEvent;
export type { StreamReport };

export interface HubOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export interface Hub {
  /** Hears what happens to the streams. Must not throw. */
  onEvent: ((event: HubEvent) => void) | null;
  /** A stream without packets for this long is reported as silent. */
  silenceMs: number;
  /**
   * Feeds the stream `source.key` from now on. While another source delivers, the change waits for the first key
   * frame of the new one; a `replaced` event then names the old one. Sources are closed by their owner.
   *
   * @param options.isStarting - The first packet of a key frame is about to be handed to the source's listener.
   */
  setSource(source: RtpSource, options?: { isStarting?: boolean }): void;
  removeSource(source: RtpSource): void;
  /**
   * Sends the stream `sink.key` to this sink as soon as it is open, or the layer that suits it best where it has a wish.
   * Sinks are closed by their owner.
   */
  addSink(sink: RtpSink): void;
  removeSink(sink: RtpSink): void;
  /** A viewer asked on its control channel. Merged with all other requests. */
  requestKeyFrame(key: StreamKey): void;
  /** The streams that have a source. */
  streams(): StreamReport[];
  tick(now: number): void;
  /** Lets go of all sources and sinks. Idempotent. */
  close(): void;
}

export function createHub(options: HubOptions): Hub {
  return new ChannelHub(options);
}

class ChannelHub implements Hub {
  onEvent: ((event: HubEvent) => void) | null = null;
  silenceMs = DEFAULT_SILENCE_MS;
  readonly #now: () => number;
  readonly #streams = new Map<string, StreamFanout>();
  readonly #layers = new LayerSwitch({
    of: (layer) => this.#stream({ kind: 'video', layer }),
    all: () => [...this.#streams.values()].filter(({ kind }) => kind === 'video'),
    left: (layer) => this.#leave({ kind: 'video', layer }, () => {}),
  });

  constructor({ now }: HubOptions) {
    this.#now = now;
  }

  setSource(source: RtpSource, options?: { isStarting?: boolean }): void {
    this.#stream(source.key).setSource(source, options);
  }

  removeSource(source: RtpSource): void {
    this.#leave(source.key, (stream) => stream.removeSource(source));
  }

  addSink(sink: RtpSink): void {
    if (sink.wish === null) this.#stream(sink.key).addSink(sink);
    else this.#layers.add(sink, sink.wish, this.#now());
  }

  removeSink(sink: RtpSink): void {
    if (!this.#layers.remove(sink)) this.#leave(sink.key, (stream) => stream.removeSink(sink));
  }

  requestKeyFrame(key: StreamKey): void {
    this.#streams.get(nameOf(key))?.requestKeyFrame();
  }

  streams(): StreamReport[] {
    return [...this.#streams.values()].flatMap((stream) => stream.report() ?? []);
  }

  tick(now: number): void {
    for (const stream of this.#streams.values()) stream.tick(now);
    this.#layers.tick(now);
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
    this.onEvent = null;
  }

  #stream(key: StreamKey): StreamFanout {
    const name = nameOf(key);
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const stream = createStreamFanout({
      key,
      now: this.#now,
      silenceMs: () => this.silenceMs,
      emit: (event) => this.onEvent?.(event),
    });
    this.#streams.set(name, stream);
    return stream;
  }

  #leave(key: StreamKey, leave: (stream: StreamFanout) => void): void {
    const name = nameOf(key);
    const stream = this.#streams.get(name);
    if (stream === undefined) return;
    leave(stream);
    if (stream.isEmpty) this.#streams.delete(name);
  }
}

function nameOf({ kind, layer }: StreamKey): string {
  return `${kind}/${layer}`;
}
