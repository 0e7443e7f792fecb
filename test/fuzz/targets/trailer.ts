/** Frame trailers, behind pictures and inside Opus packets: whoever sends frames writes what it likes there. */

import {
  appendTrailer,
  encodeTrailer,
  padWithTrailer,
  splitPadding,
  splitTrailer,
  type FrameTrailer,
  type Random,
} from '@casto/core';
import { chance, mutateBytes, pick, randomBytes } from '../byte-mutations.ts';
import { demand, type FuzzSession, type FuzzTarget } from '../fuzz-target.ts';

export const trailerTarget: FuzzTarget = {
  name: 'trailer',
  generate: (random) => {
    const valid = validFrame(random);
    return chance(random, 0.1) ? valid : mutateAtEnd(valid, random);
  },
  open: () => new TrailerSession(),
};

function validTrailer(random: Random): FrameTrailer {
  return {
    epoch: random.below(2 ** 32),
    sequence: random.below(2 ** 32),
    capturedAt: pick(random, [0, 1, 2 ** 48 - 1, 1_700_000_000_000, random.below(2 ** 48)]),
    layer: random.below(4),
    temporalLayer: random.below(4),
    references: random.below(16),
    signature: chance(random, 0.3) ? randomBytes(random, 64) : null,
  };
}

function validFrame(random: Random): Uint8Array {
  const frame = randomBytes(random, random.below(60));
  if (chance(random, 0.5)) return appendTrailer(frame, validTrailer(random));
  const packet = Uint8Array.from([random.below(64) << 2, ...frame]);
  return padWithTrailer(packet, validTrailer(random)) ?? packet;
}

/** The trailer is read from its end, so the damages are done there. */
function mutateAtEnd(frame: Uint8Array, random: Random): Uint8Array {
  if (chance(random, 0.4)) return mutateBytes(frame, random);
  const turned = Uint8Array.from(frame).reverse();
  return Uint8Array.from(mutateBytes(turned, random)).reverse();
}

class TrailerSession implements FuzzSession {
  feed(input: Uint8Array): string {
    const before = Uint8Array.from(input);
    const split = splitTrailer(input);
    const padding = splitPadding(input);
    demand(isSame(before, input), 'a reader changed its input');
    if (split !== null) this.#checkTrailer(input, split.frame, split.trailer);
    if (padding === null) return split === null ? 'no trailer' : 'trailer';
    demand(padding.frame.length < input.length, 'a frame grew when its padding was taken off');
    const again = padWithTrailer(padding.frame, padding.trailer);
    demand(again !== null && isSame(again, input), 'two packets stand for one frame with one trailer');
    return 'trailer in padding';
  }

  close(): void {}

  #checkTrailer(input: Uint8Array, frame: Uint8Array, trailer: FrameTrailer): void {
    demand(trailer.capturedAt >= 0 && Number.isSafeInteger(trailer.capturedAt), 'a time that is none');
    const written = encodeTrailer(trailer);
    demand(isSame(written, input.subarray(frame.length)), 'two trailers say the same');
    demand(
      written.every((byte) => byte >= 0x80),
      'a start code could stand in a trailer',
    );
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
