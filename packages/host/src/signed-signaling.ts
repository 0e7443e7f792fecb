/**
 * Signaling between two peers that share only a neighbour (PROTOCOL.md, K7). The neighbour passes it on and can
 * neither read more into it nor change it: both ids, the certificate's fingerprint, a nonce and an expiry are
 * under the sender's signature.
 */

import type { PrivateKey } from '@libp2p/interface';
import { MAX_FORWARDED_BYTES, MalformedError, type ControlMessage, type PeerId } from '@casto/core';
import { joinBytes, verifySignature } from './channel-signature.ts';

export type ForwardedSignal = Extract<ControlMessage, { type: 'forward' }>;

const DOMAIN = 'casto-signal:1\n';
/** Signals are answered within a handshake's time; nothing needs to be valid for longer. */
const LIFETIME_MS = 30_000;
/** Nonces remembered against replays: more than one link can carry in a signal's lifetime. */
const MAX_REMEMBERED_NONCES = 1_024;

export async function signSignal(
  privateKey: PrivateKey,
  signal: {
    from: PeerId;
    to: PeerId;
    fingerprint: Uint8Array;
    payload: Uint8Array;
    nonce: Uint8Array;
    now: number;
  },
): Promise<ForwardedSignal> {
  if (signal.payload.length > MAX_FORWARDED_BYTES) throw new RangeError('signal is too large');
  const { now, ...content } = signal;
  const unsigned = { ...content, expiresAt: Math.ceil(now) + LIFETIME_MS };
  return { type: 'forward', ...unsigned, signature: await privateKey.sign(signedBytes(unsigned)) };
}

export interface SignalVerifier {
  /**
   * Checks a signal that claims to be for `self`.
   *
   * @throws {MalformedError} When it is for another peer, expired, replayed, or not signed by `from`.
   */
  verify(signal: ForwardedSignal, self: PeerId, now: number): Promise<void>;
  /** Whether this signal, or what looks like a copy of it, was taken before. */
  isTaken(signal: ForwardedSignal): boolean;
}

/**
 * Verifies signals and remembers their nonces, so that none is taken twice.
 *
 * @param maxRemembered - Nonces of signals that are not expired; beyond them signals are refused.
 */
export function signalVerifier(maxRemembered: number = MAX_REMEMBERED_NONCES): SignalVerifier {
  const seen = new Map<string, number>();
  return {
    isTaken: (signal) => seen.has(nameOf(signal)),
    verify: async (signal, self, now) => {
      if (signal.to !== self) throw new MalformedError('out-of-range', 'signal is for another peer');
      if (signal.expiresAt <= now || signal.expiresAt > now + 2 * LIFETIME_MS) {
        throw new MalformedError('out-of-range', 'signal is expired');
      }
      const name = nameOf(signal);
      const assertFirst = (): void => {
        if (seen.has(name)) throw new MalformedError('out-of-range', 'signal is replayed');
      };
      assertFirst();
      if (!(await verifySignature(signal.from, signedBytes(signal), signal.signature))) {
        throw new MalformedError('out-of-range', 'signal is not signed by its sender');
      }
      // A copy may have been verified meanwhile.
      assertFirst();
      forgetExpired(seen, now);
      if (seen.size >= maxRemembered) throw new MalformedError('too-large', 'too many signals');
      seen.set(name, signal.expiresAt);
    },
  };
}

function nameOf({ from, nonce }: ForwardedSignal): string {
  return `${from} ${nonce.join()}`;
}

function forgetExpired(seen: Map<string, number>, now: number): void {
  for (const [name, expiresAt] of seen) if (expiresAt <= now) seen.delete(name);
}

function signedBytes(signal: Omit<ForwardedSignal, 'type' | 'signature'>): Uint8Array {
  const encoder = new TextEncoder();
  const head = encoder.encode(`${DOMAIN}${signal.from}\n${signal.to}\n${signal.expiresAt}\n`);
  return joinBytes(head, signal.nonce, signal.fingerprint, signal.payload);
}
