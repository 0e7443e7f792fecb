/**
 * The handshake that opens a link: messages of a joiner into the codec and the parent's side of the handshake, and the
 * same messages as signals that neighbours pass on, signed by a real key, with payloads that deflate to anything.
 */

import { deflateRawSync } from 'node:zlib';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import {
  createRandom,
  isPeerId,
  linkCodec,
  PROTOCOL_VERSION,
  type LinkMessage,
  type PeerId,
  type Random,
} from '@casto/core';
import {
  answerJoin,
  CapabilitiesError,
  Neighbours,
  PeerLink,
  reduceChildOffer,
  refusalCounter,
  relayRtpCapabilities,
  SessionDescriptionError,
  signSignal,
  type ControlPort,
  type JoinDecision,
  type JoinRequest,
  type LinkEndState,
  type MessageChannel,
  type ParentEnd,
} from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { chance, joinBytes, mutateBytes } from '../byte-mutations.ts';
import { mutateCbor } from '../cbor-mutations.ts';
import { decodeChecked, describe } from '../decoding.ts';
import { packFrames, unpackFrames } from '../frames.ts';
import { demand, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';
import { validCandidate, validJoin, validLink, validSignal } from '../valid-messages.ts';
import { validAnswer } from '../valid-descriptions.ts';

/** First byte of an input: over which way it comes. */
const WAYS = { stream: 0, neighbours: 1 } as const;
/** A handshake ends after 15 s; a turn of the event loop lets 50 ms pass. */
const TURN_MS = 50;
/** Once all that the joiner said is read, time alone can end the handshake, and more of it passes at once. */
const READING_TURNS = 8;
const WAITING_TURN_MS = 1_000;
const MAX_TURNS = 100;
const CAPABILITIES = relayRtpCapabilities();
/** Each costs a signature and its check. */
const SIGNAL_SHARE = 0.1;

export const signalTarget: FuzzTarget = {
  name: 'signal',
  generate: (random) => {
    if (chance(random, SIGNAL_SHARE)) return joinBytes(Uint8Array.of(WAYS.neighbours), signalPayload(random));
    const first = chance(random, 0.8) ? validJoin(random) : validLink(random);
    const rest = Array.from({ length: random.below(5) }, () =>
      chance(random, 0.7) ? validCandidate(random) : validLink(random),
    );
    const messages = [first, ...rest].map((message) =>
      chance(random, 0.5) ? message : mutateCbor(message, random, first),
    );
    return joinBytes(Uint8Array.of(WAYS.stream), packFrames(messages));
  },
  open: () => SignalSession.create(),
};

/** What a signal carries: deflated, deflated and damaged, or a bomb that inflates to megabytes. */
function signalPayload(random: Random): Uint8Array {
  if (chance(random, 0.05)) return deflateRawSync(new Uint8Array(random.below(3_000_000)));
  const valid = validSignal(random);
  const content = chance(random, 0.4) ? valid : mutateCbor(valid, random, valid);
  const deflated = Uint8Array.from(deflateRawSync(content));
  return chance(random, 0.3) ? mutateBytes(deflated, random) : deflated;
}

/** The messages of one joiner, who breaks off behind the last. */
class JoinerChannel implements MessageChannel<LinkMessage> {
  readonly #messages: Uint8Array[];
  readonly written: LinkMessage[] = [];
  isOver = false;

  constructor(messages: readonly Uint8Array[]) {
    this.#messages = [...messages];
  }

  get isReset(): boolean {
    return this.#messages.length === 0;
  }

  async read(): Promise<LinkMessage> {
    for (;;) {
      const bytes = this.#messages.shift();
      if (bytes === undefined) throw new Error('the joiner is gone');
      const message = linkCodec.decode(bytes);
      if (message !== null) return message;
    }
  }

  async write(message: LinkMessage): Promise<void> {
    demand(linkCodec.encode(message).length <= linkCodec.maxBytes, 'an answer that is too large');
    this.written.push(message);
  }

  async close(): Promise<void> {
    this.isOver = true;
  }

  abort(): void {
    this.isOver = true;
  }
}

/** A parent's end that waits for the joiner for ever. */
class WaitingEnd implements ParentEnd {
  readonly control: ControlPort = {
    send: () => false,
    onOpen: null,
    onMessage: null,
    onClosed: null,
    isOpen: false,
  };
  state: LinkEndState = 'connecting';
  onStateChange: ((state: LinkEndState) => void) | null = null;
  onCandidate: ((candidate: string) => void) | null = null;
  candidates = 0;

  async answer(): Promise<string> {
    return validAnswer(createRandom(1));
  }

  addCandidate(): void {
    this.candidates++;
  }

  close(): void {
    this.state = 'closed';
  }
}

class SignalSession implements FuzzSession {
  /** Of the handshakes over streams. */
  readonly #clock = new VirtualClock();
  /** Of the neighbours and their link, which would wake up all the time while handshakes wait. */
  readonly #linkClock = new VirtualClock();
  readonly #refused = refusalCounter();
  readonly #open = new Set<WaitingEnd>();
  #untyped: unknown = null;
  readonly #self: { id: PeerId; key: Key };
  readonly #other: { id: PeerId; key: Key };
  readonly #neighbours: Neighbours;
  readonly #link: PeerLink;

  private constructor(self: { id: PeerId; key: Key }, other: { id: PeerId; key: Key }) {
    this.#self = self;
    this.#other = other;
    this.#link = this.#openLink();
    this.#neighbours = new Neighbours({
      self: self.id,
      privateKey: self.key,
      clock: this.#linkClock,
      refused: this.#refused,
      links: () => [this.#link],
      judge: async (join) => this.#judge(join),
    });
  }

  static async create(): Promise<SignalSession> {
    return new SignalSession(await freshPeer(), await freshPeer());
  }

  async feed(input: Uint8Array): Promise<string> {
    const outcome =
      input[0] === WAYS.neighbours
        ? await this.#feedSignal(input.subarray(1))
        : await this.#feedStream(unpackFrames(input.subarray(1)));
    demand(this.#untyped === null, `the offer of a child: ${describe(this.#untyped)}`);
    for (const end of this.#open) if (end.state === 'closed') this.#open.delete(end);
    return outcome;
  }

  sizes(): readonly Size[] {
    return [
      { name: 'ends that are open', size: this.#open.size, most: 64 },
      { name: 'timers', size: this.#clock.pending + this.#linkClock.pending, most: 256 },
      { name: 'reasons of refusal', size: Object.keys(this.#refused.counts).length, most: 60 },
    ];
  }

  close(): void {
    this.#neighbours.close();
    this.#link.close();
  }

  async #feedStream(messages: readonly Uint8Array[]): Promise<string> {
    for (const message of messages) decodeChecked(linkCodec, message);
    const channel = new JoinerChannel(messages);
    const progress = { isDone: false };
    void answerJoin(channel, async (join) => this.#judge(join), {
      refused: this.#refused,
      clock: this.#clock,
    }).then(() => (progress.isDone = true));
    for (let turns = 0; !progress.isDone; turns++) {
      demand(turns < MAX_TURNS, 'a handshake that does not end');
      await new Promise(setImmediate);
      if (!progress.isDone) this.#clock.advance(turns < READING_TURNS ? TURN_MS : WAITING_TURN_MS);
    }
    demand(channel.isOver, 'a handshake left its channel open');
    const [reply] = channel.written;
    if (reply?.type === 'refuse') return `refused: ${reply.reason}`;
    return reply === undefined ? 'no answer' : reply.type;
  }

  async #feedSignal(payload: Uint8Array): Promise<string> {
    const before = { ...this.#refused.counts };
    if (payload.length > 4_096) return 'signal that does not fit';
    const signal = await signSignal(this.#other.key, {
      from: this.#other.id,
      to: this.#self.id,
      fingerprint: new Uint8Array(32),
      payload,
      nonce: crypto.getRandomValues(new Uint8Array(16)),
      now: this.#linkClock.now(),
    });
    this.#neighbours.take(this.#link, { type: 'forward', message: signal });
    // Time passes, so that no more come than a neighbour may pass on.
    for (let turns = 0; turns < 8; turns++) {
      await new Promise(setImmediate);
      this.#linkClock.advance(TURN_MS);
    }
    const counts = Object.entries(this.#refused.counts);
    const counted = counts.find(
      ([reason, count]) => reason.startsWith('signal:') && count !== before[reason],
    );
    return counted === undefined ? 'signal taken' : counted[0];
  }

  #judge(join: JoinRequest): JoinDecision {
    const offer = this.#reduce(join);
    if (offer === null) return { type: 'refuse', reason: 'no-common-codec', retryAfterMs: 0 };
    const end = new WaitingEnd();
    this.#open.add(end);
    return {
      type: 'accept',
      end,
      acceptance: {
        version: PROTOCOL_VERSION,
        kind: 'headless',
        record: new Uint8Array(),
        depth: 1,
        path: new Uint8Array(),
      },
    };
  }

  /** The handshake tells a joiner whose mistake it was by the class of what is thrown here. */
  #reduce(join: JoinRequest): ReturnType<typeof reduceChildOffer> {
    try {
      return reduceChildOffer(join, CAPABILITIES, { video: 'vp8', audio: true });
    } catch (error) {
      const isTyped = error instanceof SessionDescriptionError || error instanceof CapabilitiesError;
      if (!isTyped) this.#untyped ??= error;
      throw error;
    }
  }

  #openLink(): PeerLink {
    const control: ControlPort = {
      send: (bytes) => bytes.length > 0,
      onOpen: null,
      onMessage: null,
      onClosed: null,
      isOpen: true,
    };
    const end = Object.assign(new WaitingEnd(), { control, state: 'connected' as const });
    return new PeerLink({
      role: 'parent',
      peerId: this.#other.id,
      kind: 'browser',
      end,
      clock: this.#linkClock,
      refused: this.#refused,
      onEvent: () => {},
    });
  }
}

type Key = Ed25519PrivateKey;

async function freshPeer(): Promise<{ id: PeerId; key: Key }> {
  const key = await generateKeyPair('Ed25519');
  const id = peerIdFromPrivateKey(key).toString();
  if (!isPeerId(id)) throw new Error('not an Ed25519 peer');
  return { id, key };
}
