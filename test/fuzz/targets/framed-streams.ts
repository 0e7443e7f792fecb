/**
 * A relay's server of one libp2p protocol, fed raw bytes over pairs of streams in memory. Length prefixes lie as well as
 * what stands behind them.
 */

import type { Connection, Libp2p, Stream, StreamHandler } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { decode as decodeVarint, encode as encodeVarint, encodingLength } from 'uint8-varint';
import type { PeerId, Random } from '@casto/core';
import { chance, joinBytes, mutateBytes, randomBytes } from '../byte-mutations.ts';
import { mutateCbor } from '../cbor-mutations.ts';
import { demand } from '../fuzz-target.ts';
import { memoryStreams } from '../memory-streams.ts';
import { PEERS } from '../valid-messages.ts';

/** Milliseconds for a stream in memory to end. */
export const END_WITHIN_MS = 20_000;

/** Some messages in a row, each valid, bent, or with a prefix that lies. */
export function framedMessages(random: Random, valid: (random: Random) => Uint8Array): Uint8Array {
  const frames = Array.from({ length: 1 + random.below(6) }, () => frame(random, valid(random)));
  const bytes = joinBytes(...frames);
  return chance(random, 0.15) ? mutateBytes(bytes, random) : bytes;
}

/** The messages that came whole. */
export function* wholeFrames(received: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < received.length;) {
    const length = decodeVarint(received, at);
    at += encodingLength(length);
    yield received.subarray(at, at + length);
    at += length;
  }
}

/** The protocol's server, and strangers who open streams to it. */
export class FramedStreams {
  #handler: StreamHandler | null = null;

  /** What a server registers itself with. */
  get libp2p(): Libp2p {
    return {
      peerId: peerIdFromString(peer(0)),
      handle: async (_protocol: string, handler: StreamHandler) => {
        this.#handler = handler;
      },
    } as unknown as Libp2p;
  }

  connect(from: PeerId): { near: Stream; far: Stream } {
    const streams = memoryStreams();
    const connection = { remotePeer: peerIdFromString(from) } as unknown as Connection;
    void this.#handler?.(streams.far, connection);
    return streams;
  }

  /** A connection over which one client opens its stream. */
  connection(from: PeerId): Connection {
    const { near } = this.connect(from);
    return { newStream: async () => near } as unknown as Connection;
  }

  /** Sends the bytes over a stream of their own. @returns What came back, once the far end has read all and both are closed. */
  async send(from: PeerId, input: Uint8Array): Promise<{ received: Uint8Array; status: string }> {
    const { near, far } = this.connect(from);
    const received: Uint8Array[] = [];
    near.addEventListener('message', ({ data }) => received.push(data.subarray()));
    near.send(input);
    if (near.status === 'open') await near.close();
    // Behind the end comes nothing, so that all answers are there.
    await until(() => far.status !== 'open' && near.status !== 'open', 'the end of a stream');
    return { received: joinBytes(...received), status: far.status };
  }
}

export function peer(number: number): PeerId {
  const id = PEERS[number];
  if (id === undefined) throw new Error('no such peer');
  return id;
}

/** In time of the processor: others of the machine may take all of it for as long as they like. */
export async function until(isDone: () => boolean, what: string): Promise<void> {
  const startedAt = process.cpuUsage();
  while (!isDone()) {
    const { user, system } = process.cpuUsage(startedAt);
    demand((user + system) / 1_000 < END_WITHIN_MS, `waited in vain for ${what}`);
    await new Promise(setImmediate);
  }
}

function frame(random: Random, valid: Uint8Array): Uint8Array {
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
