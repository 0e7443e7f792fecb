import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RTCP, readSenderReport } from '../../src/media/rtcp-packet.ts';
import {
  writeFullIntraRequest,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
  writeSenderReport,
} from '../../src/media/rtcp-writer.ts';
import { MediaWorld, deliverRtcp } from './media-world.ts';
import type { Publisher, Viewer } from './media-world.ts';

function watching(): { world: MediaWorld; publisher: Publisher; viewer: Viewer } {
  const world = new MediaWorld();
  const publisher = world.publisher();
  const viewer = world.viewer();
  world.hub.setSource(publisher.source);
  return { world, publisher, viewer };
}

describe('a sink', () => {
  test('waits for a key frame and then sends every packet with its own numbers', () => {
    const { world, publisher, viewer } = watching();
    publisher.publish();
    expect(viewer.packets).toEqual([]);
    expect(viewer.sink.stats().drops.waiting).toBe(2);
    world.stream(publisher, 20);
    expect(viewer.packets).toHaveLength(40);
    const [first] = viewer.packets;
    expect(first?.startsKeyFrame).toBe(true);
    expect(first?.sequence).toBeLessThan(0x4000);
    viewer.packets.forEach((packet, index) => {
      expect(packet.sequence).toBe((first?.sequence ?? 0) + index);
      expect((packet.timestamp - (first?.timestamp ?? 0)) >>> 0).toBe(Math.floor(index / 2) * 3600);
      expect(packet.bytes.readUInt32BE(8)).toBe(viewer.sink.ssrc);
      expect(packet.bytes[1]).toBe(index % 2 === 1 ? 96 | 0x80 : 96);
    });
  });

  test('repeats packets that were lost, as they were', () => {
    const { world, publisher, viewer } = watching();
    const other = world.viewer();
    world.stream(publisher, 20);
    const sent = [...viewer.packets];
    const lost = sent.slice(10, 14);
    const sequences = lost.map(({ sequence }) => sequence);
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, sequences));
    expect(viewer.packets.slice(sent.length).map(({ bytes }) => bytes)).toEqual(
      lost.map(({ bytes }) => bytes),
    );
    expect(viewer.sink.stats().resent).toBe(4);
    // The same buffers served another viewer in between.
    expect(other.packets).toHaveLength(40);
  });

  test('refuses NACKs by reason', () => {
    const { world, publisher, viewer } = watching();
    // So fast that the last 500 packets are not too old.
    world.stream(publisher, 60, { keyEvery: 50, packets: 24 });
    const last = viewer.packets.at(-1)?.sequence ?? 0;
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, [last + 1]));
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, [last - 1000]));
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, [last, last]));
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, [last]));
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc + 1, [last]));
    expect(viewer.sink.stats().drops).toMatchObject({ 'nack-unknown': 1, 'nack-old': 1, 'nack-repeated': 1 });
    expect(viewer.sink.stats().resent).toBe(1);
    const storm = Array.from({ length: 500 }, (_, index) => last - 500 + index);
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, storm));
    expect(viewer.sink.stats().resent).toBeLessThanOrEqual(257);
    expect(viewer.sink.stats().drops['nack-exhausted']).toBeGreaterThan(200);
  });

  test('counts what the socket refuses and keeps numbering', () => {
    const { world, publisher, viewer } = watching();
    world.stream(publisher, 3);
    viewer.isRefusing = true;
    world.stream(publisher, 2, { keyEvery: 9 });
    viewer.isRefusing = false;
    publisher.publish();
    expect(viewer.sink.stats().drops['send-failed']).toBe(4);
    const [before, after] = viewer.packets.slice(5);
    expect((after?.sequence ?? 0) - (before?.sequence ?? 0)).toBe(5);
  });

  test('passes key frame requests on, PLI or FIR, for its own stream only', () => {
    const { publisher, viewer } = watching();
    deliverRtcp(viewer.sink, writePictureLoss(9, viewer.sink.ssrc));
    deliverRtcp(viewer.sink, writeFullIntraRequest(9, viewer.sink.ssrc, 1));
    deliverRtcp(viewer.sink, writePictureLoss(9, viewer.sink.ssrc + 1));
    expect(viewer.sink.stats().pictureLosses).toBe(2);
    // One request at once, the others merged.
    expect(publisher.source.stats().keyFrameRequests).toBe(1);
  });

  test('sender reports say the true capture time in the timestamps of the viewer', () => {
    const { world, publisher, viewer } = watching();
    world.stream(publisher, 3);
    const info = { ntpSeconds: 3_900_000_000, ntpFraction: 1 << 30, timestamp: 5000, packets: 9, octets: 9 };
    deliverRtcp(publisher.source, writeSenderReport(publisher.source.ssrc, info, 'streamer'));
    const [compound] = viewer.rtcp;
    const report = readSenderReport(compound ?? Buffer.alloc(0), 0, 28, 0);
    expect(report).toMatchObject({ ssrc: viewer.sink.ssrc, ntpSeconds: 3_900_000_000, ntpFraction: 1 << 30 });
    // 5000 is the timestamp of the first frame, as the publisher counts.
    expect(report?.timestamp).toBe(viewer.packets[0]?.timestamp);
    expect(compound?.readUInt32BE(20)).toBe(6);
    expect(compound?.toString('latin1')).toContain('relay');
  });

  test('a joiner learns the capture times at once, from two points on one line', () => {
    const { world, publisher } = watching();
    const info = { ntpSeconds: 100, ntpFraction: 0, timestamp: 5000, packets: 9, octets: 9 };
    deliverRtcp(publisher.source, writeSenderReport(publisher.source.ssrc, info, 'streamer'));
    world.stream(publisher, 25);
    const late = world.viewer();
    const reports = late.rtcp.map((packet) => readSenderReport(packet, 0, 28, 0));
    expect(reports).toHaveLength(2);
    expect(((reports[1]?.timestamp ?? 0) - (reports[0]?.timestamp ?? 0)) >>> 0).toBe(90_000);
    expect(reports.map((report) => report?.ntpSeconds)).toEqual([100, 101]);
  });

  test('the round trip follows from the report that the viewer refers to', () => {
    const { world, publisher, viewer } = watching();
    world.stream(publisher, 2);
    const info = { ntpSeconds: 7, ntpFraction: 0, timestamp: 1, packets: 1, octets: 1 };
    deliverRtcp(publisher.source, writeSenderReport(publisher.source.ssrc, info, 'streamer'));
    world.advance(150);
    const block = {
      ssrc: viewer.sink.ssrc,
      fractionLost: 0.5,
      lost: 3,
      highestSequence: 5,
      jitter: 6,
      lastReport: 7 << 16,
      sinceLastReport: 6554,
    };
    deliverRtcp(viewer.sink, writeReceiverReport(9, [block], 'viewer'));
    expect(viewer.sink.stats().roundTripMs).toBeCloseTo(50, 1);
    expect(viewer.sink.stats().report?.fractionLost).toBe(0.5);
    deliverRtcp(viewer.sink, writeReceiverReport(9, [{ ...block, sinceLastReport: 0xffffffff }], 'viewer'));
    expect(viewer.sink.stats().roundTripMs).toBe(0);
  });

  test('before it is open nothing is sent, after it is closed nothing either', () => {
    const { world, publisher } = watching();
    const viewer = world.viewer('video', { isOpen: false });
    publisher.publish({ key: true });
    expect(viewer.sink.stats().drops['not-open']).toBe(2);
    viewer.sink.close();
    viewer.sink.close();
    viewer.sink.open();
    publisher.publish({ key: true });
    expect(viewer.packets).toEqual([]);
  });

  test('takes any RTCP without throwing, and sends nothing but packets it has', () => {
    const { world, publisher, viewer } = watching();
    world.stream(publisher, 20);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 100 }),
          fc
            .tuple(
              fc.constantFrom(0x81, 0x84, 0x8f, 0x9f, 0x80),
              fc.constantFrom(200, 201, 202, 203, 205, 206),
              fc.uint8Array({ minLength: 4, maxLength: 60 }),
            )
            .map(([first, type, body]) => {
              const packet = Buffer.alloc(4 + Math.floor(body.length / 4) * 4);
              packet.set(body.subarray(0, packet.length - 4), 4);
              packet[0] = first;
              packet[1] = type;
              packet.writeUInt16BE(packet.length / 4 - 1, 2);
              if (packet.length >= 12) packet.writeUInt32BE(viewer.sink.ssrc, 8);
              return Uint8Array.from(packet);
            }),
        ),
        (bytes) => {
          world.now += 1;
          deliverRtcp(viewer.sink, Buffer.from(bytes));
        },
      ),
      { numRuns: 1000 },
    );
    expect(new Set(viewer.packets.map(({ bytes }) => bytes.toString('hex'))).size).toBe(40);
    expect(viewer.rtcp.every((packet) => packet[1] === RTCP.senderReport)).toBe(true);
  });
});
