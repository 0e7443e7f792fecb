/** The two ends of a link on RTCPeerConnection. The body is shared; a child offers and a parent answers. */

import { CONTROL_LABEL, CONTROL_STREAM_ID, type VideoCodec } from '@casto/core';
import {
  assertAnswers,
  needsSecondRound,
  parseSessionDescription,
  processClock,
  renderSessionDescription,
  rewriteAnswer,
  rewriteOffer,
  type ChildEnd,
  type ControlPort,
  type LinkEnd,
  type LinkEndState,
  type ParentEnd,
  type SessionParameters,
} from '@casto/host';
import { CastoError } from './errors.ts';
import type { Settings } from './options.ts';
import type { PageWorker } from './page-worker.ts';
import { MAX_ICE_URLS, type RelayTarget } from './relay-list.ts';

/** A ping and the state come first; the rest of a link's beginning takes longer than it takes to listen. */
const MAX_EARLY_MESSAGES = 16;
/**
 * A connection that the browser calls disconnected (no answer for 5 s) and that does not come back within this time is
 * given up, so that its place is free again. The browser itself would wait for half a minute.
 */
const LOST_MS = 3_000;
const VIDEO_CODECS: readonly VideoCodec[] = ['vp8', 'h264'];

/** @throws {CastoError} `unsupported-browser` */
export function createPeerConnection(
  iceServers: RTCIceServer[],
  options: { encodedInsertableStreams?: true } = {},
): RTCPeerConnection {
  if (typeof RTCPeerConnection !== 'function') {
    throw new CastoError('unsupported-browser', 'this browser has no WebRTC');
  }
  return new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle', ...options });
}

/** What a connection takes from its page. */
export interface ConnectionNeeds {
  readonly settings: Pick<Settings, 'iceServers'>;
  readonly targets: readonly Pick<RelayTarget, 'iceServers'>[];
  readonly worker: Pick<PageWorker, 'connectionOptions'>;
}

/**
 * A connection to another peer, with the page's own ICE servers, else with those that its relays have named.
 *
 * @throws {CastoError} `unsupported-browser`
 */
export function connectionOf({ settings, targets, worker }: ConnectionNeeds): RTCPeerConnection {
  if (settings.iceServers !== null)
    return createPeerConnection(settings.iceServers, worker.connectionOptions);
  try {
    const named = targets.flatMap(({ iceServers }) => iceServers).slice(0, MAX_ICE_URLS);
    return createPeerConnection(named, worker.connectionOptions);
  } catch {
    // No relay may keep a page from connecting by naming what its browser refuses.
    return createPeerConnection([], worker.connectionOptions);
  }
}

class PageControlPort implements ControlPort {
  readonly #channel: RTCDataChannel;
  /** What came before somebody listened: the parent's first words, sent as soon as the channel is open. */
  readonly #early: Uint8Array[] = [];
  #onMessage: ((bytes: Uint8Array) => void) | null = null;
  onOpen: (() => void) | null = null;
  onClosed: (() => void) | null = null;

  constructor(channel: RTCDataChannel) {
    this.#channel = channel;
    channel.binaryType = 'arraybuffer';
    channel.addEventListener('open', () => this.onOpen?.());
    channel.addEventListener('close', () => this.onClosed?.());
    channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      // Text is not a message of ours; as an empty one it is counted as malformed.
      this.#take(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array());
    });
  }

  get onMessage(): ((bytes: Uint8Array) => void) | null {
    return this.#onMessage;
  }

  set onMessage(listener: ((bytes: Uint8Array) => void) | null) {
    this.#onMessage = listener;
    // Not at once: whoever sets a listener is not ready before it has finished.
    queueMicrotask(() => {
      for (const bytes of this.#early.splice(0)) this.#onMessage?.(bytes);
    });
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  send(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.#channel.send(new Uint8Array(bytes));
    return true;
  }

  #take(bytes: Uint8Array): void {
    if (this.#onMessage) this.#onMessage(bytes);
    else if (this.#early.length < MAX_EARLY_MESSAGES) this.#early.push(bytes);
  }
}

abstract class PageEnd implements LinkEnd {
  readonly pc: RTCPeerConnection;
  readonly control: ControlPort;
  readonly #channel: RTCDataChannel;
  state: LinkEndState = 'connecting';
  onStateChange: ((state: LinkEndState) => void) | null = null;
  #onCandidate: ((candidate: string) => void) | null = null;
  #cancelGivingUp: () => void = () => {};
  /** All of them: an offer that one parent had no place for is told to the next. */
  readonly #found: string[] = [];

  constructor(pc: RTCPeerConnection) {
    this.pc = pc;
    const options = { negotiated: true, id: CONTROL_STREAM_ID, ordered: true };
    this.#channel = pc.createDataChannel(CONTROL_LABEL, options);
    this.control = new PageControlPort(this.#channel);
    pc.addEventListener('connectionstatechange', () => this.#follow(pc.connectionState));
    pc.addEventListener('icecandidate', ({ candidate }) => {
      const found = candidate?.candidate ?? '';
      this.#found.push(found);
      this.#onCandidate?.(found);
    });
  }

  get onCandidate(): ((candidate: string) => void) | null {
    return this.#onCandidate;
  }

  set onCandidate(listener: ((candidate: string) => void) | null) {
    this.#onCandidate = listener;
    for (const candidate of this.#found) listener?.(candidate);
  }

  addCandidate(candidate: string): void {
    const { remoteDescription } = this.pc;
    if (this.state === 'closed' || remoteDescription === null) return;
    // Everything is bundled onto the first section.
    this.pc.addIceCandidate({ candidate, sdpMLineIndex: 0 }).catch(() => {});
  }

  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#cancelGivingUp();
    this.#channel.close();
    this.release();
    this.onStateChange?.('closed');
  }

  /** The link is over. */
  protected release(): void {
    this.pc.close();
  }

  #follow(state: RTCPeerConnectionState): void {
    if (state === 'connected' && this.state === 'connecting') {
      this.state = 'connected';
      this.onStateChange?.('connected');
    }
    this.#cancelGivingUp();
    if (state === 'disconnected') this.#cancelGivingUp = processClock.setTimer(() => this.close(), LOST_MS);
    if (state === 'failed' || state === 'closed') this.close();
  }
}

/** A page as child: receives the audio and one or more layers of the video. */
export class PageChildEnd extends PageEnd implements ChildEnd {
  readonly audio: RTCRtpReceiver;
  /** Of the first layer. */
  readonly video: RTCRtpReceiver;
  /** The decoders of this end are in use although the link is over. */
  #isKept = false;
  #offering: Promise<string> | null = null;
  #nativeOffer = '';
  #offered: SessionParameters | null = null;

  constructor(pc: RTCPeerConnection, options: { layers: number } = { layers: 1 }) {
    // Before the control channel, whose section is the last one of an offer.
    const audio = pc.addTransceiver('audio', { direction: 'recvonly' }).receiver;
    const video = pc.addTransceiver('video', { direction: 'recvonly' }).receiver;
    for (let layer = 1; layer < options.layers; layer++) {
      pc.addTransceiver('video', { direction: 'recvonly' });
    }
    super(pc);
    this.audio = audio;
    this.video = video;
  }

  /**
   * Lets the decoders outlive the link: frames of other parents go through them. A receiver goes on decoding what it is
   * given when its connection has failed.
   */
  keepDecoders(): void {
    this.#isKept = true;
  }

  /** The decoders are not needed any more. Idempotent. */
  dropDecoders(): void {
    this.#isKept = false;
    if (this.state === 'closed') this.pc.close();
  }

  protected override release(): void {
    if (!this.#isKept) this.pc.close();
  }

  /** The first call makes the offer, so that it can be ready before there is somebody to send it to. */
  offer(): Promise<string> {
    this.#offering ??= this.#makeOffer();
    return this.#offering;
  }

  async accept(answer: string): Promise<void> {
    const answered = parseSessionDescription('answer', answer);
    if (this.#offered === null) throw new Error('accept() before offer()');
    assertAnswers(this.#offered, answered);
    const description = { type: 'answer', sdp: renderSessionDescription('answer', answered) } as const;
    const isRenumbered = needsSecondRound(this.#nativeOffer, answered);
    await this.pc.setRemoteDescription(description);
    if (!isRenumbered) return;
    await this.#makeOffer();
    await this.pc.setRemoteDescription(description);
  }

  async #makeOffer(): Promise<string> {
    const native = await this.pc.createOffer();
    this.#nativeOffer = native.sdp ?? '';
    this.#offered = rewriteOffer(this.#nativeOffer, { video: VIDEO_CODECS, audio: true });
    const sdp = renderSessionDescription('offer', this.#offered);
    await this.pc.setLocalDescription({ type: 'offer', sdp });
    return sdp;
  }
}

/** What happens to the media of a parent's end around its answer. */
export interface ParentMedia {
  /** The offer is applied: attach tracks to its sections. */
  attach(): Promise<void>;
  /** The answer is applied: encoders exist. */
  begin(): Promise<void>;
}

/** A page as parent: answers the sections of a child's offer with its own tracks. */
export class PageParentEnd extends PageEnd implements ParentEnd {
  readonly #offer: SessionParameters;
  readonly #media: ParentMedia;

  constructor(pc: RTCPeerConnection, offer: SessionParameters, media: ParentMedia) {
    super(pc);
    this.#offer = offer;
    this.#media = media;
  }

  async answer(): Promise<string> {
    await this.pc.setRemoteDescription({
      type: 'offer',
      sdp: renderSessionDescription('offer', this.#offer),
    });
    await this.#media.attach();
    const native = await this.pc.createAnswer();
    await this.pc.setLocalDescription(native);
    await this.#media.begin();
    return renderSessionDescription('answer', rewriteAnswer(native.sdp ?? '', this.#offer));
  }
}
