/**
 * Handshakes of links over signals that neighbours pass on (PROTOCOL.md, K7), so that a tree needs neither relays nor
 * libp2p to mend itself. A peer has three parts in it: it asks, it is asked, and it passes on what others say.
 *
 *   asking peer ──signal──▶ neighbour of both ──signal──▶ asked peer ──▶ judge of joins
 */

import type { PrivateKey } from '@libp2p/interface';
import {
  decodeSignalPayload,
  encodeSignalPayload,
  HANDSHAKE_ID_BYTES,
  linkCodec,
  MalformedError,
  MAX_SIGNAL_PAYLOAD_BYTES,
  type LinkMessage,
  type PeerId,
  type SignalPayload,
} from '@casto/core';
import type { Clock } from './clock.ts';
import { likelyRoutes, MAX_ROUTES } from './likely-routes.ts';
import { answerJoin, type JoinJudge } from './link-handshake.ts';
import type { MessageChannel } from './message-channel.ts';
import type { PeerLink } from './peer-link.ts';
import { deflate, inflate } from './raw-deflate.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { SignalChannel } from './signal-channel.ts';
import { signalForwarder, type SignalForwarder } from './signal-forwarding.ts';
import { signalVerifier, signSignal, type ForwardedSignal, type SignalVerifier } from './signed-signaling.ts';
import { tokenBucket, type TokenBucket } from './token-bucket.ts';

/** K7.9: over one link come the signals of all those that are linked to its other end. */
const SIGNALS_PER_SECOND = 20;
const SIGNAL_BURST = 50;
const MAX_ASKED_OVER_ONE_LINK = 8;
const MAX_ASKED = 64;
/** Signals that wait for their signature to be checked, four kilobytes each. */
const MAX_UNCHECKED = 256;
/** A search asks up to five at a time. */
const MAX_ASKING = 32;
const NONCE_BYTES = 16;

export interface LinkSignalingOptions {
  readonly self: PeerId;
  readonly privateKey: PrivateKey;
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  /** All links of the channel. */
  readonly links: () => Iterable<PeerLink>;
  /** Judges those who ask this peer. */
  readonly judge: JoinJudge;
  /** One for all channels of a peer, or what was said in one channel could be said again in another. */
  readonly verifier?: SignalVerifier;
}

interface Handshake {
  readonly peer: PeerId;
  readonly channel: SignalChannel;
  /** Where its next signal goes: a neighbour that is about to vanish may be among them. */
  readonly routes: Set<PeerLink>;
}

/** Which handshake a signal belongs to; `asks`: the other peer is the child. */
interface HandshakeName {
  readonly peer: PeerId;
  readonly id: Uint8Array;
  readonly asks: boolean;
}

export class LinkSignaling {
  readonly #options: LinkSignalingOptions;
  readonly #verifier: SignalVerifier;
  readonly #forwarder: SignalForwarder;
  readonly #handshakes = new Map<string, Handshake>();
  /** Handshakes that others asked for, by the link that their first signal came over. */
  readonly #askedOver = new Map<PeerLink, number>();
  readonly #buckets = new WeakMap<PeerLink, TokenBucket>();
  /** One after the other, so that a handshake's messages stay in their order. */
  #checking: Promise<void> = Promise.resolve();
  #unchecked = 0;
  #isClosed = false;

  constructor(options: LinkSignalingOptions) {
    this.#options = options;
    const { clock, refused, verifier = signalVerifier() } = options;
    this.#verifier = verifier;
    this.#forwarder = signalForwarder({ clock, refused });
  }

  /** Takes a signal that came over one of the links: it is for this peer, or to be passed on. */
  take(signal: ForwardedSignal, from: PeerLink): void {
    const { self, links, clock } = this.#options;
    if (this.#isClosed) return;
    if (signal.to !== self) return void this.#forwarder.forward(signal, from, links());
    const bucket = this.#buckets.get(from) ?? tokenBucket(SIGNALS_PER_SECOND, SIGNAL_BURST);
    this.#buckets.set(from, bucket);
    if (!bucket.take(clock.now()) || this.#unchecked >= MAX_UNCHECKED) return this.#drop('too-many');
    this.#unchecked++;
    this.#checking = this.#checking.then(() => this.#check(signal, from));
  }

  /**
   * Opens a channel for a handshake in which this peer is the child.
   *
   * @param routes - Links whose other ends are linked to the peer; none: those that may be.
   * @throws When too many are open.
   */
  open(peer: PeerId, routes: readonly PeerLink[] = []): MessageChannel<LinkMessage> {
    if (this.#isClosed) throw new Error('signaling is closed');
    const asking = this.#handshakes.size - this.#asked();
    if (asking >= MAX_ASKING) throw new Error('too many handshakes');
    const id = crypto.getRandomValues(new Uint8Array(HANDSHAKE_ID_BYTES));
    return this.#begin({ peer, id, asks: false }, routes, () => {});
  }

  /** Breaks off all handshakes. Links that came of them live on. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const { channel } of this.#handshakes.values()) channel.abort(new Error('signaling is closed'));
  }

  /** What is wrong is dropped and counted: a neighbour passes on what it cannot judge. */
  async #check(signal: ForwardedSignal, from: PeerLink): Promise<void> {
    const { self, clock } = this.#options;
    try {
      if (this.#verifier.isTaken(signal)) return this.#takeCopy(signal, from);
      await this.#verifier.verify(signal, self, clock.now());
      const payload = decodeSignalPayload(await inflate(signal.payload, MAX_SIGNAL_PAYLOAD_BYTES));
      if (!this.#isClosed) this.#deliver(signal, payload, from);
    } catch (error) {
      // Whatever it is, the signals behind this one are to be checked as well.
      this.#drop(error instanceof MalformedError ? error.reason : 'failed');
    } finally {
      this.#unchecked--;
    }
  }

  #deliver(signal: ForwardedSignal, { handshake: id, asks, messages }: SignalPayload, from: PeerLink): void {
    const name = { peer: signal.from, id, asks };
    const known = this.#handshakes.get(keyOf(name));
    // What belongs to no handshake comes from one that is over for this end.
    const handshake = known ?? (asks && isJoin(messages[0]) ? this.#beAsked(name, from) : null);
    if (handshake === null) return;
    addRoute(handshake, from);
    if (!handshake.channel.take(messages, signal.fingerprint)) this.#drop('unread');
  }

  /** K7.8: it tells of another way back. */
  #takeCopy({ from: peer }: ForwardedSignal, from: PeerLink): void {
    this.#drop('copy');
    for (const handshake of this.#handshakes.values()) if (handshake.peer === peer) addRoute(handshake, from);
  }

  #beAsked(name: HandshakeName, from: PeerLink): Handshake | null {
    const { judge, refused, clock } = this.#options;
    const over = this.#askedOver.get(from) ?? 0;
    if (over >= MAX_ASKED_OVER_ONE_LINK || this.#asked() >= MAX_ASKED) {
      this.#drop('too-many-handshakes');
      return null;
    }
    this.#askedOver.set(from, over + 1);
    const channel = this.#begin(name, [from], () => this.#forgetAsked(from));
    void answerJoin(channel, (join) => judge(join, name.peer, null), { refused, clock });
    return this.#handshakes.get(keyOf(name)) ?? null;
  }

  #begin(name: HandshakeName, routes: readonly PeerLink[], onOver: () => void): SignalChannel {
    const key = keyOf(name);
    const channel = new SignalChannel({
      clock: this.#options.clock,
      send: (messages, certificate) => this.#send(name, handshake, messages, certificate),
      onOver: () => {
        this.#handshakes.delete(key);
        onOver();
      },
    });
    const handshake: Handshake = { peer: name.peer, channel, routes: new Set(routes) };
    this.#handshakes.set(key, handshake);
    return channel;
  }

  async #send(
    { peer, id, asks }: HandshakeName,
    handshake: Handshake,
    messages: readonly Uint8Array[],
    fingerprint: Uint8Array,
  ): Promise<void> {
    const { self, privateKey, clock, links } = this.#options;
    const payload = encodeSignalPayload({ handshake: id, asks: !asks, messages: [...messages] });
    if (payload.length > MAX_SIGNAL_PAYLOAD_BYTES) throw new RangeError('signal is too large');
    const signal = await signSignal(privateKey, {
      from: self,
      to: peer,
      fingerprint,
      payload: await deflate(payload),
      nonce: crypto.getRandomValues(new Uint8Array(NONCE_BYTES)),
      now: clock.now(),
    });
    const isSent = (link: PeerLink): boolean => link.send(signal);
    if ([...handshake.routes].filter(isSent).length > 0) return;
    if (likelyRoutes(links()).filter(isSent).length > 0) return;
    throw new Error('there is no neighbour to pass on a signal');
  }

  #asked(): number {
    let asked = 0;
    for (const count of this.#askedOver.values()) asked += count;
    return asked;
  }

  #forgetAsked(from: PeerLink): void {
    const left = (this.#askedOver.get(from) ?? 1) - 1;
    if (left === 0) this.#askedOver.delete(from);
    else this.#askedOver.set(from, left);
  }

  #drop(reason: string): void {
    this.#options.refused.count(`signal:${reason}`);
  }
}

function addRoute({ routes }: Handshake, link: PeerLink): void {
  if (routes.size < MAX_ROUTES) routes.add(link);
}

function keyOf({ peer, id, asks }: HandshakeName): string {
  return `${peer} ${id.join()} ${asks}`;
}

/** @throws {MalformedError} */
function isJoin(message: Uint8Array | undefined): boolean {
  return message !== undefined && linkCodec.decode(message)?.type === 'join';
}
