/** The parent's end of a link whose media another process sends: what is done to it there, and what is heard of it. */

import type { Clock, ControlPort, LinkEndState, MediaActivity, ParentEnd, RefusalCounter } from '@casto/host';
import type { ServedMedia } from '../media-links.ts';
import type { LinkQuality } from '../relay-overview.ts';
import { MediaLinkError } from '../media/media-link-error.ts';
import { Outcome } from './outcome.ts';
import type { AboutLink, LinkSettings, ToWorker } from './worker-messages.ts';

/** For how long the worker is trusted to tell the child that the relay lives, before it is asked again. */
const KEPT_ALIVE_MS = 1_000;

export interface RemoteParentEndOptions {
  readonly settings: LinkSettings;
  readonly clock: Clock;
  readonly counts: RefusalCounter;
  /** @returns Whether the worker takes more in. */
  readonly send: (message: ToWorker) => boolean;
  /** The link is closed, whoever closed it. */
  readonly onClosed: () => void;
}

export class RemoteParentEnd implements ParentEnd, MediaActivity {
  readonly control: RemoteControl;
  readonly media: ServedMedia = {
    serve: (isActive) => this.#serve(isActive),
    quality: () => this.#quality,
    chooseLayer: (layer) => this.#tellOfLayer('choose-layer', layer),
    wantKeyFrame: (layer) => this.#tellOfLayer('want-key-frame', layer),
  };
  onStateChange: ((state: LinkEndState) => void) | null = null;
  /** Never called: a parent's candidates are in its answer. */
  onCandidate: ((candidate: string) => void) | null = null;
  readonly #options: RemoteParentEndOptions;
  readonly #id: number;
  readonly #answer = new Outcome<string>();
  #state: LinkEndState = 'connecting';
  #isActive: boolean;
  /** As of a second ago. */
  #quality: LinkQuality = { rttMs: null, lossShare: null, layer: null, temporalLayer: null };

  constructor(options: RemoteParentEndOptions) {
    const { settings, counts, send } = options;
    this.#options = options;
    this.#id = settings.link;
    this.#isActive = settings.isActive;
    this.control = new RemoteControl({ link: this.#id, counts, send });
    send({ type: 'serve', ...settings });
  }

  get state(): LinkEndState {
    return this.#state;
  }

  /** @throws {MediaLinkError} As a link of this process, and `closed` when the worker ends. */
  answer(): Promise<string> {
    return this.#answer.promise;
  }

  addCandidate(candidate: string): void {
    if (this.#state !== 'closed') this.#options.send({ type: 'candidate', link: this.#id, candidate });
  }

  /**
   * In the future while the child is sent media: the worker sees to it that the child hears something every 40 ms
   * (PROTOCOL.md, K2.1), so that this process need not wake up for it.
   */
  lastSentAt(): number {
    return this.#isActive ? this.#options.clock.now() + KEPT_ALIVE_MS : -Infinity;
  }

  /** Unknown: a parent does not judge the silence of its child (PROTOCOL.md, K2.7). */
  lastHeardAt(): number {
    return -Infinity;
  }

  /** How the worker found it to do. */
  note(quality: LinkQuality): void {
    this.#quality = quality;
  }

  /** What the worker says of it. */
  take(message: AboutLink): void {
    if (this.#state === 'closed') return;
    switch (message.type) {
      case 'answered':
        return this.#answer.resolve(message.sdp);
      case 'failed':
        this.#answer.reject(new MediaLinkError(message.reason, message.message));
        return this.lose();
      case 'state':
        if (message.state === 'closed') return this.lose();
        this.#state = message.state;
        return this.onStateChange?.(message.state);
      case 'opened':
        return this.control.open();
      case 'control':
        return this.control.onMessage?.(message.bytes);
    }
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#options.send({ type: 'close', link: this.#id });
    this.lose();
  }

  /** The worker's end is gone. Idempotent. */
  lose(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#answer.reject(new MediaLinkError('closed', 'the link was closed meanwhile'));
    this.control.close();
    this.#options.onClosed();
    this.onStateChange?.('closed');
    this.onStateChange = null;
  }

  #serve(isActive: boolean): void {
    if (isActive === this.#isActive || this.#state === 'closed') return;
    this.#isActive = isActive;
    this.#options.send({ type: 'active', link: this.#id, isActive });
  }

  #tellOfLayer(type: 'choose-layer' | 'want-key-frame', layer: number): void {
    if (this.#state !== 'closed') this.#options.send({ type, link: this.#id, layer });
  }
}

class RemoteControl implements ControlPort {
  onOpen: (() => void) | null = null;
  onMessage: ((bytes: Uint8Array) => void) | null = null;
  onClosed: (() => void) | null = null;
  readonly #options: Pick<RemoteParentEndOptions, 'counts' | 'send'> & { readonly link: number };
  #phase: 'opening' | 'open' | 'closed' = 'opening';

  constructor(options: Pick<RemoteParentEndOptions, 'counts' | 'send'> & { readonly link: number }) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  send(bytes: Uint8Array): boolean {
    if (this.#phase !== 'open') return false;
    const { link, counts, send } = this.#options;
    if (send({ type: 'control', link, bytes })) return true;
    counts.count('worker-unread');
    return false;
  }

  open(): void {
    if (this.#phase !== 'opening') return;
    this.#phase = 'open';
    this.onOpen?.();
  }

  close(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.onOpen = null;
    this.onMessage = null;
    this.onClosed?.();
    this.onClosed = null;
  }
}
