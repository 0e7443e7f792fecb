/**
 * The rendezvous stream: raw bytes over a pair of libp2p streams in memory into a relay's server, while another peer
 * goes on asking. Length prefixes lie as well as what stands behind them.
 */

import type { Connection, Libp2p, Stream, StreamHandler } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { decode as decodeVarint, encode as encodeVarint, encodingLength } from 'uint8-varint';
import { rendezvousCodec, type ChannelId, type PeerId, type Random } from '@casto/core';
import { refusalCounter, RendezvousClient, serveRendezvous, type ChannelNews } from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { chance, joinBytes, mutateBytes, randomBytes } from '../byte-mutations.ts';
import { mutateCbor } from '../cbor-mutations.ts';
import { decodeChecked } from '../decoding.ts';
import { demand, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';
import { memoryStreams } from '../memory-streams.ts';
import { PEERS, validRendezvous } from '../valid-messages.ts';

/** Real milliseconds for a stream in memory to end, on a busy machine. */
const END_WITHIN_MS = 20_000;
const ASK_EVERY = 200;

export const rendezvousTarget: FuzzTarget = {
  name: 'rendezvous',
  concurrency: 16,
  generate: (random) => {
    const frames = Array.from({ length: 1 + random.below(6) }, () => frame(random));
    const bytes = joinBytes(...frames);
    return chance(random, 0.15) ? mutateBytes(bytes, random) : bytes;
  },
  open: () => RendezvousSession.create(),
};

function frame(random: Random): Uint8Array {
  const valid = validRendezvous(random);
  const message = chance(random, 0.5) ? valid : mutateCbor(valid, random, valid);
  return joinBytes(prefix(message.length, random), message);
}

function prefix(length: number, random: Random): Uint8Array {
  if (chance(random, 0.9)) return encodeVarint(length);
  if (chance(random, 0.3)) return new Uint8Array(1 + random.below(12)).fill(0x80 | random.below(128));
  if (chance(random, 0.3)) return encodeVarint(random.below(2 ** 31));
  return chance(random, 0.5)
    ? encodeVarint(Math.max(0, length + random.below(5) - 2))
    : randomBytes(random, 2);
}

class RendezvousSession implements FuzzSession {
  readonly #clock = new VirtualClock();
  readonly #refused = refusalCounter();
  readonly #watching = new Map<object, ChannelId>();
  readonly #reported = new Map<PeerId, number>();
  #handler: StreamHandler | null = null;
  #steady: RendezvousClient | null = null;
  #fed = 0;

  static async create(): Promise<RendezvousSession> {
    const session = new RendezvousSession();
    const libp2p = {
      peerId: peerIdFromString(peer(0)),
      handle: async (_protocol: string, handler: StreamHandler) => {
        session.#handler = handler;
      },
    };
    await serveRendezvous(libp2p as unknown as Libp2p, session.#directory(), {
      refused: session.#refused,
      clock: session.#clock,
    });
    return session;
  }

  async feed(input: Uint8Array): Promise<string> {
    this.#fed++;
    // The server's limits count in this clock: sixteen streams a second are not too many.
    this.#clock.advance(60);
    if (this.#fed % ASK_EVERY === 0) await this.#askSteadily();
    decodeChecked(rendezvousCodec, input.subarray(1));
    const { near, far } = this.#connect(peer(2 + (this.#fed % 8)));
    const received: Uint8Array[] = [];
    near.addEventListener('message', ({ data }) => received.push(data.subarray()));
    near.send(input);
    await this.#end(near, far);
    return outcomeOf(joinBytes(...received), far.status);
  }

  sizes(): readonly Size[] {
    const streams = 17;
    return [
      { name: 'watchers', size: this.#watching.size, most: streams * 32 },
      { name: 'timers', size: this.#clock.pending, most: 4 * streams },
      { name: 'reasons of refusal', size: Object.keys(this.#refused.counts).length, most: 40 },
    ];
  }

  async close(): Promise<void> {
    const closing = this.#steady?.close();
    // The near end waits for the far one until its time is over.
    this.#clock.advance(END_WITHIN_MS);
    await closing;
  }

  /** The streams of strangers do not keep a relay from answering the others. */
  async #askSteadily(): Promise<void> {
    if (this.#steady === null || this.#steady.isClosed) {
      const { near } = this.#connect(peer(1));
      const connection = { newStream: async () => near } as unknown as Connection;
      this.#steady = await RendezvousClient.open(connection, AbortSignal.timeout(END_WITHIN_MS), this.#clock);
    }
    let isTold = false;
    await this.#steady.watch(peer(3), () => (isTold = true));
    await until(() => isTold, 'a relay that answers a steady peer');
  }

  #connect(from: PeerId): { near: Stream; far: Stream } {
    const streams = memoryStreams();
    const connection = { remotePeer: peerIdFromString(from) } as unknown as Connection;
    void this.#handler?.(streams.far, connection);
    return streams;
  }

  /** The far end reads all that was sent, and answers; then both are closed. */
  async #end(near: Stream, far: Stream): Promise<void> {
    if (near.status === 'open') await near.close();
    // Behind the end comes nothing, so that all answers are there.
    await until(() => far.status !== 'open' && near.status !== 'open', 'the end of a stream');
  }

  #directory(): Parameters<typeof serveRendezvous>[1] {
    return {
      announce: async (record) => (record.length % 2 === 0 ? { carries: true } : 'bad-record'),
      watch: (channel, notify) => {
        const key = {};
        this.#watching.set(key, channel);
        notify(news(channel));
        return () => void this.#watching.delete(key);
      },
      seek: async () => [],
      report: (_report, from) => void this.#reported.set(from, (this.#reported.get(from) ?? 0) + 1),
      forget: (_channel, from) => void this.#reported.delete(from),
      standing: () => null,
    };
  }
}

function news(channel: ChannelId): ChannelNews {
  return { channel, record: null, live: false, viewers: 0, parents: [] };
}

function peer(number: number): PeerId {
  const id = PEERS[number];
  if (id === undefined) throw new Error('no such peer');
  return id;
}

async function until(isDone: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + END_WITHIN_MS;
  while (!isDone()) {
    demand(performance.now() < deadline, `waited in vain for ${what}`);
    await new Promise(setImmediate);
  }
}

/** What the stranger was told, by the answers that came whole. */
function outcomeOf(received: Uint8Array, status: string): string {
  let [answers, refusals] = [0, 0];
  for (let at = 0; at < received.length;) {
    const length = decodeVarint(received, at);
    at += encodingLength(length);
    const message = rendezvousCodec.decode(received.subarray(at, at + length));
    if (message?.type === 'refused' && message.reason === 'malformed') refusals++;
    else answers++;
    at += length;
  }
  demand(refusals <= 1, 'refused more than once');
  const told = answers > 0 ? 'answered' : 'no answer';
  return refusals > 0 ? `${told}, refused as malformed` : `${told}, ${status}`;
}
