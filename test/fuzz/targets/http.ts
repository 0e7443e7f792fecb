/**
 * The relay's HTTP server with a real relay behind it, over real sockets: requests, garbage, pipelines, floods of
 * headers, and beside them a few clients that send a byte now and then. Another client is answered all the time.
 */

import { connect, type Socket } from 'node:net';
import type { Random } from '@casto/core';
import { createRelay, type Relay } from '@casto/nodejs';
import type { RouteContext } from '../../../relay-node/src/http-routes.ts';
import { openHttpServer, type HttpServer } from '../../../relay-node/src/http-server.ts';
import { chance, joinBytes, mutateBytes, pick, randomBytes } from '../byte-mutations.ts';
import { demand, FuzzFailure, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';
import { latin1, mutateLines } from '../text-mutations.ts';

const HOST = '127.0.0.1';
/** The server's own limits end every connection sooner. */
const END_WITHIN_MS = 30_000;
/** Clients that send a byte now and then. */
const SLOW_CLIENTS = 32;
const SLOW_BYTE_EVERY = 50;
const ASK_EVERY = 500;
/** So that not all connections of a long run come from the ports of one address. */
const SOURCE_ADDRESSES = 64;

export const httpTarget: FuzzTarget = {
  name: 'http',
  concurrency: 16,
  generate: (random) => {
    const count = chance(random, 0.15) ? 2 + random.below(20) : 1;
    const requests = Array.from({ length: count }, () => request(random));
    return joinBytes(...requests);
  },
  open: () => HttpSession.create(),
};

const PATHS = [
  '/',
  '/health',
  '/.well-known/casto.json',
  '/casto.js',
  '/chunks/a-B1cDeF2g.js',
  '/whip/studio',
  '/whip/studio/abcdefghijklmnopqrstuvwx',
  '/whep/studio',
  '/whep/studio/abcdefghijklmnopqrstuvwx/layer',
  '/whip/%2e%2e%2fhealth',
  '/nowhere',
  '*',
  '//evil.example/health',
  'http://evil.example/health',
  '/%00',
  '/%ff%fe',
  '/%',
  '/..%2f..%2fetc/passwd',
  '/../../etc/passwd',
  '/__proto__',
  '/constructor',
  '/health?x=1#y',
  `/${'a'.repeat(9_000)}`,
  '',
];
const METHODS = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'CONNECT',
  'TRACE',
  'PRI',
  'M-SEARCH',
  'get',
  '',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.99',
  'RTSP/1.0',
  '',
];
const HEADERS = [
  'Connection: close',
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Host: relay.example:80',
  'Host: [::1]:99999',
  'Host:',
  'Host: a@b:c@d',
  'Accept-Encoding: gzip',
  'Accept-Encoding: gzip;q=0.0, ,;;',
  'If-None-Match: *',
  `If-None-Match: ${'"x",'.repeat(2_000)}`,
  'Origin: https://page.example',
  'Origin: null',
  'Content-Length: 0',
  'Content-Length: 10',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Content-Length: 1, 2',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked, identity',
  'Expect: 100-continue',
  'Expect: something',
  'Range: bytes=0-0,-1',
  'Authorization: Bearer x',
  'Content-Type: application/sdp',
  'Content-Type: application/trickle-ice-sdpfrag',
  'If-Match: *',
  `Cookie: ${'c=1; '.repeat(500)}`,
  ' folded: value',
  'No colon',
  'X-\u0000: 1',
  '__proto__: 1',
  'constructor: 2',
];
const CHUNKS = ['0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n', 'ffffffffffffffff\r\n', '-1\r\n', '5;ext=\r\nhe'];

function request(random: Random): Uint8Array {
  const way = random.below(24);
  if (way === 0) return randomBytes(random, random.below(400));
  // TLS, HTTP/2 and SSH knock here as well.
  if (way === 1)
    return Uint8Array.from([0x16, 0x03, 0x01, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...randomBytes(random, 40)]);
  if (way === 2) return latin1('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  if (way < 12) return latin1(`GET ${pick(random, PATHS)} HTTP/1.1\r\n${sane(random).join('\r\n')}\r\n\r\n`);
  const flood = way === 12 ? 50 + random.below(3_000) : random.below(8);
  const lines = [
    `${pick(random, METHODS)} ${pick(random, PATHS)} ${pick(random, VERSIONS)}`,
    ...sane(random),
    ...Array.from({ length: flood }, () => pick(random, HEADERS)),
  ];
  const body = chance(random, 0.15) ? pick(random, CHUNKS) : '';
  const text = (kept: readonly string[]): Uint8Array => latin1(`${kept.join('\r\n')}\r\n\r\n${body}`);
  if (chance(random, 0.4)) return text(lines);
  if (chance(random, 0.3)) return mutateBytes(text(lines), random);
  return text(mutateLines(lines, random, HEADERS));
}

/** What browsers send. */
function sane(random: Random): string[] {
  const lines = [
    'Accept-Encoding: gzip',
    'If-None-Match: W/"x"',
    'Origin: https://page.example',
    'Content-Length: 0',
  ];
  return ['Host: relay.example', ...lines.filter(() => chance(random, 0.3))];
}

class HttpSession implements FuzzSession {
  readonly #relay: Relay;
  readonly #server: HttpServer;
  readonly #slow = new Set<Socket>();
  #errors = 0;
  #fed = 0;
  #open = 0;

  private constructor(relay: Relay, server: HttpServer) {
    this.#relay = relay;
    this.#server = server;
  }

  static async create(): Promise<HttpSession> {
    const relay = await createRelay({ host: HOST, mdns: false });
    let session: HttpSession | null = null;
    const server = await openHttpServer({
      host: HOST,
      port: 0,
      files: FILES,
      allowOrigins: ['https://page.example'],
      ice: { iceServers: [], turnSecret: null, turnHours: 12 },
      state: () => ({ kind: 'running', relay }),
      onError: () => {
        if (session !== null) session.#errors++;
      },
    });
    session = new HttpSession(relay, server);
    return session;
  }

  async feed(input: Uint8Array): Promise<string> {
    this.#fed++;
    if (this.#fed % SLOW_BYTE_EVERY === 0) this.#dribble();
    if (this.#fed % ASK_EVERY === 0) await this.#askSteadily();
    const received = await this.#exchange(input, `127.0.0.${2 + (this.#fed % SOURCE_ADDRESSES)}`);
    demand(this.#errors === 0, 'a route failed');
    if (received.length === 0) return 'closed without an answer';
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(received)?.[1];
    demand(status !== undefined, `an answer that is none: ${received.slice(0, 40)}`);
    demand(status !== '500', 'a request that the server did not understand how to refuse');
    return status;
  }

  sizes(): readonly Size[] {
    return [
      { name: 'connections', size: this.#open, most: 64 },
      { name: 'slow clients', size: this.#slow.size, most: SLOW_CLIENTS },
      { name: 'peers of the relay', size: this.#relay.status().peers, most: 0 },
    ];
  }

  async close(): Promise<void> {
    for (const socket of this.#slow) socket.destroy();
    await this.#server.close();
    await this.#relay.stop();
  }

  /** Sends all of it and says that there is no more. @returns What came back until the server closed. */
  #exchange(input: Uint8Array, localAddress: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      this.#open++;
      const socket = connect({ port: this.#server.port, host: HOST, localAddress, allowHalfOpen: true });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new FuzzFailure('a connection that does not end'));
      }, END_WITHIN_MS);
      socket.on('error', () => {});
      socket.on('data', (data: Buffer) => parts.push(data));
      socket.on('end', () => socket.end());
      socket.on('close', () => {
        clearTimeout(timer);
        this.#open--;
        resolve(Buffer.concat(parts).toString('latin1', 0, 200));
      });
      socket.on('connect', () => socket.end(input));
    });
  }

  async #askSteadily(): Promise<void> {
    const answer = await this.#exchange(
      latin1('GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
      HOST,
    );
    demand(answer.startsWith('HTTP/1.1 200 '), `a steady client was told: ${answer.slice(0, 40)}`);
  }

  /** Half of a header at a time, until the server has had enough. */
  #dribble(): void {
    for (const socket of this.#slow) if (socket.writable) socket.write('x');
    if (this.#slow.size >= SLOW_CLIENTS) return;
    const socket = connect(this.#server.port, HOST);
    socket.on('error', () => {});
    socket.on('connect', () => socket.write('GET /health HTTP/1.1\r\nX-Slow: '));
    socket.resume();
    this.#slow.add(socket);
    socket.on('close', () => this.#slow.delete(socket));
  }
}

const FILES: RouteContext['files'] = new Map(
  ['/', '/casto.js', '/chunks/a-B1cDeF2g.js'].map((path) => {
    const body = Buffer.from('<!doctype html>'.repeat(20));
    const type = path === '/' ? 'text/html; charset=utf-8' : 'text/javascript; charset=utf-8';
    const file = {
      type,
      body,
      etag: 'W/"x"',
      immutable: false,
      inlineScripts: [],
      gzipped: async () => body,
    };
    return [path, file];
  }),
);
