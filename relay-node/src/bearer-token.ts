/** Bearer tokens (RFC 6750, section 2.1): whether a request carries the right one. */
import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * @param authorization - The header.
 * @param token - The right one.
 */
export function bearsToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  // Of equal length, as the comparison wants them, and without telling how much was right.
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
