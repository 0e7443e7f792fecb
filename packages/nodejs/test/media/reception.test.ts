import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMissingPackets } from '../../src/media/missing-packets.ts';
import { RING_PACKETS, createPacketRing } from '../../src/media/packet-ring.ts';
import type { PacketRing, RtpPacket } from '../../src/media/packet-ring.ts';
import { createReception } from '../../src/media/reception.ts';

describe('reception', () => {
  test('sequences rise without end across the wrap of their 16 bits', () => {
    const reception = createReception(90_000);
    for (let index = 0; index < 70_000; index += 1) {
      const arrival = reception.take((65_000 + index) & 0xffff, index, index);
      expect(arrival).toBe('next');
      expect(reception.sequence).toBe(65_536 + 65_000 + index);
    }
    expect(reception.lost).toBe(0);
  });

  test('gaps, late packets and jumps are told apart', () => {
    const reception = createReception(90_000);
    expect(reception.take(10, 0, 0)).toBe('next');
    expect(reception.take(13, 0, 0)).toBe('gap');
    expect(reception.take(11, 0, 0)).toBe('late');
    expect(reception.sequence).toBe(65_536 + 11);
    expect(reception.highest).toBe(65_536 + 13);
    expect(reception.take(9, 0, 0)).toBe('late');
    expect(reception.take(40_000, 0, 0)).toBe('jump');
    expect(reception.take(14, 0, 0)).toBe('next');
  });

  test('a jump that goes on is a restart, at most once a second', () => {
    const reception = createReception(90_000);
    reception.take(10, 0, 0);
    expect(reception.take(40_000, 0, 5)).toBe('jump');
    expect(reception.take(40_001, 0, 5)).toBe('restart');
    expect(reception.take(40_002, 0, 5)).toBe('next');
    expect(reception.take(10_000, 0, 500)).toBe('jump');
    expect(reception.take(10_001, 0, 500)).toBe('jump');
    expect(reception.take(10_002, 0, 1500)).toBe('restart');
  });

  test('jitter follows RFC 3550 and is not raised by the packets of one picture', () => {
    const steady = createReception(90_000);
    const uneven = createReception(90_000);
    for (let frame = 0; frame < 200; frame += 1) {
      for (let packet = 0; packet < 3; packet += 1) {
        const sequence = frame * 3 + packet;
        steady.take(sequence, frame * 3000, (frame * 100) / 3 + packet * 5);
        uneven.take(sequence, frame * 3000, (frame * 100) / 3 + (frame % 2) * 8);
      }
    }
    expect(steady.jitterMs).toBeLessThan(0.01);
    expect(uneven.jitterMs).toBeGreaterThan(7);
    expect(uneven.jitterMs).toBeLessThan(9);
  });

  test('a report covers its interval and refers to the sender', () => {
    const reception = createReception(90_000);
    expect(reception.report(5, 0)).toBe(null);
    for (const sequence of [0, 1, 2, 3]) reception.take(sequence, 0, 0);
    expect(reception.report(5, 0)).toMatchObject({ ssrc: 5, fractionLost: 0, lost: 0, lastReport: 0 });
    reception.take(7, 0, 0);
    reception.takeReport({
      ssrc: 5,
      ntpSeconds: 1,
      ntpFraction: 0,
      ntpMiddle: 0x10000,
      timestamp: 0,
      arrivedAt: 100,
    });
    expect(reception.report(5, 1100)).toMatchObject({
      fractionLost: 0.75,
      lost: 3,
      lastReport: 0x10000,
      sinceLastReport: 65_536,
      highestSequence: 65_536 + 7,
    });
    expect(reception.report(5, 1200)).toMatchObject({ fractionLost: 0, lost: 3 });
  });

  test('any sequence of numbers keeps the extended one within a cycle of what came', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(0xffff), fc.nat(0xffffffff)), { maxLength: 100 }), (packets) => {
        const reception = createReception(90_000);
        let now = 0;
        for (const [sequence, timestamp] of packets) {
          const arrival = reception.take(sequence, timestamp, (now += 3));
          if (arrival === 'jump') continue;
          expect(reception.sequence & 0xffff).toBe(sequence);
          expect(reception.sequence).toBeLessThanOrEqual(reception.highest);
          expect(reception.sequence).toBeGreaterThan(0);
          expect(Number.isFinite(reception.jitterMs)).toBe(true);
        }
      }),
    );
  });
});

describe('missing packets', () => {
  test('are asked for at once, again after the round trip, and given up in the end', () => {
    const missing = createMissingPackets();
    expect(missing.add(5, 8, 0)).toBe(true);
    const ask: number[] = [];
    expect(missing.collect(0, 40, ask)).toBe(0);
    expect(ask).toEqual([5, 6, 7]);
    missing.collect(59, 40, ask);
    expect(ask).toHaveLength(3);
    expect(missing.remove(6)).toBe(true);
    expect(missing.remove(6)).toBe(false);
    missing.collect(60, 40, ask);
    expect(ask).toEqual([5, 6, 7, 5, 7]);
    expect(missing.collect(700, 40, ask)).toBe(2);
    expect(missing.size).toBe(0);
  });

  test('a packet is asked for ten times at most', () => {
    const missing = createMissingPackets();
    missing.add(1, 2, 0);
    const ask: number[] = [];
    for (let now = 0; now < 500; now += 20) missing.collect(now, 0, ask);
    expect(ask).toHaveLength(10);
  });

  test('too many are not repaired at all', () => {
    const missing = createMissingPackets();
    expect(missing.add(0, 250, 0)).toBe(true);
    expect(missing.add(300, 310, 0)).toBe(false);
    expect(missing.size).toBe(0);
  });

  test('what precedes a key frame is forgotten', () => {
    const missing = createMissingPackets();
    missing.add(0, 10, 0);
    missing.removeBefore(8);
    const ask: number[] = [];
    missing.collect(0, 0, ask);
    expect(ask).toEqual([8, 9]);
  });
});

describe('packet ring', () => {
  function store(ring: PacketRing, sequence: number, fields: Partial<RtpPacket> = {}): RtpPacket | null {
    const packet = ring.claim(sequence);
    if (packet !== null) Object.assign(packet, fields);
    return packet;
  }

  test('holds the last packets, in any order of arrival', () => {
    const ring = createPacketRing();
    for (const sequence of [100, 102, 101]) expect(store(ring, sequence)).not.toBe(null);
    expect(ring.highest).toBe(102);
    expect(ring.get(101)?.sequence).toBe(101);
    expect(ring.get(103)).toBe(null);
    expect(store(ring, 101)).toBe(null);
    store(ring, 100 + RING_PACKETS);
    expect(ring.get(100)).toBe(null);
    expect(store(ring, 100)).toBe(null);
    expect(ring.get(100 + RING_PACKETS)?.sequence).toBe(100 + RING_PACKETS);
  });

  test('a key frame starts at its first packet, whichever came first', () => {
    const ring = createPacketRing();
    const mark = (sequence: number, timestamp: number): void => {
      const packet = store(ring, sequence, { timestamp, arrivedAt: sequence });
      if (packet !== null) ring.markKeyFrame(packet);
    };
    mark(11, 500);
    mark(12, 500);
    expect(ring.keyFrame?.sequence).toBe(11);
    mark(10, 500);
    expect(ring.keyFrame?.sequence).toBe(10);
    mark(50, 900);
    mark(30, 700);
    expect(ring.keyFrame).toEqual({ sequence: 50, timestamp: 900, arrivedAt: 50 });
    ring.forgetKeyFrame();
    expect(ring.keyFrame).toBe(null);
  });

  test('whatever arrives, a packet is found under its own number only', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { maxLength: 300 }), (sequences) => {
        const ring = createPacketRing();
        const newest = new Map<number, number>();
        for (const sequence of sequences) {
          const claimed = store(ring, sequence) !== null;
          const slot = sequence % RING_PACKETS;
          expect(claimed).toBe(sequence > (newest.get(slot) ?? -1));
          if (claimed) newest.set(slot, sequence);
        }
        for (const sequence of sequences) {
          const isKept = newest.get(sequence % RING_PACKETS) === sequence;
          expect(ring.get(sequence)?.sequence ?? null).toBe(isKept ? sequence : null);
        }
      }),
    );
  });
});
