/** The one place of the HTTP server that reads bodies. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RelayState } from '../src/http-routes.ts';
import { openHttpServer } from '../src/http-server.ts';
import type { HttpServer } from '../src/http-server.ts';
import { FakeRelay } from './fake-relay.ts';
import { sendRaw } from './http-client.ts';

const mostBodyBytes = 64 * 1024;
let server: HttpServer;
let state: RelayState;
let origin: string;

beforeEach(async () => {
  state = { kind: 'running', relay: new FakeRelay({}) };
  server = await openHttpServer({
    host: '127.0.0.1',
    port: 0,
    files: new Map(),
    allowOrigins: [],
    ice: { iceServers: ['stun:stun.example.org'], turnSecret: null, turnHours: 12 },
    state: () => state,
    onError: () => {},
    limits: { requestMs: 2_000, headersMs: 1_000 },
  });
  origin = `http://127.0.0.1:${server.port}`;
});

afterEach(() => server.close());

function post(path: string, body: string): Promise<Response> {
  return fetch(origin + path, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body });
}

async function refusedOf(): Promise<Record<string, number>> {
  return ((await (await fetch(`${origin}/health`)).json()) as { refused: Record<string, number> }).refused;
}

test.each(['/whip/studio', '/whep/studio', '/whip/a/b'])(
  'hands %s to the relay, and its answer back',
  async (path) => {
    const response = await post(`${path}?x=1`, 'v=0');
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`${path}/1`);
    expect(await response.json()).toEqual({
      method: 'POST',
      path,
      body: 'v=0',
      from: '127.0.0.1',
      ice: ['stun:stun.example.org'],
      type: 'application/sdp',
    });
  },
);

test.each(['PATCH', 'DELETE', 'PUT', 'OPTIONS'])('the relay judges %s', async (method) => {
  const response = await fetch(`${origin}/whip/a/b`, { method });
  expect(await response.json()).toMatchObject({ method });
});

describe('a body', () => {
  test('may be as long as an offer may be', async () => {
    const { status } = await post('/whip/studio', 'x'.repeat(mostBodyBytes));
    expect(status).toBe(201);
  });

  test('that says it is longer is not read: 413', async () => {
    const answer = await sendRaw(
      server.port,
      `POST /whip/a HTTP/1.1\r\nHost: relay\r\nContent-Length: ${mostBodyBytes + 1}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/Connection: close/i);
    expect(answer).toMatch(/Access-Control-Allow-Origin: \*/i);
  });

  test('that does not say how long it is, and goes on and on, is cut off: 413', async () => {
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
    const head = 'POST /whip/a HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answer = await sendRaw(server.port, head, chunk.repeat(17));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(await refusedOf()).toMatchObject({ 'http-body': 1 });
  });

  test('is invited by those who ask first', async () => {
    const head =
      'POST /whip/a HTTP/1.1\r\nHost: relay\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n';
    const answer = await sendRaw(server.port, head, 'v=0');
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  });

  test('that never comes does not keep the connection', async () => {
    const head = 'POST /whip/a HTTP/1.1\r\nHost: relay\r\nContent-Length: 10\r\n\r\n';
    expect(await sendRaw(server.port, head, 'v=0')).toMatch(/^HTTP\/1\.1 408 /);
  });

  test.each(['/', '/health', '/whip', '/whipped/a', '/casto.js'])('is not accepted at %s', async (path) => {
    expect((await post(path, 'v=0')).status).toBe(405);
    const answer = await sendRaw(
      server.port,
      `GET ${path} HTTP/1.1\r\nHost: relay\r\nContent-Length: 3\r\n\r\nv=0`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

test('while the relay starts there are no sessions', async () => {
  state = { kind: 'starting' };
  const response = await post('/whip/studio', 'v=0');
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('2');
});
