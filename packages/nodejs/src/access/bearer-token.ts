/** Bearer tokens (RFC 6750, section 2.1): whether the right one was given. */

import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * @param authorization - The header field, `undefined` when it was not sent.
 * @param expected - The right token.
 */
export function bearsToken(authorization: string | undefined, expected: string): boolean {
  const given = /^Bearer +([\x21-\x7e]{1,256}) *$/i.exec(authorization ?? '')?.[1];
  return given !== undefined && isSameToken(expected, given);
}

/** Compares hashes, so that neither time nor length tells anything about the token. */
export function isSameToken(expected: string, given: string): boolean {
  return timingSafeEqual(digest(expected), digest(given));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
