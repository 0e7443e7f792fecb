/**
 * A link as its peer uses it: the state machine of its control channel, driven by one timer and the real channel.
 */

import {
  controlCodec,
  createLinkControl,
  HOP_MS,
  MalformedError,
  type ControlMessage,
  type Farewell,
  type LinkEffect,
  type LinkInput,
  type LinkState,
  type LinkToParent,
  type PeerId,
  type PeerKind,
  type SurveyMessage,
  type TreeMessage,
} from '@casto/core';
import type { Clock } from './clock.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { LinkEnd } from './link-ports.ts';
import type { RefusalCounter } from './refusal-counter.ts';

/** What a link tells its owner: everything the control channel says, and the connection's own end. */
export type LinkEvent =
  | Exclude<LinkEffect, { type: 'send' }>
  | { type: 'connected' }
  /** The control channel is open: what is sent from here on arrives. */
  | { type: 'opened' }
  /** The link was a standby, and is none any more. */
  | { type: 'activated' }
  /** The connection is gone, whoever ended it. The last event of a link. */
  | { type: 'closed' };

/** When media last passed, read whenever a timer is due, so that packets themselves cost nothing here. */
export interface MediaActivity {
  lastSentAt(): number;
  lastHeardAt(): number;
}

export interface PeerLinkOptions {
  role: 'parent' | 'child';
  /** The peer at the other end. */
  peerId: PeerId;
  kind: PeerKind;
  end: LinkEnd;
  clock: Clock;
  refused: RefusalCounter;
  activity?: MediaActivity;
  onEvent: (event: LinkEvent) => void;
}

/** Malformed messages after which the other end is not worth listening to. */
const MAX_MALFORMED = 16;
/** Lets a farewell leave the SCTP queue before the connection goes. */
const FAREWELL_MS = 60;

export class PeerLink {
  /** This peer's own. */
  readonly role: 'parent' | 'child';
  readonly peerId: PeerId;
  readonly kind: PeerKind;
  readonly end: LinkEnd;
  /** What the other end last told of itself. */
  remoteState: LinkState | null = null;
  /** Where others reach the other end, as it told. */
  remoteAddresses: readonly string[] = [];
  /** What this peer last told of itself, or will tell when the channel is open. */
  advertised: LinkState | null = null;
  readonly #options: PeerLinkOptions;
  readonly #control;
  readonly #timer: DeadlineTimer;
  #malformed = 0;
  #sawSentAt = 0;
  #sawHeardAt = 0;
  #isStandby = false;
  #leaving: Promise<void> | null = null;
  #closed = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.role = options.role;
    this.peerId = options.peerId;
    this.kind = options.kind;
    this.end = options.end;
    // The `role` of the machine is this peer's own on the link.
    this.#control = createLinkControl(options.role);
    this.#timer = new DeadlineTimer(options.clock, () => this.#wake());
    this.#listen(options.end);
  }

  /** Round trip to the other end in milliseconds, `null` until measured. */
  get rttMs(): number | null {
    return this.#control.clock?.rttMs ?? null;
  }

  /** What to add to the own clock to get the other end's, `null` until measured. */
  get clockOffsetMs(): number | null {
    return this.#control.clock?.offsetMs ?? null;
  }

  /** What the link to a parent adds to the way from the streamer (PROTOCOL.md, K4.5 and K4.7). */
  get toParent(): LinkToParent {
    return { offsetMs: this.clockOffsetMs, delayMs: (this.rttMs ?? 0) / 2 + HOP_MS[this.kind] };
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Whether the control channel is open, and that was told: a channel can be open before its event comes, and what its
   * owner does by then is not to overtake that event.
   */
  get isOpen(): boolean {
    return !this.#isOver && this.#control.phase !== 'connecting' && this.#options.end.control.isOpen;
  }

  /** Whether nothing has been heard for as long as PROTOCOL.md K2 allows. */
  get isSilent(): boolean {
    return this.#control.phase === 'silent';
  }

  /** Whether its media are paused, as far as this end knows. */
  get isStandby(): boolean {
    return this.#isStandby;
  }

  advertise(state: LinkState): void {
    this.advertised = state;
    this.#step({ type: 'advertise', state });
  }

  wantKeyFrame(layer: number): void {
    this.#step({ type: 'want-key-frame', layer });
  }

  /** Pauses the media of this link, or wants them again; PROTOCOL.md K2.9 tells what that spares. */
  setStandby(isStandby: boolean): void {
    const isActivated = this.#isStandby && !isStandby;
    this.#isStandby = isStandby;
    this.#step({ type: 'standby', isStandby });
    if (isActivated && this.isOpen) this.#options.onEvent({ type: 'activated' });
  }

  /**
   * Asks the other end whom it is linked to; the answer is an event `neighbours`.
   *
   * @returns Whether the question was put: PROTOCOL.md K9.1 tells how often it may be.
   */
  seek(layers: number): boolean {
    return this.#step({ type: 'seek', layers });
  }

  heardMedia(): void {
    this.#step({ type: 'heard-media' });
  }

  /** Sends a message that no rule of the control machine sends by itself. */
  send(
    message:
      | TreeMessage
      | SurveyMessage
      | Extract<ControlMessage, { type: 'forward' | 'choose-layer' | 'neighbours' }>,
  ): boolean {
    return !this.#isOver && this.sendEncoded(controlCodec.encode(message));
  }

  /** Sends a message that was encoded before, because many links carry it. */
  sendEncoded(message: Uint8Array): boolean {
    return !this.#isOver && this.#options.end.control.send(message);
  }

  /** Says goodbye, then closes. Idempotent. */
  leave(reason: Farewell): Promise<void> {
    this.#leaving ??= this.#leave(reason);
    return this.#leaving;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    const { end } = this.#options;
    end.onStateChange = null;
    end.control.onMessage = null;
    end.close();
    this.#options.onEvent({ type: 'closed' });
  }

  /** K8: nothing is sent after the farewell, and what comes after it is not heard. */
  async #leave(reason: Farewell): Promise<void> {
    if (this.#closed) return;
    const { control } = this.#options.end;
    const said = control.send(controlCodec.encode({ type: 'bye', reason }));
    control.onMessage = null;
    this.#timer.cancel();
    if (said) await new Promise<void>((resolve) => void this.#options.clock.setTimer(resolve, FAREWELL_MS));
    this.close();
  }

  #listen(end: LinkEnd): void {
    end.onStateChange = (state) => {
      if (state === 'connected') this.#options.onEvent({ type: 'connected' });
      if (state === 'closed') this.close();
    };
    end.control.onOpen = () => {
      this.#step({ type: 'opened' });
      if (!this.#isOver) this.#options.onEvent({ type: 'opened' });
    };
    end.control.onMessage = (bytes) => this.#receive(bytes);
    end.control.onClosed = () => this.close();
    if (end.control.isOpen) this.#step({ type: 'opened' });
  }

  #receive(bytes: Uint8Array): void {
    try {
      const message = controlCodec.decode(bytes);
      if (message === null) this.#step({ type: 'heard-media' });
      else this.#step({ type: 'received', message });
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#options.refused.count(`control:${error.reason}`);
      if (++this.#malformed > MAX_MALFORMED) this.close();
    }
  }

  get #isOver(): boolean {
    return this.#closed || this.#leaving !== null;
  }

  /** @returns Whether anything came of it. */
  #step(input: LinkInput): boolean {
    const isDone = this.#run(input, this.#options.clock.now());
    if (!this.#isOver) this.#timer.arm(this.#control.deadline());
    return isDone;
  }

  #run(input: LinkInput, at: number): boolean {
    if (this.#isOver) return false;
    const effects = this.#control.step(at, input);
    for (const effect of effects) {
      this.#apply(effect);
      // The owner may have closed the link because of what it was told.
      if (this.#closed) break;
    }
    return effects.length > 0;
  }

  #apply(effect: LinkEffect): void {
    if (effect.type === 'send') {
      this.#options.end.control.send(controlCodec.encode(effect.message));
      return;
    }
    if (effect.type === 'state') this.remoteState = effect.state;
    if (effect.type === 'message' && effect.message.type === 'addresses') {
      this.remoteAddresses = effect.message.addresses;
    }
    this.#options.onEvent(effect);
    if (effect.type === 'farewell') this.close();
  }

  #wake(): void {
    this.#readActivity();
    this.#step({ type: 'timeout' });
  }

  #readActivity(): void {
    const { activity } = this.#options;
    if (!activity) return;
    const sentAt = activity.lastSentAt();
    const heardAt = activity.lastHeardAt();
    if (heardAt > this.#sawHeardAt) this.#run({ type: 'heard-media' }, heardAt);
    if (sentAt > this.#sawSentAt) this.#run({ type: 'sent-media' }, sentAt);
    this.#sawHeardAt = heardAt;
    this.#sawSentAt = sentAt;
  }
}
