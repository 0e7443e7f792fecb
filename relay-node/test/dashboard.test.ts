/** The dashboard over real sockets: who gets in, what is told, and how little it costs. */
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { ChannelOverview, ChannelTree } from '@casto/nodejs';
import { openDashboard, type RunningDashboard } from '../src/dashboard.ts';
import type { DashboardState, DashboardTree } from '../src/dashboard-state.ts';
import { HttpRefusals } from '../src/http-refusals.ts';
import { conditionOf, type RelayState } from '../src/http-routes.ts';
import { openHttpServer } from '../src/http-server.ts';
import type { HttpServer } from '../src/http-server.ts';
import { loadStaticFiles } from '../src/static-files.ts';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeRelay, fakePeerId } from './fake-relay.ts';
import { sendRaw } from './http-client.ts';
import { syntheticTree } from './synthetic-tree.ts';

const open: { server: HttpServer; dashboard: RunningDashboard }[] = [];
const folders: string[] = [];
let relay: FakeRelay;
let state: RelayState;

afterEach(async () => {
  for (const { server, dashboard } of open.splice(0)) {
    dashboard.close();
    await server.close();
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start({
  token = null,
  host = '127.0.0.1',
}: { token?: string | null; host?: string } = {}): Promise<number> {
  relay = new FakeRelay({});
  state = { kind: 'running', relay };
  const refusals = new HttpRefusals();
  const dashboard = openDashboard({
    token,
    version: '1.2.3',
    relay: () => (state.kind === 'starting' ? null : state.relay),
    condition: () => conditionOf(state),
    advice: () => [{ check: 'clock', advice: 'set it' }],
    refusals,
  });
  const server = await openHttpServer({
    host,
    port: 0,
    files: await pageFiles(),
    allowOrigins: ['*'],
    ice: { iceServers: [], turnSecret: null, turnHours: 12 },
    state: () => state,
    dashboard,
    refusals,
    onError: () => {},
  });
  open.push({ server, dashboard });
  return server.port;
}

async function pageFiles(): ReturnType<typeof loadStaticFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'casto-dashboard-'));
  folders.push(folder);
  await mkdir(join(folder, 'dashboard', 'assets'), { recursive: true });
  await writeFile(join(folder, 'dashboard', 'index.html'), '<!doctype html><title>dashboard</title>');
  await writeFile(join(folder, 'dashboard', 'assets', 'index-B1cDeF2g.js'), 'export {};');
  return loadStaticFiles(folder);
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

async function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  { method = 'GET', host = '127.0.0.1' } = {},
): Promise<Answer> {
  const sent = request({ host, port, path, method, headers, agent: false });
  sent.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode ?? 0, headers: response.headers, body, text: String(body) };
}

async function stateOf(port: number): Promise<DashboardState> {
  return JSON.parse((await ask(port, '/dashboard/state')).text) as DashboardState;
}

function channelOf(channel: string, changes: Partial<ChannelOverview> = {}): ChannelOverview {
  return {
    channel,
    title: 'A title',
    live: true,
    origin: 'streamer',
    parent: channel,
    depth: 1,
    startedAt: 1_700_000_000_000,
    viewers: 3,
    served: 2,
    players: 0,
    video: 'vp8',
    audio: true,
    layers: 3,
    receivedBytes: 1_000,
    ...changes,
  };
}

/** This machine under an address that others could have. */
function lanAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? null;
}

describe('on this machine', () => {
  test('needs no token where there is none', async () => {
    const port = await start({ token: null });
    expect((await ask(port, '/dashboard/state')).status).toBe(200);
    for (const host of [
      'localhost',
      `localhost:${port}`,
      'relay.localhost',
      `127.0.0.2:${port}`,
      '[::1]:80',
    ]) {
      expect((await ask(port, '/dashboard/state', { Host: host })).status, host).toBe(200);
    }
  });

  test('needs the token where there is one: a proxy may hide that it asks for others', async () => {
    const port = await start({ token: 'secret' });
    expect((await ask(port, '/dashboard/state')).status).toBe(401);
    expect((await ask(port, '/dashboard/state', { Authorization: 'Bearer secret' })).status).toBe(200);
  });

  test.each([
    ['a name that was pointed here', { Host: 'evil.example' }],
    ['a name that only begins like this machine', { Host: 'localhost.evil.example' }],
    ['an address that only begins like this machine', { Host: '127.0.0.1.evil.example' }],
    ['a private address', { Host: '192.168.1.20:8080' }],
    ['a name of the local network', { Host: 'box.local' }],
    ['nonsense', { Host: 'http://localhost/' }],
    ['X-Forwarded-For', { 'X-Forwarded-For': '127.0.0.1' }],
    ['Forwarded', { Forwarded: 'for=127.0.0.1' }],
    ['X-Real-IP', { 'X-Real-IP': '127.0.0.1' }],
    ['Via', { Via: '1.1 proxy' }],
    ['X-Forwarded-Host', { 'X-Forwarded-Host': 'localhost' }],
    ['another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }],
  ])('is not meant by a request with %s', async (_, headers: Record<string, string>) => {
    const port = await start();
    for (const path of ['/dashboard/state', '/dashboard/tree/x']) {
      const { status, text, headers: answered } = await ask(port, path, headers);
      expect(status, path).toBe(403);
      expect(text).toContain('CASTO_DASHBOARD_TOKEN');
      expect(answered['access-control-allow-origin']).toBeUndefined();
      expect(answered['cross-origin-resource-policy']).toBe('same-origin');
    }
    expect(relay.askedTrees).toBe(0);
  });

  test('is not meant by HTTP/1.0, which proxies speak, nor by a request without a host', async () => {
    const port = await start();
    const old = 'GET /dashboard/state HTTP/1.0\r\nHost: localhost\r\n\r\n';
    expect(await sendRaw(port, old)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await sendRaw(port, 'GET /dashboard/state HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
    const empty = 'GET /dashboard/state HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n';
    expect(await sendRaw(port, empty)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('names and addresses that are not loopback never are', async () => {
    const port = await start();
    const hosts = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
    );
    await fc.assert(
      fc.asyncProperty(hosts, async (host) => {
        fc.pre(!/^127\.|^\[[0:]*1\]$|localhost$|^\[::ffff:(?:7f|127)/i.test(host));
        expect((await ask(port, '/dashboard/state', { Host: host })).status).toBe(403);
      }),
      { numRuns: 60 },
    );
  });

  const lan = lanAddress();
  test.skipIf(lan === null)('is not meant by its own other addresses', async () => {
    const port = await start({ host: '0.0.0.0' });
    const headers = { Host: 'localhost' };
    expect((await ask(port, '/dashboard/state', headers, { host: lan ?? '' })).status).toBe(403);
    expect((await ask(port, '/dashboard/state', headers)).status).toBe(200);
  });
});

describe('from elsewhere', () => {
  const elsewhere = { 'X-Forwarded-For': '203.0.113.5' };

  test('without a token for them people are told how to make one, and get no page', async () => {
    const port = await start();
    for (const path of ['/dashboard/', '/dashboard', '/dashboard/assets/index-B1cDeF2g.js']) {
      const { status, text, headers } = await ask(port, path, elsewhere);
      expect(status, path).toBe(403);
      expect(headers['content-type']).toContain('text/plain');
      expect(text).toContain('--dashboard-token');
    }
  });

  test('with one the page is for all, and what it shows for those who have it', async () => {
    const port = await start({ token: 's3cret-token' });
    expect((await ask(port, '/dashboard/', elsewhere)).status).toBe(200);
    const refused = await ask(port, '/dashboard/state', elsewhere);
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    const granted = await ask(port, '/dashboard/state', {
      ...elsewhere,
      Authorization: 'Bearer s3cret-token',
    });
    expect(granted.status).toBe(200);
    // Not even the right one is taken from an address.
    const inAddress = await ask(
      port,
      '/dashboard/state?token=s3cret-token&access_token=s3cret-token',
      elsewhere,
    );
    expect(inAddress.status).toBe(401);
    expect(granted.text + refused.text).not.toContain('s3cret-token');
  });

  test('whoever guesses is put off, and does not keep out who has the token', async () => {
    const port = await start({ token: 'right' });
    const guess = (token: string) => ask(port, '/dashboard/state', { ...elsewhere, Authorization: token });
    const wrong = [
      '',
      'right',
      'Basic right',
      'Bearer',
      'Bearer rightt',
      'bearer wrong',
      `Bearer ${'x'.repeat(8_000)}`,
    ];
    const answers: Answer[] = [];
    for (const token of wrong) answers.push(await guess(token));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect(Number(answers[5]?.headers['retry-after'])).toBeGreaterThan(0);

    const flood = Array.from({ length: 20 }, () => guess('Bearer wrong'));
    expect((await guess('Bearer right')).status).toBe(200);
    const refused = (await Promise.all(flood)).filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(10);
  });

  test('each guess beyond the allowance costs a connection', async () => {
    const port = await start({ token: 'right' });
    const question = (token: string): string =>
      `GET /dashboard/state HTTP/1.1\r\nHost: relay.example\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const answered = await sendRaw(port, question('wrong').repeat(8), question('right'));
    expect(answered.match(/^HTTP\/1\.1 \d+/gm)).toEqual([
      ...Array<string>(5).fill('HTTP/1.1 401'),
      'HTTP/1.1 429',
    ]);
  });

  test('the right token is never put off', async () => {
    const port = await start({ token: 'right' });
    for (let i = 0; i < 30; i++) {
      const { status } = await ask(port, '/dashboard/state', { ...elsewhere, Authorization: 'Bearer right' });
      expect(status).toBe(200);
    }
  });
});

describe('the page', () => {
  test('is allowed its own files alone', async () => {
    const port = await start();
    const { status, headers, text } = await ask(port, '/dashboard/');
    expect(status).toBe(200);
    expect(text).toContain('dashboard');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|http|\*/);
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    const script = await ask(port, '/dashboard/assets/index-B1cDeF2g.js');
    expect(script.headers['cache-control']).toContain('immutable');
  });

  test('is found without its slash, below whatever path a proxy has for it', async () => {
    const port = await start();
    const { status, headers } = await ask(port, '/dashboard');
    expect(status).toBe(308);
    expect(headers.location).toBe('dashboard/');
  });

  test('is built, or says that it is not', async () => {
    const port = await start();
    expect((await ask(port, '/dashboard/none.js')).status).toBe(404);
    expect((await ask(port, '/dashboard/../health')).status).toBe(200);
    expect((await ask(port, '/dashboardx')).status).toBe(404);
    expect((await ask(port, '/dashboard/state', {}, { method: 'POST' })).status).toBe(405);
  });
});

describe('what is told', () => {
  test('is how the relay is, what it counts, and its channels, but where nobody is', async () => {
    const port = await start();
    relay.shownChannels = [channelOf('c1')];
    const found = await stateOf(port);
    expect(found).toMatchObject({
      version: '1.2.3',
      condition: 'ready',
      advice: [{ check: 'clock', advice: 'set it' }],
      processes: [{ name: 'main' }],
      relay: { peerId: fakePeerId, channels: [{ channel: 'c1' }], metrics: { viewers: 3, served: 2 } },
    });
    expect(found.processes[0]?.memoryBytes).toBeGreaterThan(10_000_000);
    expect(Math.abs(found.at - Date.now())).toBeLessThan(60_000);
  });

  test.each(['starting', 'draining'] as const)('while the relay is %s', async (kind) => {
    const port = await start();
    state = kind === 'starting' ? { kind } : { kind, relay };
    const { condition, relay: told } = await stateOf(port);
    expect(condition).toBe(kind);
    expect(told === null).toBe(kind === 'starting');
  });

  test('is put together once for all who ask within an interval, and not sent to those who have it', async () => {
    const port = await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port, '/dashboard/state')));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(relay.askedOverviews).toBe(1);
    const etag = String(answers[0]?.headers.etag);
    const again = await ask(port, '/dashboard/state', { 'If-None-Match': etag });
    expect([again.status, again.text]).toEqual([304, '']);
    expect(answers[0]?.headers['cache-control']).toBe('no-store');
    await expect
      .poll(async () => (await ask(port, '/dashboard/state', { 'If-None-Match': etag })).status, {
        timeout: 10_000,
        interval: 100,
      })
      .toBe(200);
    expect(relay.askedOverviews).toBe(2);
  });

  test('is compressed for those who take that', async () => {
    const port = await start();
    relay.shownTrees.set('c1', syntheticTree('c1', 1_000));
    const { headers, body } = await ask(port, '/dashboard/tree/c1', { 'Accept-Encoding': 'gzip' });
    expect(headers['content-encoding']).toBe('gzip');
    const { tree } = JSON.parse(String(gunzipSync(body))) as DashboardTree;
    expect(tree.children).toHaveLength(1_000);
    expect(body.length).toBeLessThan(100_000);
  });

  test('is bounded: beyond some pages, and some trees at a time, everybody has to wait', async () => {
    const port = await start();
    for (let i = 0; i < 40; i++) relay.shownTrees.set(`c${i}`, syntheticTree(`c${i}`, 1));
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => ask(port, `/dashboard/tree/c${i}`)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(16);
    expect(relay.askedTrees).toBe(16);
    const flood = await Promise.all(Array.from({ length: 200 }, () => ask(port, '/dashboard/state')));
    const refused = flood.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(100);
    expect(refused[0]?.headers['retry-after']).toBe('2');
    const health = JSON.parse((await ask(port, '/health')).text) as { refused: Record<string, number> };
    expect(health.refused['http-throttled']).toBeGreaterThan(100);
  });

  test.each([
    '',
    '%',
    '%2e%2e%2fstate',
    'c1/../../state',
    '__proto__',
    '%00',
    'x'.repeat(8_000),
    '%F0%9F%8E%A5',
  ])('of a tree that is asked for as %s is nothing, or that it is not found', async (name) => {
    const port = await start();
    relay.shownTrees.set('c1', syntheticTree('c1', 1) satisfies ChannelTree);
    const { status } = await ask(port, `/dashboard/tree/${name}`);
    expect([400, 404, 200]).toContain(status);
    expect((await ask(port, '/dashboard/tree/c1')).status).toBe(200);
  });
});
