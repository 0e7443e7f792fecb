import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FEEDBACK, RTCP, readNack, readReportBlock } from '../../src/media/rtcp-packet.ts';
import { writeSenderReport } from '../../src/media/rtcp-writer.ts';
import { createRtpSource } from '../../src/media/rtp-source.ts';
import { SenderBudget } from '../../src/media/sender-budget.ts';
import { MediaWorld, countBlocks, deliverRtcp } from './media-world.ts';
import { rtp, vp8 } from './rtp-builder.ts';

function nacked(packets: readonly Buffer[]): number[] {
  const sequences: number[] = [];
  for (const packet of packets) {
    if (packet[1] === RTCP.transportFeedback) readNack(packet, 0, packet.length, sequences, 1000);
  }
  return sequences;
}

describe('a source', () => {
  test('drops what is no packet of its stream, by reason', () => {
    const world = new MediaWorld();
    const { source } = world.publisher();
    source.takeRtp(Buffer.alloc(5));
    source.takeRtp(Buffer.alloc(20));
    source.takeRtp(rtp({ payloadType: 97 }));
    source.takeRtp(rtp({ payload: Buffer.from([0x90]) }));
    source.takeRtp(rtp({ sequence: 5, payload: vp8() }));
    source.takeRtp(rtp({ sequence: 5, payload: vp8() }));
    source.takeRtp(rtp({ sequence: 30_000, payload: vp8() }));
    expect(source.stats().drops).toMatchObject({
      'rtp-short': 1,
      'rtp-version': 1,
      'payload-type': 1,
      payload: 1,
      duplicate: 1,
      jump: 1,
    });
    expect(source.stats().packets).toBe(1);
  });

  test('asks for lost packets, and stops when they come', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const { source, rtcp } = publisher;
    world.hub.setSource(source);
    const packets = publisher.frame({ key: true, packets: 6 });
    for (const index of [0, 1, 4, 5]) source.takeRtp(packets[index] ?? Buffer.alloc(0));
    expect(nacked(rtcp)).toEqual([1002, 1003]);
    source.takeRtp(packets[2] ?? Buffer.alloc(0));
    world.advance(100);
    expect(nacked(rtcp)).toEqual([1002, 1003, 1003]);
    source.takeRtp(packets[3] ?? Buffer.alloc(0));
    world.advance(500);
    expect(nacked(rtcp)).toHaveLength(3);
    expect(source.stats().packets).toBe(6);
    expect(source.stats().lost).toBe(0);
  });

  test('asks for a key frame when lost packets never come', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    world.viewer();
    publisher.publish({ key: true });
    publisher.sequence += 1;
    publisher.publish();
    const before = countBlocks(publisher.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss);
    world.advance(800);
    expect(countBlocks(publisher.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss)).toBe(before + 1);
  });

  test('asks for a key frame at once when too much is lost', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    publisher.publish({ key: true });
    publisher.sequence += 1000;
    publisher.publish();
    expect(nacked(publisher.rtcp)).toEqual([]);
    expect(countBlocks(publisher.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss)).toBe(1);
  });

  test('reports every second, referring to the sender', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 10);
    const info = { ntpSeconds: 5, ntpFraction: 0, timestamp: 1, packets: 1, octets: 1 };
    deliverRtcp(publisher.source, writeSenderReport(publisher.source.ssrc, info, 'streamer'));
    deliverRtcp(publisher.source, writeSenderReport(999_999, { ...info, ntpSeconds: 9 }, 'stranger'));
    world.stream(publisher, 50);
    const reports = publisher.rtcp.filter((packet) => packet[1] === RTCP.receiverReport);
    expect(reports).toHaveLength(2);
    const block = readReportBlock(reports.at(-1) ?? Buffer.alloc(0), 0, 32, publisher.source.ssrc);
    expect(block).toMatchObject({ fractionLost: 0, lost: 0, lastReport: 5 << 16 });
  });

  test('starts over with fresh numbers when the stream does', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const viewer = world.viewer();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 5);
    const { ring } = publisher.source;
    publisher.sequence = 40_000;
    publisher.timestamp = 7;
    publisher.publish();
    expect(publisher.source.ring).not.toBe(ring);
    world.stream(publisher, 5);
    const sequences = viewer.packets.map(({ sequence }) => sequence - (viewer.packets[0]?.sequence ?? 0));
    expect(sequences).toEqual(sequences.map((_, index) => index));
  });

  test('drops pictures that waited too long in the process, and goes on at a key frame', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const viewer = world.viewer();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 10);
    const before = viewer.packets.length;
    // Frames of a second come in one turn: the loop stood still.
    world.stall(1000);
    for (let frame = 0; frame < 25; frame += 1) publisher.publish();
    const { stale } = publisher.source.stats().drops;
    // The last packet before the stall came one frame earlier than the first of these: 1040 - 40n > 400.
    expect(stale).toBe(15 * 2);
    expect(viewer.packets).toHaveLength(before);
    expect(viewer.sink.stats().drops.waiting).toBe(10 * 2);
    world.advance(40);
    expect(countBlocks(publisher.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss)).toBeGreaterThanOrEqual(1);
    world.stream(publisher, 2);
    const resumed = viewer.packets.slice(before);
    expect(resumed).toHaveLength(4);
    expect(resumed[0]?.startsKeyFrame).toBe(true);
    expect(resumed[0]?.sequence).toBe((viewer.packets[before - 1]?.sequence ?? 0) + 1);
    // Capture times stay true, because the clock of the sender went on.
    expect((resumed[0]?.timestamp ?? 0) - (viewer.packets[before - 1]?.timestamp ?? 0)).toBe(26 * 3600);
  });

  test('takes a sender whose timestamps stood still for what it is', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const viewer = world.viewer();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 10);
    world.advance(3000);
    publisher.publish();
    expect(publisher.source.stats().drops.stale).toBe(0);
    expect(viewer.packets).toHaveLength(22);
  });

  test('keeps sound twice as long as pictures', () => {
    const world = new MediaWorld();
    const publisher = world.publisher('audio');
    const viewer = world.viewer('audio');
    world.hub.setSource(publisher.source);
    world.stream(publisher, 10, { packets: 1 });
    world.stall(1000);
    for (let frame = 0; frame < 25; frame += 1) publisher.publish({ packets: 1 });
    expect(publisher.source.stats().drops.stale).toBe(5);
    expect(viewer.packets).toHaveLength(30);
  });

  test('takes any RTP and RTCP without throwing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('vp8' as const, 'h264' as const, 'opus' as const),
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 60 }),
            fc
              .record({
                sequence: fc.nat(0xffff),
                timestamp: fc.nat(0xffffffff),
                payload: fc.uint8Array({ maxLength: 30 }),
                padding: fc.nat(20),
              })
              .map((fields) => Uint8Array.from(rtp(fields))),
          ),
          { maxLength: 60 },
        ),
        (codec, packets) => {
          let now = 0;
          const budget = new SenderBudget(1e6, now);
          const source = createRtpSource({
            key: { kind: codec === 'opus' ? 'audio' : 'video', layer: 0 },
            codec,
            clockRate: 90_000,
            payloadType: 96,
            ssrc: 1,
            localSsrc: 2,
            cname: 'x',
            feedback: {
              nack: true,
              pictureLoss: true,
              fullIntraRequest: false,
              remb: { budget, ssrcs: () => [1] },
            },
            arrivals: budget.stream('video', 90_000),
            now: () => now,
            roundTripMs: () => null,
            send: () => true,
          });
          let units = 0;
          source.onUnit = () => (units += 1);
          for (const packet of packets) {
            now += 7;
            source.takeRtp(Buffer.from(packet));
            deliverRtcp(source, Buffer.from(packet));
            source.tick(now, true);
          }
          const stats = source.stats();
          const dropped = Object.values(stats.drops).reduce((sum, count) => sum + count, 0);
          expect(stats.packets).toBe(units);
          expect(units + dropped).toBe(packets.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('is silent once closed', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    publisher.source.close();
    publisher.source.close();
    publisher.publish({ key: true });
    publisher.source.requestKeyFrame();
    publisher.source.tick(world.now + 5000, true);
    expect(publisher.rtcp).toEqual([]);
    expect(publisher.source.stats().packets).toBe(0);
  });
});
