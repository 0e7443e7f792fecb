/** The certificate that a description announces, as the signature of a signal covers it (PROTOCOL.md, K7.7). */

import { MalformedError, type LinkMessage } from '@casto/core';
import { parseSessionDescription } from './session-description.ts';

const ALGORITHM = 'sha-256';
const BYTES = 32;

/** Stands in signals that are sent before there is a description. */
export const NO_CERTIFICATE: Uint8Array = new Uint8Array(BYTES);

/**
 * The SHA-256 of the certificate that the writer of this message will use, `null` when the message has no description.
 *
 * @throws {SessionDescriptionError} When the description is malformed.
 * @throws {MalformedError} When its fingerprint is of another kind.
 */
export function certificateIn(message: LinkMessage): Uint8Array | null {
  if (message.type === 'join') return certificateOf('offer', message.offer);
  return message.type === 'accept' ? certificateOf('answer', message.answer) : null;
}

function certificateOf(type: 'offer' | 'answer', sdp: string): Uint8Array {
  const { algorithm, value } = parseSessionDescription(type, sdp).dtls.fingerprint;
  if (algorithm !== ALGORITHM)
    throw new MalformedError('out-of-range', 'certificate is not named by SHA-256');
  return Uint8Array.from(value.split(':'), (digits) => Number.parseInt(digits, 16));
}

export function isSameCertificate(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
