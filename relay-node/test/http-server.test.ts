import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Relay } from '@casto/nodejs';
import type { RelayState } from '../src/http-routes.ts';
import { openHttpServer } from '../src/http-server.ts';
import type { HttpOptions, HttpServer } from '../src/http-server.ts';
import type { IceServer } from '../src/ice-servers.ts';
import { loadStaticFiles } from '../src/static-files.ts';
import { UsageError } from '../src/usage-error.ts';
import { FakeRelay, fakePeerId } from './fake-relay.ts';
import { openSocket, openSockets, readToEnd, sendRaw } from './http-client.ts';

const chunkText = `export const lazy = '${'x'.repeat(5000)}';`;

let publicDir: string;
let state: RelayState;
const servers: HttpServer[] = [];

beforeAll(async () => {
  publicDir = await mkdtemp(join(tmpdir(), 'casto-public-'));
  await mkdir(join(publicDir, 'chunks'));
  await mkdir(join(publicDir, 'assets'));
  await mkdir(join(publicDir, '.git'));
  const files: Record<string, string> = {
    'index.html': '<!doctype html><title>demo</title>',
    'plain.html':
      '<script>one</script><script src="/casto.js"></script><script type="module">a\r\nb</script>',
    'embed.html': '<!doctype html><title>embed</title>',
    'casto.js': 'export class CASTO {}',
    'casto-player.js': 'export class CastoPlayerElement {}',
    'chunks/dht-CkQ9x_1b.js': chunkText,
    'chunks/lazy-identity.js': 'export {};',
    'assets/main-B1cDeF2g.css': 'body{}',
    'assets/icon.svg': '<svg/>',
    '.env': 'SECRET=1',
    '.git/config': 'secret',
    'name with space.txt': 'space',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(publicDir, name), text);
  await symlink('/etc/passwd', join(publicDir, 'passwd'));
});

afterAll(() => rm(publicDir, { recursive: true, force: true }));

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function open(options: Partial<HttpOptions> = {}): Promise<number> {
  state = { kind: 'running', relay: new FakeRelay({}) };
  const server = await openHttpServer({
    host: '127.0.0.1',
    port: 0,
    files: await loadStaticFiles(publicDir),
    allowOrigins: [],
    ice: { iceServers: [], turnSecret: null, turnHours: 12 },
    state: () => state,
    onError: () => {},
    ...options,
  });
  servers.push(server);
  return server.port;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

/** Unlike fetch: any header, any path, nothing decompressed. */
async function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false });
  sent.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode ?? 0, headers: response.headers, body, text: String(body) };
}

async function refusedOf(port: number): Promise<Record<string, number>> {
  const health = JSON.parse((await ask(port, '/health')).text) as { refused: Record<string, number> };
  return health.refused;
}

describe('files', () => {
  test('the demo, with the headers of a page', async () => {
    const port = await open();
    const { status, headers, text } = await ask(port, '/');
    expect(status).toBe(200);
    expect(text).toContain('demo');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['content-security-policy']).toMatch(/script-src 'self' 'wasm-unsafe-eval'$/);
    expect(headers['permissions-policy']).toContain('camera=(self)');
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect((await ask(port, '/index.html')).text).toBe(text);
    expect((await ask(port, '/?x=1#casto=abc')).status).toBe(200);
  });

  test.each(['/embed', '/embed.html', '/embed?x=1'])(
    'the player at %s goes into frames of any site',
    async (path) => {
      const { status, headers, text } = await ask(await open(), path);
      expect(status).toBe(200);
      expect(text).toContain('embed');
      expect(headers['content-security-policy']).toContain('frame-ancestors *;');
      expect(headers['content-security-policy']).toMatch(/script-src 'self' 'wasm-unsafe-eval'$/);
      expect(headers['permissions-policy']).toContain('camera=()');
      expect(headers['cross-origin-resource-policy']).toBe('cross-origin');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  test.each(['/', '/plain.html'])('the page at %s goes into frames of its own site alone', async (path) => {
    const { headers } = await ask(await open(), path);
    expect(headers['content-security-policy']).toContain("frame-ancestors 'self';");
  });

  test('without an embed page there is none', async () => {
    const port = await open({ files: new Map() });
    expect((await ask(port, '/embed')).status).toBe(404);
  });

  test('inline scripts of a page are allowed by their hash, whatever its line ends', async () => {
    const port = await open();
    const policyOf = async (path: string): Promise<string> =>
      String((await ask(port, path)).headers['content-security-policy']);
    // printf 'one' | openssl dgst -sha256 -binary | base64; the same of 'a\nb'.
    const hashes = [
      "'sha256-dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0='",
      "'sha256-fhj3NzEbLcOy8mndeDlrA1HxT7Zu+oefdoyyMYGIPHg='",
    ];
    for (const hash of hashes) expect(await policyOf('/plain.html')).toContain(hash);
    expect((await policyOf('/plain.html')).match(/sha256-/g)).toHaveLength(2);
  });

  test('the SDK and its chunks, for pages of every origin', async () => {
    const port = await open();
    for (const path of ['/casto.js', '/casto-player.js', '/chunks/dht-CkQ9x_1b.js']) {
      const { status, headers } = await ask(port, path, { headers: { Origin: 'https://page.example' } });
      expect(status, path).toBe(200);
      expect(headers, path).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'access-control-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
      });
    }
  });

  test('only names with a hash are kept by browsers without asking', async () => {
    const port = await open();
    const cacheOf = async (path: string): Promise<unknown> =>
      (await ask(port, path)).headers['cache-control'];
    expect(await cacheOf('/chunks/dht-CkQ9x_1b.js')).toBe('public, max-age=31536000, immutable');
    expect(await cacheOf('/assets/main-B1cDeF2g.css')).toBe('public, max-age=31536000, immutable');
    expect(await cacheOf('/chunks/lazy-identity.js')).toBe('no-cache');
    expect(await cacheOf('/assets/icon.svg')).toBe('no-cache');
    expect(await cacheOf('/casto.js')).toBe('no-cache');
  });

  test('304 while the content is the same, by any way of writing its tag', async () => {
    const port = await open();
    const { headers } = await ask(port, '/');
    const etag = String(headers.etag);
    for (const tag of [etag, etag.replace('W/', ''), `"other", ${etag}`, '*']) {
      const again = await ask(port, '/', { headers: { 'If-None-Match': tag } });
      expect(again.status, tag).toBe(304);
      expect(again.text).toBe('');
    }
    expect((await ask(port, '/', { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
  });

  test('a file of another content has another tag, though size and date are the same', async () => {
    const page = join(publicDir, 'assets', 'icon.svg');
    await utimes(page, 1, 1);
    const before = (await ask(await open(), '/assets/icon.svg')).headers.etag;
    await writeFile(page, '<gvs/>');
    await utimes(page, 1, 1);
    expect((await ask(await open(), '/assets/icon.svg')).headers.etag).not.toBe(before);
  });

  test('HEAD says the same without a body', async () => {
    const port = await open();
    for (const path of ['/', '/health', '/.well-known/casto.json', '/none']) {
      const got = await ask(port, path);
      const head = await ask(port, path, { method: 'HEAD' });
      expect(head.status, path).toBe(got.status);
      expect(head.headers['content-type']).toBe(got.headers['content-type']);
      expect(head.text).toBe('');
    }
    expect((await ask(port, '/casto.js', { method: 'HEAD' })).headers['content-length']).toBe('21');
  });

  test('gzip for those who take it, where it pays', async () => {
    const port = await open();
    const path = '/chunks/dht-CkQ9x_1b.js';
    for (const accepted of ['gzip', 'br, gzip;q=0.5', 'GZIP']) {
      const { headers, body } = await ask(port, path, { headers: { 'Accept-Encoding': accepted } });
      expect(headers['content-encoding'], accepted).toBe('gzip');
      expect(headers.vary).toBe('Accept-Encoding');
      expect(Number(headers['content-length'])).toBe(body.length);
      expect(String(gunzipSync(body))).toBe(chunkText);
    }
    for (const accepted of ['', 'br', 'gzip;q=0', 'gzip; q=0.00', 'xgzip']) {
      const { headers, text } = await ask(port, path, { headers: { 'Accept-Encoding': accepted } });
      expect(headers['content-encoding'], accepted).toBeUndefined();
      expect(text).toBe(chunkText);
    }
    expect(
      (await ask(port, '/', { headers: { 'Accept-Encoding': 'gzip' } })).headers['content-encoding'],
    ).toBeUndefined();
  });

  test.each([
    '/none',
    '/.env',
    '/%2eenv',
    '/.git/config',
    '/passwd',
    '/chunks',
    '/chunks/',
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/chunks/..%2f.env',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..\\..\\package.json',
    '//etc/passwd',
    '/index.html/',
    '/index.html%00.js',
    '/constructor',
    '/__proto__',
  ])('%s is not found', async (path) => {
    const answer = await ask(await open(), path);
    expect(answer.status).toBe(404);
    expect(answer.text).toBe('Not found.\n');
  });

  test('names with spaces are found, broken escapes are malformed', async () => {
    const port = await open();
    expect((await ask(port, '/name%20with%20space.txt')).text).toBe('space');
    expect((await ask(port, '/%')).status).toBe(400);
    expect((await ask(port, '/%ff%fe')).status).toBe(400);
  });

  test('without a built demo there is a hint, and the rest works', async () => {
    const port = await open({ files: await loadStaticFiles(join(publicDir, 'nothing')) });
    expect((await ask(port, '/')).text).toContain('not built');
    expect((await ask(port, '/health')).status).toBe(200);
  });
});

describe('/.well-known/casto.json', () => {
  test('tells how to reach the relay, to every origin', async () => {
    const port = await open();
    const { status, headers, text } = await ask(port, '/.well-known/casto.json', {
      headers: { Host: 'localhost' },
    });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'no-store',
    });
    const answer = JSON.parse(text) as { multiaddrs: string[] };
    expect(answer).toMatchObject({ version: 1, peerId: fakePeerId });
    expect(answer.multiaddrs[0]).toMatch(/^\/ip4\/127\.0\.0\.1\//);
    expect(answer.multiaddrs).toHaveLength(3);
    const elsewhere = await ask(port, '/.well-known/casto.json', { headers: { Host: 'relay.example' } });
    const health = await ask(port, '/health', { headers: { Host: 'relay.example' } });
    for (const { text: json } of [elsewhere, health]) {
      expect(JSON.parse(json)).toMatchObject({ multiaddrs: [expect.stringContaining('/203.0.113.5/')] });
    }
  });

  test('names its own STUN as the page reaches it, and the servers of its operator', async () => {
    const port = await open({
      ice: {
        iceServers: ['stun:stun.example:3478', 'turn:turn.example', 'turns:turn.example?transport=tcp'],
        turnSecret: 'north',
        turnHours: 2,
      },
    });
    const asked = async (host: string): Promise<IceServer[]> => {
      const { text } = await ask(port, '/.well-known/casto.json', { headers: { Host: host } });
      return (JSON.parse(text) as { iceServers: IceServer[] }).iceServers;
    };
    const before = Date.now();
    const servers = await asked('relay.example');
    expect(servers).toEqual([
      { urls: ['stun:203.0.113.5:4005'] },
      { urls: ['stun:stun.example:3478'] },
      {
        urls: ['turn:turn.example', 'turns:turn.example?transport=tcp'],
        username: expect.stringMatching(/^\d+:[\w-]{12}$/) as unknown,
        credential: expect.stringMatching(/^[\w+/]{27}=$/) as unknown,
      },
    ]);
    const expiresAt = Number(servers[2]?.username?.split(':')[0]) * 1_000;
    expect(expiresAt).toBeGreaterThan(before + 2 * 3_600_000 - 1_000);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 2 * 3_600_000);

    const others = await asked('localhost:8080');
    expect(others[0]).toEqual({ urls: ['stun:127.0.0.1:4005'] });
    expect(others[2]?.username).not.toBe(servers[2]?.username);
    expect((await asked('192.168.1.20'))[0]).toEqual({ urls: ['stun:192.168.1.20:4005'] });
  });

  test('names announced addresses, also of IPv6, and nothing when STUN is off', async () => {
    const port = await open();
    const urls = async (relay: FakeRelay): Promise<unknown> => {
      state = { kind: 'running', relay };
      return (JSON.parse((await ask(port, '/.well-known/casto.json')).text) as { iceServers: unknown })
        .iceServers;
    };
    const named = ['/dns/relay.example/tcp/4001/p2p/P', '/ip4/203.0.113.5/tcp/4001/p2p/P'];
    expect(await urls(new FakeRelay({}, { multiaddrs: named }))).toEqual([
      { urls: ['stun:relay.example:4005'] },
    ]);
    const wide = ['/ip6/2001:db8::5/tcp/4001/p2p/P'];
    expect(await urls(new FakeRelay({}, { multiaddrs: wide }))).toEqual([
      { urls: ['stun:[2001:db8::5]:4005'] },
    ]);
    expect(await urls(new FakeRelay({}, { stunPort: null }))).toEqual([]);
    expect(await urls(new FakeRelay({}, { multiaddrs: [] }))).toEqual([]);
  });

  test('sends nobody to a relay that starts or leaves', async () => {
    const port = await open();
    for (const next of [{ kind: 'starting' }, { kind: 'draining', relay: new FakeRelay({}) }] as const) {
      state = next;
      const { status, headers } = await ask(port, '/.well-known/casto.json');
      expect(status).toBe(503);
      expect(headers['retry-after']).toBe('2');
      expect(headers['access-control-allow-origin']).toBe('*');
    }
  });
});

describe('/health', () => {
  test('200 with the status while it runs, 503 while starting and draining', async () => {
    const port = await open();
    const running = await ask(port, '/health');
    expect(running.status).toBe(200);
    expect(JSON.parse(running.text)).toMatchObject({
      status: 'ok',
      peerId: fakePeerId,
      viewers: 1,
      channels: [{ channel: 'c1', live: true }],
      refused: { 'forged-record': 3 },
    });
    state = { kind: 'starting' };
    expect(await ask(port, '/health')).toMatchObject({
      status: 503,
      text: '{"status":"starting","refused":{}}',
    });
    state = { kind: 'draining', relay: new FakeRelay({}) };
    const draining = await ask(port, '/health');
    expect(draining.status).toBe(503);
    expect(JSON.parse(draining.text)).toMatchObject({ status: 'draining' });
  });

  test('is readable by pages of the allowed origins only', async () => {
    const port = await open({ allowOrigins: ['https://a.example', 'https://b.example'] });
    const allowedFor = async (origin: string, method = 'GET'): Promise<unknown> =>
      (await ask(port, '/health', { method, headers: { Origin: origin } })).headers[
        'access-control-allow-origin'
      ];
    expect(await allowedFor('https://b.example')).toBe('https://b.example');
    expect(await allowedFor('https://b.example', 'OPTIONS')).toBe('https://b.example');
    expect(await allowedFor('https://c.example')).toBeUndefined();
    expect(await allowedFor('null')).toBeUndefined();
    expect((await ask(port, '/health')).headers.vary).toBe('Origin');
    const openPort = await open({ allowOrigins: ['*'] });
    expect((await ask(openPort, '/health')).headers['access-control-allow-origin']).toBe('*');
  });

  test('a relay that throws is a 500, and the server goes on', async () => {
    const errors: unknown[] = [];
    const port = await open({ onError: (error) => errors.push(error) });
    const broken: Relay = new FakeRelay({});
    broken.status = () => {
      throw new Error('broken');
    };
    state = { kind: 'running', relay: broken };
    expect((await ask(port, '/health')).status).toBe(500);
    expect(errors).toHaveLength(1);
    expect((await ask(port, '/casto.js')).status).toBe(200);
  });
});

describe('methods and bodies', () => {
  test('preflights', async () => {
    const port = await open();
    const headers = { Origin: 'https://page.example', 'Access-Control-Request-Method': 'GET' };
    for (const path of ['/casto.js', '/chunks/dht-CkQ9x_1b.js', '/.well-known/casto.json']) {
      const answer = await ask(port, path, { method: 'OPTIONS', headers });
      expect(answer.status).toBe(204);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-allow-headers': '*',
        'access-control-max-age': '86400',
      });
    }
    const closed = await ask(port, '/', { method: 'OPTIONS', headers });
    expect(closed.status).toBe(204);
    expect(closed.headers['access-control-allow-methods']).toBeUndefined();
    expect(await sendRaw(port, 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 204/,
    );
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'])('%s is refused', async (method) => {
    const port = await open();
    const { status, headers } = await ask(port, '/health', { method });
    expect(status).toBe(405);
    expect(headers.allow).toBe('GET, HEAD, OPTIONS');
    expect(await refusedOf(port)).toMatchObject({ 'http-method': 1 });
  });

  test('a body is refused, its connection closed, and none is invited', async () => {
    const port = await open();
    const start = 'GET / HTTP/1.1\r\nHost: x\r\n';
    const answers = [
      await sendRaw(port, `${start}Content-Length: 3\r\n\r\nabc`),
      await sendRaw(port, `${start}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`),
      await sendRaw(port, `${start}Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n`),
    ];
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 413/);
      expect(answer).not.toContain('100 Continue');
      expect(answer.toLowerCase()).toContain('connection: close');
    }
    expect(await refusedOf(port)).toMatchObject({ 'http-body': 3 });
  });
});

describe('bad input', () => {
  const tlsHello = Buffer.from('16030100a5010000a10303', 'hex');

  test.each<[string, string | Buffer]>([
    ['text', 'hello\r\n\r\n'],
    ['zeros', Buffer.alloc(4096)],
    ['a TLS greeting', tlsHello],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    [
      'length and chunks',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['a bare line feed in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\nC : d\r\n\r\n'],
    ['a control character in the path', 'GET /\u0001 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('%s is answered with 400 and closed', async (_, bytes) => {
    const port = await open();
    expect(await sendRaw(port, bytes)).toMatch(/^HTTP\/1\.1 400/);
    expect((await ask(port, '/')).status).toBe(200);
  });

  test('CONNECT and upgrades lead nowhere', async () => {
    const port = await open();
    expect(await sendRaw(port, 'CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
    const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n';
    expect(await sendRaw(port, upgrade)).toMatch(/^HTTP\/1\.1 200/);
  });

  test('headers and addresses that are too large', async () => {
    const port = await open();
    const tooLong = 'x'.repeat(20_000);
    expect(await sendRaw(port, `GET /${tooLong} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/);
    expect(await sendRaw(port, `GET / HTTP/1.1\r\nHost: x\r\nA: ${tooLong}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431/,
    );
    expect(await refusedOf(port)).toMatchObject({ 'http-headers-too-large': 2 });
  });

  test('headers that drip in, and connections that send nothing, are closed in time', async () => {
    const port = await open({ limits: { headersMs: 500 } });
    const silent = await openSocket(port);
    const slow = await openSocket(port);
    const drip = setInterval(() => slow.write('A'), 100);
    slow.write('GET / HTTP/1.1\r\nHost: x\r\nX: ');
    const startMs = performance.now();
    const [answer] = await Promise.all([readToEnd(slow), readToEnd(silent)]);
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408/);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect((await refusedOf(port))['http-timed-out']).toBe(2);
  });

  test('a reader that stalls is cut off', async () => {
    const files = await loadStaticFiles(publicDir);
    const large = {
      type: 'text/plain',
      body: Buffer.alloc(32 * 1024 * 1024),
      etag: '"x"',
      immutable: false,
      inlineScripts: [],
    };
    const port = await open({
      files: new Map([...files, ['/large', { ...large, gzipped: () => Promise.resolve(null) }]]),
      limits: { stalledMs: 500 },
    });
    const socket = await openSocket(port);
    socket.pause();
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    while ((await refusedOf(port))['http-timed-out'] !== 1) await setImmediate();
    const received = await readToEnd(socket);
    expect(received.length).toBeLessThan(large.body.length);
  });

  test('1000 half-open connections do not keep others waiting', async () => {
    const port = await open();
    const silent = await openSockets(port, 500);
    const half = await openSockets(port, 500);
    for (const socket of half) socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Half: ');
    const durationsMs: number[] = [];
    for (let round = 0; round < 20; round++) {
      const startMs = performance.now();
      expect((await ask(port, '/casto.js')).status).toBe(200);
      durationsMs.push(performance.now() - startMs);
    }
    expect(Math.max(...durationsMs)).toBeLessThan(1_000);
    for (const socket of [...silent, ...half]) socket.destroy();
  }, 20_000);

  test('past the limit, the connection that has waited longest makes room', async () => {
    const port = await open({ limits: { connections: 50 } });
    const silent = await openSockets(port, 200);
    for (let round = 0; round < 5; round++) expect((await ask(port, '/')).status).toBe(200);
    const [first] = silent;
    if (first !== undefined && !first.closed) await readToEnd(first);
    const refused = await refusedOf(port);
    expect(refused['http-too-many-connections']).toBeGreaterThanOrEqual(150);
    for (const socket of silent) socket.destroy();
  });

  test('one connection may not ask for ever', async () => {
    const port = await open({ limits: { requestsPerConnection: 10 } });
    const once = 'GET /casto.js HTTP/1.1\r\nHost: x\r\n\r\n';
    const answer = await sendRaw(port, once.repeat(10), once.repeat(40));
    expect(answer).not.toContain('503');
    expect((await refusedOf(port))['http-too-many-requests']).toBeGreaterThan(0);
  });
});

describe('opening and closing', () => {
  test('a port in use is a line for people', async () => {
    const port = await open();
    const error: unknown = await open({ port }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toHaveProperty(
      'message',
      `TCP port ${port} of 127.0.0.1 is in use; choose another with --port`,
    );
  });

  test('so is an address of another machine', async () => {
    const error: unknown = await open({ host: '192.0.2.77' }).catch((reason: unknown) => reason);
    expect(error).toHaveProperty(
      'message',
      '192.0.2.77 is not an address of this machine; choose another with --host',
    );
  });

  test('closing does not wait for idle connections', async () => {
    const port = await open();
    const idle = await openSockets(port, 20);
    const [server] = servers.splice(0);
    const startMs = performance.now();
    await server?.close();
    await Promise.all(idle.map((socket) => readToEnd(socket)));
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await expect(ask(port, '/')).rejects.toThrow('ECONNREFUSED');
  });
});
