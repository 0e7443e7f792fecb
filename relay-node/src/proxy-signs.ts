/**
 * Whether a request came through a proxy. One on this machine speaks for the whole internet from 127.0.0.1, and shows
 * itself by the headers that proxies add (RFC 7239, RFC 9110 section 7.6.3, and what came before them).
 */
import type { IncomingHttpHeaders } from 'node:http';

const proxyHeaders = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
];

export function showsProxy(headers: IncomingHttpHeaders): boolean {
  return proxyHeaders.some((name) => headers[name] !== undefined);
}
