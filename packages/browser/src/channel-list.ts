/** `CASTO.channels()`: which channels are live at the relays that a page knows. */

import type { EventTargetOf } from './events.ts';
import { readListOptions } from './options.ts';
import { relayTargets, type RelayTarget } from './relay-list.ts';

export interface CastoChannelsOptions {
  /** Namespace of channels, as the streamers' `app`; default `''`. */
  app?: string | undefined;
  /** Relays to ask, http(s) origins or multiaddrs, at most 8. Default: as in `CastoOptions`. */
  relays?: string[] | undefined;
  /** Aborting is like `close()`. */
  signal?: AbortSignal | undefined;
}

/** A live channel. The object is not changed any more: a later state of the channel is another one. */
export interface CastoChannel {
  /** Its id: `new CASTO({ channel })` watches it. */
  readonly channel: string;
  /**
   * As the streamer wrote it, at most 120 characters of any kind: show it as text (`textContent`), never as HTML, and
   * in an element of its own (`<bdi>`), because it may change the direction of writing.
   */
  readonly title: string;
  readonly app: string;
  /** When the broadcast began, milliseconds since 1970 in the streamer's clock. */
  readonly startedAt: number;
  /** As the relays say; nobody proves it. */
  readonly viewers: number;
  /** Codec of the video; `null`: there is none. */
  readonly video: 'vp8' | 'h264' | null;
  readonly audio: boolean;
  /**
   * A picture of the broadcast, signed by its streamer: JPEG or WebP, at most 320 pixels on either side and 24 KiB,
   * taken about every 30 s. `null` while there is none, and for channels without video or published by WHIP.
   */
  readonly snapshot: { readonly blob: Blob; readonly takenAt: number } | null;
}

/** `reconnecting`: what is known goes on being shown for a while. */
export type CastoChannelsState = 'connecting' | 'connected' | 'reconnecting';

export interface CastoChannelsEventMap {
  /** A channel has gone live, or was heard of. */
  added: CustomEvent<CastoChannel>;
  /** Something about a channel is not as it was. */
  changed: CustomEvent<CastoChannel>;
  /** A channel is not live any more, or no relay lists it; `detail` is its last state. */
  removed: CustomEvent<CastoChannel>;
  state: CustomEvent<{ state: CastoChannelsState }>;
}

/** An EventTarget with the events of `CastoChannelsEventMap`. */
export type CastoChannelsEvents = EventTargetOf<CastoChannelsEventMap>;

/** The live channels of some relays, kept up to date until it is closed. */
export class CastoChannels extends (EventTarget as new () => CastoChannelsEvents) {
  readonly #closed = new AbortController();
  #channels: readonly CastoChannel[] = [];
  #state: CastoChannelsState = 'connecting';

  /**
   * @internal Pages call `CASTO.channels()`.
   * @throws {TypeError} When an option is not what its type says.
   */
  constructor(options: CastoChannelsOptions) {
    super();
    const app = readListOptions(options);
    const targets = relayTargets(options.relays ?? null);
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
    if (options.signal?.aborted) this.close();
    else void this.#follow(app, targets);
  }

  /** The live ones, most viewed first, then newest. Another array after each change. */
  get channels(): readonly CastoChannel[] {
    return this.#channels;
  }

  get state(): CastoChannelsState {
    return this.#state;
  }

  /** Leaves the relays. The list stays as it is, and no event comes any more. Idempotent. */
  close(): void {
    this.#closed.abort();
  }

  async #follow(app: string, targets: readonly RelayTarget[]): Promise<void> {
    // Pages that list nothing do not load it.
    const { followChannels } = await import('./listing/channel-follower.ts');
    await followChannels({
      app,
      targets,
      signal: this.#closed.signal,
      onState: (state) => {
        if (!this.#closed.signal.aborted) this.#state = state;
        this.#emit('state', { state });
      },
      onChannels: (channels) => {
        if (!this.#closed.signal.aborted) this.#channels = channels;
      },
      onEvent: (type, channel) => this.#emit(type, channel),
    });
  }

  #emit(type: string, detail: unknown): void {
    if (!this.#closed.signal.aborted) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
