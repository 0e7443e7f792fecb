/** Packets of a simulcast publisher, and of one that makes up what it sends, on their way to the layers. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitTrailer } from '@casto/core';
import { hasMarker, RTP_HEADER_BYTES } from '../../src/media/rtp-packet.ts';
import type { RtpSource } from '../../src/media/rtp-source.ts';
import { SenderBudget } from '../../src/media/sender-budget.ts';
import { PublisherClock } from '../../src/whip/capture-clock.ts';
import { IngestStream } from '../../src/whip/ingest-stream.ts';
import { simulcastStreams, type StreamFault } from '../../src/whip/published-section.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';

const RID_EXTENSION = 10;
const RIDS = ['lo', 'mid', 'hi'];
const CODEC = {
  mimeType: 'video/vp8',
  payloadType: 98,
  clockRate: 90_000,
  parameters: {},
  rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'goog-remb' }],
};

interface Sent {
  readonly ssrc: number;
  readonly rid?: string | null;
  readonly size?: readonly [number, number];
}

class SimulcastWorld {
  now = 1_700_000_000_000;
  /** What feeds the hub now. */
  readonly sources = new Set<RtpSource>();
  /** Layer and number of each frame that reached the hub, as its trailer says. */
  readonly frames: { fed: number; layer: number; sequence: number; capturedAt: number }[] = [];
  readonly #counts = RIDS.map(() => ({ next: 0 }));
  readonly #clock = new PublisherClock();
  readonly section = simulcastStreams(
    CODEC,
    { rids: RIDS, ridExtension: RID_EXTENSION, midExtension: null },
    (layer) =>
      new IngestStream({
        ...layer,
        kind: 'video',
        codec: CODEC,
        epoch: 1_700_000_000,
        frames: (of) => this.#counts[of] ?? { next: 0 },
        clock: this.#clock,
        budget: new SenderBudget(1e6, 0),
        limitedSsrcs: () => [],
        localSsrc: 1,
        cname: 'relay',
        now: () => this.now,
        send: () => true,
        onSource: (source, former) => this.#feed(source, former),
      }),
  );
  readonly #sequences = new Map<number, number>();

  /** A key frame of one packet. */
  send({ ssrc, rid = null, size = [640, 360] }: Sent): StreamFault | null {
    const sequence = this.#sequences.get(ssrc) ?? 100;
    this.#sequences.set(ssrc, sequence + 1);
    const body = Buffer.from([0, 0, 0x9d, 0x01, 0x2a, 0, 0, 0, 0, 1, 2, 3]);
    body.writeUInt16LE(size[0], 5);
    body.writeUInt16LE(size[1], 7);
    const packet = rtp({
      payloadType: 98,
      ssrc,
      sequence,
      timestamp: (this.now * 90) >>> 0,
      marker: true,
      payload: vp8({ key: true, start: true, pictureId: sequence & 0x7fff, body }),
      ...(rid === null ? {} : { extension: extensionOf(rid) }),
    });
    return this.section.takeRtp(packet);
  }

  wait(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += 20) {
      for (const stream of this.section.streams) stream.tick(this.now);
    }
  }

  #feed(source: RtpSource | null, former: RtpSource | null): void {
    if (former !== null) this.sources.delete(former);
    if (source === null) return;
    this.sources.add(source);
    source.onUnit = ({ bytes }) => {
      const trailer = hasMarker(bytes) ? splitTrailer(bytes.subarray(RTP_HEADER_BYTES))?.trailer : null;
      if (!trailer) return;
      const { layer, sequence, capturedAt } = trailer;
      this.frames.push({ fed: source.key.layer, layer, sequence, capturedAt });
    };
  }
}

function extensionOf(rid: string): Buffer {
  const element = Buffer.concat([Buffer.from([(RID_EXTENSION << 4) | (rid.length - 1)]), Buffer.from(rid)]);
  return Buffer.concat([element, Buffer.alloc((4 - (element.length % 4)) % 4)]);
}

describe('the packets of a simulcast', () => {
  test('go to their layers by rid, then by SSRC alone, and each layer counts its frames by itself', () => {
    const world = new SimulcastWorld();
    for (const [index, rid] of RIDS.entries()) expect(world.send({ ssrc: 11 + index, rid })).toBeNull();
    for (let frame = 0; frame < 3; frame += 1) {
      world.wait(40);
      for (const ssrc of [13, 11]) expect(world.send({ ssrc })).toBeNull();
    }
    expect(world.frames.map(({ fed, layer, sequence }) => [fed, layer, sequence])).toEqual([
      [2, 2, 0],
      [1, 1, 0],
      [0, 0, 0],
      [0, 0, 1],
      [2, 2, 1],
      [0, 0, 2],
      [2, 2, 2],
      [0, 0, 3],
      [2, 2, 3],
    ]);
    expect([...world.sources].map(({ ssrc, key }) => [ssrc, key.layer])).toEqual([
      [11, 2],
      [12, 1],
      [13, 0],
    ]);
  });

  test('that have no name, or one that was not offered, are refused while their SSRC is not known', () => {
    const world = new SimulcastWorld();
    for (const rid of [null, 'x', 'LO', '__proto__', 'hi2']) {
      expect(world.send({ ssrc: 11, rid })).toBe('rtp-unknown-stream');
    }
    expect(world.sources.size).toBe(0);
  });

  test('of a second SSRC are refused until the first is silent, and of another layer always', () => {
    const world = new SimulcastWorld();
    world.send({ ssrc: 11, rid: 'lo' });
    world.send({ ssrc: 12, rid: 'hi' });
    expect(world.send({ ssrc: 66, rid: 'hi' })).toBe('rtp-second-source');
    expect(world.send({ ssrc: 11, rid: 'hi' })).toBe('rtp-rid-mismatch');
    expect(world.frames).toHaveLength(2);
    world.wait(1_000);
    expect(world.send({ ssrc: 66, rid: 'hi' })).toBeNull();
    expect(world.send({ ssrc: 12 })).toBe('rtp-unknown-stream');
    // An encoder that began anew goes on with the count of its layer.
    expect(world.frames.at(-1)).toMatchObject({ layer: 0, sequence: 1 });
  });

  test('find their layers by the size of their pictures, whatever order they were offered in', () => {
    const world = new SimulcastWorld();
    const sizes = { lo: [1280, 720], mid: [640, 360], hi: [320, 180] } as const;
    const send = (ssrc: number, rid: keyof typeof sizes, isNamed: boolean): void => {
      expect(world.send({ ssrc, rid: isNamed ? rid : null, size: sizes[rid] })).toBeNull();
      world.wait(40);
    };
    // A publisher names its streams until it hears that they came.
    send(11, 'lo', true);
    send(11, 'lo', false);
    send(12, 'mid', true);
    send(13, 'hi', true);
    const sendAll = (): void => {
      send(11, 'lo', false);
      send(12, 'mid', false);
      send(13, 'hi', false);
    };
    sendAll();
    world.frames.length = 0;
    sendAll();
    expect(world.frames.map(({ fed, layer }) => [fed, layer])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
    expect(world.section.streams.map(({ layer }) => layer)).toEqual([0, 1, 2]);
    expect(world.sources.size).toBe(3);
    // Smaller pictures for a while change nothing.
    world.send({ ssrc: 11, rid: 'lo', size: [160, 90] });
    expect(world.frames.at(-1)).toMatchObject({ fed: 0, layer: 0 });
  });

  test('leave no more than three streams behind, whatever SSRCs and rids they have', () => {
    const anyRid = fc.oneof(fc.constantFrom(null, ...RIDS), fc.string({ minLength: 1, maxLength: 16 }));
    const sent = fc.record({ ssrc: fc.integer({ min: 1, max: 12 }), rid: anyRid, pause: fc.nat(900) });
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 60 }), (packets) => {
        const world = new SimulcastWorld();
        for (const { ssrc, rid, pause } of packets) {
          world.send({ ssrc, rid: rid === null ? null : Buffer.from(rid).toString('latin1').slice(0, 16) });
          world.wait(pause);
          const ssrcs = world.section.streams.flatMap((stream) => stream.ssrc ?? []);
          expect(new Set(ssrcs).size).toBe(ssrcs.length);
          expect(world.sources.size).toBeLessThanOrEqual(3);
          for (const { fed, layer } of world.frames) expect(fed).toBe(layer);
        }
      }),
      { numRuns: 60 },
    );
  });
});
