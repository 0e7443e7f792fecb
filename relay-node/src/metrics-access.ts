/**
 * Who may read /metrics: whoever has the token, or, without one, those on this machine and its private networks.
 *
 * A reverse proxy on this machine speaks for the whole internet from 127.0.0.1. It shows itself by the headers that
 * proxies add, or by a public name in the Host header that it passes on; that name also gives away a page that had its
 * own name point at this machine (DNS rebinding).
 */
import type { IncomingMessage } from 'node:http';
import { bearsToken } from '@casto/nodejs/access/bearer-token';
import { reachOf } from '@casto/nodejs/access/network-address';
import { reachOfHostHeader } from './addresses.ts';
import { showsProxy } from './proxy-signs.ts';

export interface MetricsAccess {
  /** Asked as `Authorization: Bearer TOKEN` (RFC 6750, section 2.1); null: none. */
  token: string | null;
  /** Without a token, open to everybody. */
  isPublic: boolean;
}

export type AccessVerdict = 'granted' | 'unauthorized' | 'forbidden';

export function judgeMetricsAccess(access: MetricsAccess, request: IncomingMessage): AccessVerdict {
  const { headers, socket } = request;
  if (access.token !== null)
    return bearsToken(headers.authorization, access.token) ? 'granted' : 'unauthorized';
  if (access.isPublic) return 'granted';
  const isNear =
    reachOf(socket.remoteAddress ?? '') !== 'public' &&
    reachOfHostHeader(headers.host) !== 'public' &&
    !showsProxy(headers);
  return isNear ? 'granted' : 'forbidden';
}
