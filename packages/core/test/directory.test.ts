import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assertCurrent,
  decodeSignedRecord,
  encodeRecord,
  encodeSignedRecord,
  MAX_SIGNED_RECORD_BYTES,
  supersedes,
  type ChannelRecord,
} from '../src/channel-record.ts';
import { ANNOUNCE_MS, MAX_RECORD_LIFETIME_MS, RECORD_LIFETIME_MS } from '../src/config.ts';
import { MalformedError } from '../src/errors.ts';
import { isPeerId } from '../src/peer-id.ts';
import { peerIdOfKey } from './base58.ts';
import { cbor, fieldValues, lists, namedFields } from './codecs.ts';

const NOW = 1_700_000_000_000;
const SIGNATURE = new Uint8Array(64).fill(9);

function record(changes: Partial<ChannelRecord> = {}): ChannelRecord {
  const channel = peerIdOfKey(new Uint8Array(32).fill(4));
  if (!isPeerId(channel)) throw new Error('not an id');
  return {
    channel,
    epoch: 1_700_000_000,
    sequence: 7,
    expiresAt: NOW + RECORD_LIFETIME_MS,
    title: 'A title with ünïcödé 🎥',
    app: 'app',
    video: 'vp8',
    layers: 3,
    audio: true,
    live: true,
    listed: false,
    ...changes,
  };
}

describe('a record', () => {
  test('[D1.1] travels as a list in a signed list', () => {
    const documented = lists.find(({ name }) => name === 'record')?.documented;
    if (documented === undefined) throw new Error('no table');
    fc.assert(
      fc.property(fieldValues(documented), (values) => {
        const content = cbor(values);
        const signed = decodeSignedRecord(cbor([content, SIGNATURE]));
        expect(signed).toEqual({ record: namedFields(documented, values), content, signature: SIGNATURE });
        expect(Uint8Array.from(encodeRecord(signed.record))).toEqual(content);
        expect(Uint8Array.from(encodeSignedRecord(content, SIGNATURE))).toEqual(cbor([content, SIGNATURE]));
      }),
    );
  });

  test('[D1.1] has no fields but those of its table, whatever object it is made of', () => {
    const extended = { ...record(), extra: 'not of the table' };
    const content = encodeRecord(extended);
    expect(decodeSignedRecord(encodeSignedRecord(content, SIGNATURE)).record).toEqual(record());
  });

  test('[D1.1] is refused when it is cut, of another shape or too large', () => {
    const signed = encodeSignedRecord(encodeRecord(record()), SIGNATURE);
    for (let end = 0; end < signed.length; end++) {
      expect(() => decodeSignedRecord(signed.subarray(0, end))).toThrow(MalformedError);
    }
    expect(() => decodeSignedRecord(cbor([cbor([]), SIGNATURE]))).toThrow('(wrong-shape)');
    expect(() => decodeSignedRecord(cbor([encodeRecord(record())]))).toThrow('(wrong-shape)');
    expect(() => decodeSignedRecord(cbor([encodeRecord(record()), SIGNATURE.subarray(1)]))).toThrow(
      '(out-of-range)',
    );
    expect(() => decodeSignedRecord(new Uint8Array(MAX_SIGNED_RECORD_BYTES + 1))).toThrow('(too-large)');
    const whole = cbor([cbor(['x'.repeat(2_100)]), SIGNATURE]);
    expect(() => decodeSignedRecord(whole)).toThrow('(too-large)');
  });

  test('[D1.1] fits with the longest title and namespace', () => {
    const content = encodeRecord(record({ title: '語'.repeat(120), app: '語'.repeat(64) }));
    expect(encodeSignedRecord(content, SIGNATURE).length).toBeLessThan(MAX_SIGNED_RECORD_BYTES);
  });

  test('[D1.3] keeps the bytes that were signed, with fields of a later version', () => {
    const values = Object.values(record());
    const content = cbor([...values, 'a field of a later version']);
    const signed = decodeSignedRecord(cbor([content, SIGNATURE, 'and one of the container']));
    expect(signed.record).toEqual(record());
    expect(signed.content).toEqual(content);
  });
});

describe('expiry', () => {
  test('[D3.1] a record counts until its expiry, not at it', () => {
    expect(() => assertCurrent(record({ expiresAt: NOW + 1 }), NOW)).not.toThrow();
    expect(() => assertCurrent(record({ expiresAt: NOW }), NOW)).toThrow('(out-of-range)');
    expect(() => assertCurrent(record({ expiresAt: 0 }), NOW)).toThrow(MalformedError);
  });

  test('[D3.2] a record that would live for more than 12 h is refused', () => {
    const twelveHours = 12 * 3_600_000;
    expect(() => assertCurrent(record({ expiresAt: NOW + twelveHours }), NOW)).not.toThrow();
    expect(() => assertCurrent(record({ expiresAt: NOW + twelveHours + 1 }), NOW)).toThrow('(out-of-range)');
    expect(() => assertCurrent(record({ expiresAt: Number.MAX_SAFE_INTEGER }), NOW)).toThrow(MalformedError);
  });

  test('[D3.2] a streamer whose clock is up to 6 h off is still heard', () => {
    const hoursOff = [-5.9, 0, 5.9];
    for (const hours of hoursOff) {
      const expiresAt = Math.round(NOW + hours * 3_600_000) + RECORD_LIFETIME_MS;
      expect(() => assertCurrent(record({ expiresAt }), NOW)).not.toThrow();
    }
    expect(MAX_RECORD_LIFETIME_MS).toBeGreaterThan(RECORD_LIFETIME_MS + ANNOUNCE_MS);
  });
});

describe('sequence', () => {
  test('[D4.1] a higher one supersedes, an equal or lower one does not', () => {
    expect(supersedes(record({ sequence: 1 }), null)).toBe(true);
    expect(supersedes(record({ sequence: 8 }), record({ sequence: 7 }))).toBe(true);
    expect(supersedes(record({ sequence: 7, title: 'replayed' }), record({ sequence: 7 }))).toBe(false);
    expect(supersedes(record({ sequence: 6, epoch: 2_000_000_000 }), record({ sequence: 7 }))).toBe(false);
  });

  test('[D4.1] the highest of any order of arrival is what remains', () => {
    const sequences = fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { minLength: 1 });
    fc.assert(
      fc.property(sequences, (arrivals) => {
        let known: ChannelRecord | null = null;
        for (const sequence of arrivals) {
          const candidate = record({ sequence });
          if (supersedes(candidate, known)) known = candidate;
        }
        expect(known).toMatchObject({ sequence: Math.max(...arrivals) });
      }),
    );
  });
});
