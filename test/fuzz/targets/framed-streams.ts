/**
 * A relay's server of one libp2p protocol, fed raw bytes over pairs of streams in memory. Length prefixes lie as well as
 * what stands behind them.
 */

import type { Connection, Libp2p, Stream, StreamHandler } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { decode as decodeVarint, encode as encodeVarint, encodingLength } from 'uint8-varint';
import type { PeerId, Random } from '@casto/core';
import { chance, joinBytes, mutateBytes, randomBytes } from '../byte-mutations.ts';
import { mutateCbor } from '../cbor-mutations.ts';
import { demand } from '../fuzz-target.ts';
import { PEERS } from '../valid-messages.ts';

/** Real milliseconds for a stream in memory to end, on a busy machine. */
export const END_WITHIN_MS = 20_000;
const ADDRESS = multiaddr('/ip4/127.0.0.1/tcp/1');

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

  async connect(from: PeerId): Promise<{ near: Stream; far: Stream }> {
    const [near, far] = await streamPair({
      delay: 0,
      // Left to itself the pair takes a port number for each, and there are not that many.
      outboundConnection: { remoteAddr: ADDRESS },
      inboundConnection: { remoteAddr: ADDRESS },
    });
    const connection = { remotePeer: peerIdFromString(from) } as unknown as Connection;
    void this.#handler?.(far, connection);
    return { near, far };
  }

  /** A connection over which one client opens its stream. */
  async connection(from: PeerId): Promise<Connection> {
    const { near } = await this.connect(from);
    return { newStream: async () => near } as unknown as Connection;
  }

  /** Sends the bytes over a stream of their own. @returns What came back, once the far end has read all and is closed. */
  async send(from: PeerId, input: Uint8Array): Promise<{ received: Uint8Array; status: string }> {
    const { near, far } = await this.connect(from);
    const received: Uint8Array[] = [];
    near.addEventListener('message', ({ data }) => received.push(data.subarray()));
    near.send(input);
    const signal = AbortSignal.timeout(END_WITHIN_MS);
    if (near.status === 'open') await near.close({ signal }).catch(() => {});
    await until(() => far.status !== 'open', 'the end of a stream');
    return { received: joinBytes(...received), status: far.status };
  }
}

export function peer(number: number): PeerId {
  const id = PEERS[number];
  if (id === undefined) throw new Error('no such peer');
  return id;
}

export async function until(isDone: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + END_WITHIN_MS;
  while (!isDone()) {
    demand(performance.now() < deadline, `waited in vain for ${what}`);
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
