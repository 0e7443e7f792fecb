import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LeftOutPackets } from '../../src/media/left-out-packets.ts';

/** Pictures of a stream, packet by packet: how many packets each has, and whether it is left out. */
const pictures = fc.array(fc.record({ packets: fc.integer({ min: 1, max: 4 }), isLeftOut: fc.boolean() }), {
  minLength: 1,
  maxLength: 200,
});

interface Sent {
  readonly sequence: number;
  readonly number: number;
  readonly picture: number;
}

/** What a viewer is sent, worked out by counting. */
function play(stream: { packets: number; isLeftOut: boolean }[], first: number): [LeftOutPackets, Sent[]] {
  const leftOut = new LeftOutPackets();
  const sent: Sent[] = [];
  let sequence = first;
  let picture = 0;
  stream.forEach(({ packets, isLeftOut }, pictureId) => {
    for (let packet = 0; packet < packets; packet++, sequence++) {
      if (isLeftOut) leftOut.add(sequence, pictureId);
      else sent.push({ sequence, number: first + sent.length, picture: pictureId - picture });
    }
    if (isLeftOut) picture++;
  });
  return [leftOut, sent];
}

describe('packets that are left out', () => {
  test('leave no gap in the numbers of packets and pictures, and every number leads back to its packet', () => {
    fc.assert(
      fc.property(pictures, fc.nat({ max: 1e6 }), (stream, first) => {
        const [leftOut, sent] = play(stream, first);
        const ids = stream.flatMap(({ packets }, id) => Array.from({ length: packets }, () => id));
        for (const { sequence, number, picture } of sent) {
          expect(leftOut.has(sequence)).toBe(false);
          expect(sequence - leftOut.packetsBefore(sequence)).toBe(number);
          expect((ids[sequence - first] ?? 0) - leftOut.picturesBefore(sequence)).toBe(picture);
          expect(leftOut.sourceOf(number)).toBe(sequence);
        }
      }),
    );
  });

  test('are forgotten when they are too old, and counted all the same', () => {
    const leftOut = new LeftOutPackets();
    for (let sequence = 0; sequence < 30_000; sequence += 3) leftOut.add(sequence, sequence);
    expect(leftOut.packetsBefore(30_000)).toBe(10_000);
    expect(leftOut.picturesBefore(30_000)).toBe(10_000);
    expect(leftOut.sourceOf(29_999 - 10_000)).toBe(29_999);
    expect(leftOut.has(29_997)).toBe(true);
    expect(leftOut.has(3)).toBe(false);
  });

  test('are none after a new start', () => {
    const leftOut = new LeftOutPackets();
    leftOut.add(5, 1);
    leftOut.clear();
    expect([leftOut.has(5), leftOut.packetsBefore(9), leftOut.picturesBefore(9)]).toEqual([false, 0, 0]);
  });
});
