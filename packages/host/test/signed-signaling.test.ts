import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { describe, expect, test } from 'vitest';
import { controlCodec, MAX_FORWARDED_BYTES } from '@casto/core';
import { joinBytes, peerIdOf, signalVerifier, signSignal, verifySignature } from '../src/index.ts';
import type { ForwardedSignal } from '../src/index.ts';

const NOW = 1_700_000_000_000;
const LIFETIME_MS = 30_000;
const key = await generateKeyPair('Ed25519');
const from = peerIdOf(peerIdFromPrivateKey(key));
const to = peerIdOf(peerIdFromPrivateKey(await generateKeyPair('Ed25519')));
const other = peerIdOf(peerIdFromPrivateKey(await generateKeyPair('Ed25519')));

let nonces = 0;
function nonce(): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, nonces++);
  return bytes;
}

function sign(changes: { now?: number; nonce?: Uint8Array; payload?: Uint8Array } = {}) {
  const { now = NOW, payload = new Uint8Array([1, 2, 3]) } = changes;
  const fingerprint = new Uint8Array(32).fill(7);
  return signSignal(key, { from, to, fingerprint, payload, nonce: changes.nonce ?? nonce(), now });
}

const refused: unknown = expect.objectContaining({ name: 'MalformedError', reason: 'out-of-range' });

describe('a signal', () => {
  test('[K7.2, K7.3] reaches its receiver through the control codec', async () => {
    const signal = await sign();
    const received = controlCodec.decode(controlCodec.encode(signal));

    expect(received).toEqual({ ...signal, signature: new Uint8Array(signal.signature) });
    expect(signal.expiresAt).toBe(NOW + LIFETIME_MS);
    await signalVerifier().verify(signal, to, NOW);
  });

  test('[K7.2] is signed over the bytes that the protocol names', async () => {
    const signal = await sign();
    const { expiresAt, fingerprint, payload } = signal;
    const head = new TextEncoder().encode(`casto-signal:1\n${from}\n${to}\n${expiresAt}\n`);
    const signed = joinBytes(head, signal.nonce, fingerprint, payload);

    expect(await verifySignature(from, signed, signal.signature)).toBe(true);
  });

  test.each<[string, (signal: ForwardedSignal) => ForwardedSignal]>([
    ['sender', (signal) => ({ ...signal, from: other })],
    ['nonce', (signal) => ({ ...signal, nonce: flipped(signal.nonce) })],
    ['expiry', (signal) => ({ ...signal, expiresAt: signal.expiresAt + 1 })],
    ['fingerprint', (signal) => ({ ...signal, fingerprint: flipped(signal.fingerprint) })],
    ['payload', (signal) => ({ ...signal, payload: flipped(signal.payload) })],
    ['payload, cut', (signal) => ({ ...signal, payload: signal.payload.subarray(1) })],
    ['signature', (signal) => ({ ...signal, signature: flipped(signal.signature) })],
  ])('[K7.2] whose %s was changed on the way is refused', async (_, tamper) => {
    await expect(signalVerifier().verify(tamper(await sign()), to, NOW)).rejects.toEqual(refused);
  });

  test('[K7.4] whose bytes are divided otherwise among its fields is refused by the codec', async () => {
    const signal = await sign();
    const fingerprint = joinBytes(signal.fingerprint, signal.payload.subarray(0, 1));
    const bytes = controlCodec.encode({ ...signal, fingerprint, payload: signal.payload.subarray(1) });

    expect(() => controlCodec.decode(bytes)).toThrow(/malformed/);
  });

  test('[K7.2] for another peer is refused', async () => {
    const signal = await sign();

    await expect(signalVerifier().verify(signal, other, NOW)).rejects.toEqual(refused);
    await expect(signalVerifier().verify({ ...signal, to: other }, other, NOW)).rejects.toEqual(refused);
  });

  test('[K7.3] is refused from the millisecond on at which it expires', async () => {
    const signal = await sign();

    await expect(signalVerifier().verify(signal, to, NOW + LIFETIME_MS)).rejects.toEqual(refused);
    await signalVerifier().verify(signal, to, NOW + LIFETIME_MS - 1);
  });

  test('[K7.3] that claims to live longer than 60 s is refused', async () => {
    const signal = await sign({ now: NOW + LIFETIME_MS + 1 });

    await expect(signalVerifier().verify(signal, to, NOW)).rejects.toEqual(refused);
    await signalVerifier().verify(signal, to, NOW + 1);
  });

  test('[K7.3] is taken once', async () => {
    const verifier = signalVerifier();
    const signal = await sign();
    await verifier.verify(signal, to, NOW);

    await expect(verifier.verify(signal, to, NOW + 1)).rejects.toEqual(refused);
  });

  test('[K7.3] is taken once even when two copies come at the same time', async () => {
    const verifier = signalVerifier();
    const signal = await sign();
    const copies = await Promise.allSettled(
      Array.from({ length: 5 }, () => verifier.verify(signal, to, NOW)),
    );

    expect(copies.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('[K7.4] with too large a payload is not made', async () => {
    const payload = new Uint8Array(MAX_FORWARDED_BYTES);
    await expect(sign({ payload })).resolves.toMatchObject({ type: 'forward' });
    await expect(sign({ payload: new Uint8Array(MAX_FORWARDED_BYTES + 1) })).rejects.toThrow(RangeError);
  });
});

describe('the table of nonces', () => {
  test('[K7.3] is full at 1024, and has room again when they have expired', async () => {
    const verifier = signalVerifier();
    for (let i = 0; i < 1_024; i++) await verifier.verify(await sign(), to, NOW);

    await expect(verifier.verify(await sign(), to, NOW)).rejects.toMatchObject({ reason: 'too-large' });
    const later = NOW + LIFETIME_MS;
    await verifier.verify(await sign({ now: later }), to, later);
  });

  test('is not filled by signals that nobody signed', async () => {
    const verifier = signalVerifier();
    const forged = { ...(await sign()), signature: new Uint8Array(64) };
    for (let i = 0; i < 1_100; i++)
      await verifier.verify({ ...forged, nonce: nonce() }, to, NOW).catch(() => {});

    await verifier.verify(await sign(), to, NOW);
  });
});

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}
