/**
 * One connection of node-datachannel, the body that links to parents and to children share: a single raw track that
 * carries the packets of all sections, and the control channel.
 *
 * The library never sees the real sections. It is given a description with one video section, whatever the link
 * carries, and packets are told apart here by their SSRC. With several tracks libdatachannel 0.24.5 walks every RTCP
 * compound to find the tracks it concerns, and twelve bytes from the other end (a source description that ends
 * nowhere) keep its network thread in that loop for ever, and with it all links on the shared port.
 */

import { tokenBucket } from '@casto/host';
import type {
  Clock,
  LinkEnd,
  LinkEndState,
  MediaActivity,
  RefusalCounter,
  SessionParameters,
  TokenBucket,
} from '@casto/host';
import { PeerConnection } from 'node-datachannel';
import type { RtcConfig, Track } from 'node-datachannel';
import { assertSocket } from './free-socket.ts';
import { ControlChannel } from './control-channel.ts';
import { gathered } from './gathered-candidates.ts';
import { MediaLinkError } from './media-link-error.ts';
import {
  nativeTrack,
  readNativeAnswer,
  readNativeOffer,
  renderNativeAnswer,
  renderNativeOffer,
} from './native-section.ts';
import { RemoteCandidates } from './remote-candidates.ts';

/** ICE and DTLS across the world take two seconds; what takes longer than this has failed. */
const CONNECT_MS = 10_000;
/**
 * A child's candidates follow its first checks by this much: a parent that is up before the child is would speak
 * into the void, and repeat itself after a second only. Most parents need none, they see where the checks come from.
 */
const TELL_DELAY_MS = 50;

export interface PeerTransportOptions {
  readonly name: string;
  readonly direction: 'SendOnly' | 'RecvOnly';
  readonly config: RtcConfig;
  readonly clock: Clock;
  readonly counts: RefusalCounter;
  /** Replaces the addresses of own candidates by announced ones. */
  readonly announce: (candidates: readonly string[]) => string[];
  /** Packets that the other end may send, per second and at once. */
  readonly allowance: { readonly perSecond: number; readonly burst: number };
  /** The link is closed and has let go of everything. */
  readonly onClosed: () => void;
}

export abstract class PeerTransport implements LinkEnd, MediaActivity {
  readonly control: ControlChannel;
  onStateChange: ((state: LinkEndState) => void) | null = null;
  protected readonly clock: Clock;
  protected readonly counts: RefusalCounter;
  readonly #options: PeerTransportOptions;
  /** Referenced here for as long as the link lives: an unreferenced connection is collected, and closes. */
  readonly #connection: PeerConnection;
  readonly #track: Track;
  readonly #candidates: RemoteCandidates;
  readonly #allowance: TokenBucket;
  #state: LinkEndState = 'connecting';
  #heardAt = -Infinity;
  #cancelDeadline: () => void = () => {};
  #cancelTelling: () => void = () => {};
  #onCandidate: ((candidate: string) => void) | null = null;
  /** Own candidates that were not told yet. */
  #untold: string[] = [];
  #mayTell = false;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.counts = options.counts;
    this.#allowance = tokenBucket(options.allowance.perSecond, options.allowance.burst);
    this.#connection = new PeerConnection(options.name, options.config);
    this.#candidates = new RemoteCandidates(this.#connection, options.counts);
    this.#track = this.#connection.addTrack(nativeTrack(options.direction));
    this.control = new ControlChannel({
      connection: this.#connection,
      clock: options.clock,
      counts: options.counts,
      onFlood: () => this.close(),
    });
    this.#listen();
    this.expectConnection();
  }

  get state(): LinkEndState {
    return this.#state;
  }

  get onCandidate(): ((candidate: string) => void) | null {
    return this.#onCandidate;
  }

  set onCandidate(listener: ((candidate: string) => void) | null) {
    this.#onCandidate = listener;
    this.#tellCandidates();
  }

  /** Round trip by the acknowledgements of the control channel, `null` until measured. */
  get roundTripMs(): number | null {
    if (this.#state !== 'connected') return null;
    const roundTripMs = this.#connection.rtt();
    return roundTripMs < 0 ? null : roundTripMs;
  }

  addCandidate(text: string): void {
    if (this.#state === 'closed' || text === '') return;
    this.#candidates.add(text);
  }

  lastHeardAt(): number {
    return this.#heardAt;
  }

  abstract lastSentAt(): number;

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelDeadline();
    this.#cancelTelling();
    this.#onCandidate = null;
    this.onMediaClosed();
    this.control.close();
    this.#connection.close();
    // Until then its listeners hold this link, and the event loop. Not from within one of them.
    setImmediate(() => this.#track.close());
    this.#options.onClosed();
    this.onStateChange?.('closed');
    this.onStateChange = null;
  }

  /** Packets can flow. */
  protected abstract onMediaOpen(): void;
  /** One RTP or RTCP packet, whose memory is the listener's. */
  protected abstract onMedia(bytes: Buffer): void;
  protected abstract onMediaClosed(): void;

  /** Sends one packet, copying it. Never throws. */
  protected readonly sendMedia = (bytes: Buffer): boolean => {
    try {
      return this.#track.sendMessageBinary(bytes);
    } catch {
      // The connection has ended and the event about it is still under way.
      this.counts.count('media-send');
      return false;
    }
  };

  /** Closes the link unless it is connected in time. */
  protected expectConnection(): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.clock.setTimer(() => {
      if (this.#state !== 'connecting') return;
      this.counts.count('link-not-connected');
      this.close();
    }, CONNECT_MS);
  }

  /** @returns The library's part of an offer. Its candidates wait until the answer is applied. */
  protected async offerNatively(): Promise<SessionParameters> {
    await this.#prepare();
    this.#connection.onLocalCandidate((candidate) => {
      this.#untold.push(...this.#options.announce([candidate.replace(/^a=/, '')]));
      this.#tellCandidates();
    });
    this.#connection.setLocalDescription('offer');
    return readNativeOffer(this.#localDescription());
  }

  /** @param native - What {@link offerNatively} gave. */
  protected acceptNatively(native: SessionParameters, answer: SessionParameters): void {
    this.#assertOpen();
    this.#connection.setRemoteDescription(renderNativeAnswer(native, answer), 'answer');
    for (const candidate of answer.candidates) this.addCandidate(candidate);
    this.#cancelTelling = this.clock.setTimer(() => {
      this.#mayTell = true;
      this.#tellCandidates();
    }, TELL_DELAY_MS);
  }

  /** @returns The library's part of an answer, with all candidates. */
  protected async answerNatively(offer: SessionParameters): Promise<SessionParameters> {
    await this.#prepare();
    const rendered = renderNativeOffer(offer);
    this.#connection.setRemoteDescription(rendered.sdp, 'offer');
    this.#connection.setLocalDescription('answer');
    await gathered(this.#connection, this.clock);
    this.#assertOpen();
    const native = readNativeAnswer(this.#localDescription(), rendered.parameters);
    for (const candidate of offer.candidates) this.addCandidate(candidate);
    return { ...native, candidates: this.#options.announce(native.candidates) };
  }

  /** Few listeners: each is a handle of the event loop, which looks at every one whenever any has news. */
  #listen(): void {
    this.#connection.onStateChange((state) => this.#follow(state));
    this.#track.onOpen(() => {
      if (this.#state !== 'closed') this.onMediaOpen();
    });
    this.#track.onMessage((bytes) => this.#receive(bytes));
  }

  #receive(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    const now = this.clock.now();
    this.#heardAt = now;
    if (this.#allowance.take(now)) return this.onMedia(bytes);
    this.counts.count('media-flood');
    this.close();
  }

  #follow(state: string): void {
    if (state === 'connected' && this.#state === 'connecting') {
      this.#state = 'connected';
      this.#cancelDeadline();
      this.onStateChange?.('connected');
    } else if (state === 'failed' || state === 'disconnected' || state === 'closed') {
      if (this.#state === 'connecting') this.counts.count('link-failed');
      this.close();
    }
  }

  #tellCandidates(): void {
    if (!this.#mayTell || this.#onCandidate === null) return;
    for (const candidate of this.#untold.splice(0)) this.#onCandidate(candidate);
  }

  #localDescription(): string {
    const description = this.#connection.localDescription();
    if (description === null) throw new MediaLinkError('native', 'the library gave no description');
    return description.sdp;
  }

  /** The library ends the process when it gets no socket for a link with a port of its own. */
  async #prepare(): Promise<void> {
    const { config } = this.#options;
    if (config.enableIceUdpMux !== true) await assertSocket(config.bindAddress);
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw new MediaLinkError('closed', 'the link was closed meanwhile');
  }
}
