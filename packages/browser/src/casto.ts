import { refusalCounter } from '@casto/host';
import { CastoChannels, type CastoChannelsOptions } from './channel-list.ts';
import { CastoError, toCastoError } from './errors.ts';
import type { CastoEventMap, CastoEvents } from './events.ts';
import { linkTo, readOptions, type CastoOptions, type Settings } from './options.ts';
import { PageWorker } from './page-worker.ts';
import { relayTargets, type RelayTarget } from './relay-list.ts';
import type { PageContext, Role } from './role.ts';
import type { CastoStats } from './stats.ts';
import type { CastoTree } from './casto-tree.ts';
import { TreeWatchers, type CastoTreeWatch } from './tree-watchers.ts';
import { readChannel, Viewer } from './viewer.ts';

type Phase = 'new' | 'starting' | 'running' | 'stopped';

/**
 * One broadcast, seen from this page: the streamer's side of it, or a viewer's.
 *
 * ```ts
 * const casto = new CASTO()
 * video.srcObject = await casto.start()
 * ```
 *
 * With a channel in the options or in the page's address (`#casto=ID`) the page watches; else it broadcasts.
 */
export class CASTO extends (EventTarget as new () => CastoEvents) {
  readonly #settings: Settings;
  readonly #targets: readonly RelayTarget[];
  readonly #closed = new AbortController();
  readonly #trees = new TreeWatchers();
  #phase: Phase = 'new';
  #role: Role | null = null;
  #worker: PageWorker | null = null;
  #stopping: Promise<void> | null = null;

  /** @throws {TypeError} When an option is not what its type says. */
  constructor(options: CastoOptions = {}) {
    super();
    this.#settings = readOptions(options, location.href);
    this.#targets = relayTargets(this.#settings.relays);
  }

  /**
   * The channels that are live at the relays that this page knows. Returns at once and connects in the background.
   *
   * ```ts
   * const list = CASTO.channels()
   * list.addEventListener('added', ({ detail }) => show(detail.title, detail.snapshot?.blob))
   * ```
   *
   * @throws {TypeError} When an option is not what its type says.
   */
  static channels(options: CastoChannelsOptions = {}): CastoChannels {
    return new CastoChannels(options);
  }

  /** The channel's id; empty before a streamer has started. */
  get channel(): string {
    return this.#role?.channel ?? this.#settings.channel ?? '';
  }

  /** What the streamer calls the broadcast, signed with the channel's key; empty before that is known. Any text: treat it as such. */
  get title(): string {
    return this.#role?.title ?? '';
  }

  /** The page's own PeerId; empty before the start. */
  get peerId(): string {
    return this.#role?.peerId ?? '';
  }

  /** The page's address with the channel in it: whoever opens it watches. */
  get link(): string {
    return this.channel === '' ? location.href : linkTo(this.channel, location.href);
  }

  /**
   * Goes live, or joins.
   *
   * @returns The streamer's own preview, once a relay has the broadcast; the viewer's remote stream, which stays
   * the same object through every reconnection. A viewer of a channel that is not live waits until it is.
   * @throws {CastoError} Branch on `reason`.
   */
  async start(): Promise<MediaStream> {
    if (this.#phase !== 'new') throw new DOMException('start() was called before', 'InvalidStateError');
    this.#phase = 'starting';
    const { signal } = this.#settings;
    signal?.addEventListener('abort', () => void this.stop(), { once: true });
    try {
      if (signal?.aborted) throw new CastoError('aborted', 'the signal was aborted before the start');
      this.#role = await this.#createRole();
      const stream = await this.#role.start();
      this.#closed.signal.throwIfAborted();
      this.#phase = 'running';
      return stream;
    } catch (error) {
      const failure = this.#closed.signal.aborted
        ? new CastoError('aborted', 'stopped while starting', { cause: error })
        : toCastoError(error, 'protocol', 'starting failed');
      await this.stop();
      throw failure;
    }
  }

  /** How the broadcast goes, as far as this page knows. @throws {CastoError} `aborted` when it is not running. */
  async stats(): Promise<CastoStats> {
    if (this.#role === null || this.#phase === 'stopped') {
      throw new CastoError('aborted', 'stats() needs a started broadcast');
    }
    return this.#role.stats();
  }

  /**
   * Says something to everybody on the channel, the streamer included, as an event `message`; this page hears its own at
   * once. Nobody confirms what arrives, and whoever comes later does not get it.
   *
   * @param data - At most 1000 characters, and 2048 bytes as UTF-8.
   * @throws {CastoError} `too-large`; `rate-limited`: five at once and one a second are allowed, twenty and five to the
   * streamer, where each begun 512 bytes count as one; `aborted` when it is not running.
   */
  async send(data: string): Promise<void> {
    if (typeof data !== 'string') throw new TypeError('send() takes text');
    if (this.#role === null || this.#phase !== 'running') {
      throw new CastoError('aborted', 'send() needs a started broadcast');
    }
    await this.#role.send(data);
  }

  /**
   * Shows the tree of the channel: who has the broadcast from whom. Peers are told of by short ids and figures, never by
   * addresses. Nobody is asked for anything while nobody watches.
   *
   * @param listener - Called about once a second from then on, once this page has a picture or broadcasts. A change at
   * depth n is seen within about n seconds.
   * @returns What ends it; the end of the broadcast does so too.
   */
  watchTree(listener: (tree: CastoTree) => void): CastoTreeWatch {
    return this.#trees.add(listener);
  }

  /** Ends the broadcast, or leaves it. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    this.#phase = 'stopped';
    this.#closed.abort();
    await this.#role?.stop().catch(() => {});
    this.#worker?.close();
  }

  async #createRole(): Promise<Role> {
    if (typeof RTCPeerConnection !== 'function') {
      throw new CastoError('unsupported-browser', 'this browser has no WebRTC');
    }
    this.#worker = new PageWorker();
    const context: PageContext = {
      settings: this.#settings,
      emit: (type, detail) => this.#emit(type, detail),
      worker: this.#worker,
      targets: this.#targets,
      refused: refusalCounter(),
      trees: this.#trees,
      signal: this.#closed.signal,
    };
    const { channel } = this.#settings;
    if (channel !== null) return Viewer.create(context, readChannel(channel));
    // Viewers, who are many, do not load what only streamers need.
    const { Streamer } = await import('./streamer.ts');
    return Streamer.create(context);
  }

  /** EventTarget reports what a listener throws and goes on, so a page's mistake breaks nothing here. */
  #emit<K extends keyof CastoEventMap>(type: K, detail: CastoEventMap[K]['detail']): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
