/**
 * Who may read /metrics: whoever has the token, or, without one, those on this machine and its private networks.
 *
 * A reverse proxy on this machine speaks for the whole internet from 127.0.0.1. It shows itself by the headers that
 * proxies add, or by a public name in the Host header that it passes on; that name also gives away a page that had its
 * own name point at this machine (DNS rebinding).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { reachOf, reachOfHostHeader } from './addresses.ts';

export interface MetricsAccess {
  /** Asked as `Authorization: Bearer TOKEN` (RFC 6750, section 2.1); null: none. */
  token: string | null;
  /** Without a token, open to everybody. */
  isPublic: boolean;
}

export type AccessVerdict = 'granted' | 'unauthorized' | 'forbidden';

/** RFC 7239, and what came before it. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

export function judgeMetricsAccess(access: MetricsAccess, request: IncomingMessage): AccessVerdict {
  const { headers, socket } = request;
  if (access.token !== null) return bears(headers.authorization, access.token) ? 'granted' : 'unauthorized';
  if (access.isPublic) return 'granted';
  const isNear =
    reachOf(socket.remoteAddress?.replace(/^::ffff:/i, '') ?? '') !== 'public' &&
    reachOfHostHeader(headers.host) !== 'public' &&
    proxyHeaders.every((name) => headers[name] === undefined);
  return isNear ? 'granted' : 'forbidden';
}

function bears(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  // Of equal length, as the comparison wants them, and without telling how much was right.
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
