import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { PrivateKey } from '@libp2p/interface';
import { describe, expect, test } from 'vitest';
import {
  decodeSignedRecord,
  encodeRecord,
  encodeSignedRecord,
  encodeTuple,
  MAX_RECORD_LIFETIME_MS,
  RECORD_DOMAIN,
  type ChannelRecord,
} from '@casto/core';
import { joinBytes, peerIdOf, signRecord, verifyRecord, verifySignature } from '../src/index.ts';

const NOW = 1_700_000_000_000;
const key = await generateKeyPair('Ed25519');
const otherKey = await generateKeyPair('Ed25519');

function idOf(privateKey: PrivateKey) {
  return peerIdOf(peerIdFromPrivateKey(privateKey));
}

function record(changes: Partial<ChannelRecord> = {}): ChannelRecord {
  return {
    channel: idOf(key),
    epoch: 1_700_000_000,
    sequence: 5,
    expiresAt: NOW + 1_000,
    title: 'A title – with more than ASCII',
    app: 'test',
    video: 'vp8',
    layers: 2,
    audio: true,
    live: true,
    listed: true,
    ...changes,
  };
}

const refused: unknown = expect.objectContaining({ name: 'MalformedError', reason: 'out-of-range' });

describe('a signed record', () => {
  test('[D1.2, D1.3] is verified, and passed on as the bytes that came', async () => {
    const signed = await signRecord(key, record());
    const verified = await verifyRecord(signed.bytes, NOW);

    expect(verified.record).toEqual(record());
    expect(verified.bytes).toBe(signed.bytes);
  });

  test('[D1.2] is signed over its domain and its content as it was received', async () => {
    const { content, signature } = decodeSignedRecord((await signRecord(key, record())).bytes);
    const domain = new TextEncoder().encode(RECORD_DOMAIN);

    expect(await verifySignature(idOf(key), joinBytes(domain, content), signature)).toBe(true);
    expect(await verifySignature(idOf(key), content, signature)).toBe(false);
  });

  test('[D1.3, W2.3] of a later version, with fields behind ours, is as good', async () => {
    const fields = { ...record(), later: 7 };
    const content = joinBytes(encodeRecord(record()));
    // A list of one entry more: the major type 4 with 11 entries becomes one with 12.
    content[0] = (content[0] ?? 0) + 1;
    const longer = joinBytes(content, new Uint8Array([fields.later]));
    const signature = await key.sign(joinBytes(new TextEncoder().encode(RECORD_DOMAIN), longer));

    expect((await verifyRecord(encodeSignedRecord(longer, signature), NOW)).record).toEqual(record());
  });

  test('[D3.1] is refused from the millisecond on at which it expires', async () => {
    const { bytes } = await signRecord(key, record({ expiresAt: NOW }));

    await expect(verifyRecord(bytes, NOW)).rejects.toEqual(refused);
    await expect(verifyRecord(bytes, NOW - 1)).resolves.toMatchObject({ record: { sequence: 5 } });
  });

  test('[D3.2] is refused when it claims to live longer than 12 h', async () => {
    const { bytes } = await signRecord(key, record({ expiresAt: NOW + MAX_RECORD_LIFETIME_MS + 1 }));

    await expect(verifyRecord(bytes, NOW)).rejects.toEqual(refused);
    await expect(verifyRecord(bytes, NOW + 1)).resolves.toMatchObject({ record: { sequence: 5 } });
  });

  test('[D1.2] of another channel than the key that signed it is refused', async () => {
    const { bytes } = await signRecord(otherKey, record());

    await expect(verifyRecord(bytes, NOW)).rejects.toEqual(refused);
  });

  test('[D1.2] is refused when any byte of it was changed', async () => {
    const { bytes } = await signRecord(key, record());
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(verifyRecord(changed, NOW), `byte ${at}`).rejects.toMatchObject({
        name: 'MalformedError',
      });
    }
  });

  test('whose signature was made for another purpose is refused', async () => {
    const content = encodeRecord(record());
    const signature = await key.sign(joinBytes(new TextEncoder().encode('casto-signal:1\n'), content));

    await expect(verifyRecord(encodeSignedRecord(content, signature), NOW)).rejects.toEqual(refused);
  });

  test.each([new Uint8Array(), new Uint8Array(3_000), encodeTuple({}, {}, [1, 2]), new Uint8Array([0xff])])(
    'is not what %j is',
    async (bytes) => {
      await expect(verifyRecord(bytes, NOW)).rejects.toMatchObject({ name: 'MalformedError' });
    },
  );
});
