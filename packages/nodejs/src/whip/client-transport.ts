/**
 * One connection of node-datachannel with a WHIP or WHEP client: the client offers, there is no control channel, and
 * one raw track carries the packets of all sections, as in peer-transport.ts and for the same reasons.
 */

import { CandidateIntake, readDtlsIce, tokenBucket } from '@casto/host';
import type { Clock, RefusalCounter, SessionParameters, TokenBucket } from '@casto/host';
import { PeerConnection } from 'node-datachannel';
import type { RtcConfig, Track } from 'node-datachannel';
import { assertSocket } from '../media/free-socket.ts';
import { gathered } from '../media/gathered-candidates.ts';
import { MediaLinkError } from '../media/media-link-error.ts';
import type { LinkTraffic } from '../media/media-traffic.ts';
import { NATIVE_MID, nativeTrack } from '../media/native-section.ts';
import { RemoteCandidates } from '../media/remote-candidates.ts';

/**
 * A client that trickles, or waits for a person to allow the camera, takes longer than a peer of the tree; what takes
 * longer than this has failed.
 */
const CONNECT_MS = 20_000;
/**
 * The client's checks come first, and a relay that can be reached needs no others: its own could reach a client of the same
 * library before it has read the answer, which may be half a way around the world later, and the client would begin DTLS
 * without the fingerprint. Where the client's checks cannot pass those of the relay are only this much later.
 */
const CHECK_DELAY_MS = 1_000;
const MAX_NATIVE_CHARS = 16 * 1024;

export interface ClientTransportOptions {
  readonly direction: 'SendOnly' | 'RecvOnly';
  readonly config: RtcConfig;
  readonly clock: Clock;
  readonly counts: RefusalCounter;
  /** Replaces the addresses of own candidates by announced ones. */
  readonly announce: (candidates: readonly string[]) => string[];
  /** Packets that the client may send, per second and at once. */
  readonly allowance: { readonly perSecond: number; readonly burst: number };
  readonly onClosed: () => void;
}

/** What becomes of a connection, for its owner. Neither may throw. */
export interface ClientTransportListener {
  /** Packets can flow. */
  onOpen(): void;
  /** One RTP or RTCP packet, whose memory is the listener's. */
  onMedia(bytes: Buffer): void;
  /** Closed by either side, or never connected. Called once. */
  onClosed(): void;
  /** What the streams have carried so far; asked for the last time before {@link onClosed}. */
  traffic(): LinkTraffic;
}

export class ClientTransport {
  listener: ClientTransportListener | null = null;
  readonly #options: ClientTransportOptions;
  /** Referenced here for as long as the session lives: an unreferenced connection is collected, and closes. */
  readonly #connection: PeerConnection;
  readonly #track: Track;
  readonly #candidates: RemoteCandidates;
  readonly #allowance: TokenBucket;
  #state: 'connecting' | 'connected' | 'closed' = 'connecting';
  readonly #cancelDeadline: () => void;
  #cancelTelling: () => void = () => {};

  constructor(options: ClientTransportOptions) {
    const { direction, config, clock, allowance } = options;
    this.#options = options;
    this.#allowance = tokenBucket(allowance.perSecond, allowance.burst);
    this.#connection = new PeerConnection('client', config);
    this.#candidates = new RemoteCandidates(this.#connection, options.counts);
    this.#track = this.#connection.addTrack(nativeTrack(direction));
    this.#connection.onStateChange((state) => this.#follow(state));
    this.#track.onOpen(() => {
      if (this.#state !== 'closed') this.listener?.onOpen();
    });
    this.#track.onMessage((bytes) => this.#receive(bytes));
    this.#cancelDeadline = clock.setTimer(() => this.#giveUp(), CONNECT_MS);
  }

  get state(): 'connecting' | 'connected' | 'closed' {
    return this.#state;
  }

  /** Who sends the media. */
  get direction(): 'SendOnly' | 'RecvOnly' {
    return this.#options.direction;
  }

  /** What the session has carried so far. */
  stats(): LinkTraffic {
    return this.listener?.traffic() ?? {};
  }

  /**
   * @returns The relay's side of the transport, with all its candidates.
   * @throws {MediaLinkError} When the connection was closed meanwhile, or the library refuses the offer.
   */
  async answer(
    offered: Pick<SessionParameters, 'ice' | 'dtls'>,
    candidates: readonly string[],
  ): Promise<Pick<SessionParameters, 'ice' | 'dtls' | 'candidates'>> {
    const { config, direction, announce } = this.#options;
    // The library ends the process when it gets no socket for a connection with a port of its own.
    if (config.enableIceUdpMux !== true) await assertSocket(config.bindAddress);
    this.#assertOpen();
    try {
      this.#connection.setRemoteDescription(renderNative(offered, direction), 'offer');
      this.#connection.setLocalDescription('answer');
    } catch (cause) {
      throw new MediaLinkError('native', 'the library refused the offer', { cause });
    }
    await gathered(this.#connection, this.#options.clock);
    this.#assertOpen();
    const sdp = this.#connection.localDescription()?.sdp ?? '';
    const own = sdp.match(/candidate:[^\r\n]+/g) ?? [];
    this.#cancelTelling = this.#options.clock.setTimer(() => {
      for (const candidate of candidates) this.addCandidate(candidate);
    }, CHECK_DELAY_MS);
    return { ...readDtlsIce(sdp, MAX_NATIVE_CHARS), candidates: announce(usable(own)) };
  }

  /** Takes a candidate of the client; a bad one is dropped and counted. */
  addCandidate(text: string): void {
    if (this.#state !== 'closed') this.#candidates.add(text);
  }

  /** Sends one packet, copying it. Never throws. */
  readonly send = (bytes: Buffer): boolean => {
    try {
      return this.#state !== 'closed' && this.#track.sendMessageBinary(bytes);
    } catch {
      // The connection has ended and the event about it is still under way.
      this.#options.counts.count('media-send');
      return false;
    }
  };

  /** Idempotent. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelDeadline();
    this.#cancelTelling();
    this.#connection.close();
    // Until then its listeners hold the connection, and the event loop. Not from within one of them.
    setImmediate(() => this.#track.close());
    this.#options.onClosed();
    this.listener?.onClosed();
    this.listener = null;
  }

  #follow(state: string): void {
    if (state === 'connected' && this.#state === 'connecting') {
      this.#state = 'connected';
      this.#cancelDeadline();
    } else if (state === 'failed' || state === 'disconnected' || state === 'closed') {
      if (this.#state === 'connecting') this.#options.counts.count('link-failed');
      this.close();
    }
  }

  #giveUp(): void {
    if (this.#state !== 'connecting') return;
    this.#options.counts.count('link-not-connected');
    this.close();
  }

  #receive(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    if (this.#allowance.take(this.#options.clock.now())) return this.listener?.onMedia(bytes);
    this.#options.counts.count('media-flood');
    this.close();
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw new MediaLinkError('closed', 'the session was closed meanwhile');
  }
}

/** One section, whatever the session carries; where the client leaves the choice the relay is DTLS server. */
function renderNative(
  { ice, dtls }: Pick<SessionParameters, 'ice' | 'dtls'>,
  direction: 'SendOnly' | 'RecvOnly',
): string {
  const isSending = direction === 'RecvOnly';
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${NATIVE_MID}`,
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'c=IN IP4 0.0.0.0',
    `a=mid:${NATIVE_MID}`,
    `a=ice-ufrag:${ice.usernameFragment}`,
    `a=ice-pwd:${ice.password}`,
    'a=ice-options:trickle',
    `a=fingerprint:${dtls.fingerprint.algorithm} ${dtls.fingerprint.value}`,
    `a=setup:${dtls.setup === 'actpass' ? 'active' : dtls.setup}`,
    `a=${isSending ? 'sendonly' : 'recvonly'}`,
    'a=rtcp-mux',
    'a=rtpmap:96 VP8/90000',
    ...(isSending ? ['a=ssrc:1 cname:native'] : []),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** Of a few kinds that the library writes only host candidates of UDP are of use to a client. */
function usable(candidates: readonly string[]): string[] {
  const intake = new CandidateIntake();
  return candidates.map((text) => intake.take(text)).filter((text) => text !== null);
}
