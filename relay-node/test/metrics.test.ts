import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { openHttpServer } from '../src/http-server.ts';
import type { HttpServer } from '../src/http-server.ts';
import type { RelayState } from '../src/http-routes.ts';
import { metricFamilies } from '../src/metric-families.ts';
import { createMetrics } from '../src/metrics.ts';
import { FakeRelay } from './fake-relay.ts';

const servers: HttpServer[] = [];
let relay: FakeRelay;
let state: RelayState;

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function open(access: { token?: string; isPublic?: boolean } = {}): Promise<number> {
  relay = new FakeRelay({});
  state = { kind: 'running', relay };
  const server = await openHttpServer({
    host: '127.0.0.1',
    port: 0,
    files: new Map(),
    allowOrigins: ['*'],
    ice: { iceServers: [], turnSecret: null, turnHours: 12 },
    state: () => state,
    metrics: {
      ...createMetrics('1.2.3'),
      token: access.token ?? null,
      isPublic: access.isPublic ?? false,
    },
    onError: () => {},
  });
  servers.push(server);
  return server.port;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

async function ask(port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, headers, agent: false });
  sent.end();
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
  });
}

/** Values by series. */
async function scrape(port: number): Promise<Map<string, number>> {
  const { status, text } = await ask(port, '/metrics');
  expect(status).toBe(200);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('metrics', () => {
  test('tell what the relay counts, and how the process is', async () => {
    const port = await open();
    const found = await scrape(port);
    const expected: Record<string, number> = {
      [`casto_relay_build_info{version="1.2.3",node="${process.versions.node}"}`]: 1,
      casto_relay_ready: 1,
      'casto_relay_state{state="ready"}': 1,
      'casto_relay_state{state="draining"}': 0,
      casto_relay_uptime_seconds: 1.5,
      casto_relay_viewers: 3,
      casto_relay_served_viewers: 2,
      casto_relay_served_viewers_limit: 600,
      'casto_relay_channels{state="live"}': 1,
      'casto_relay_connections{direction="in"}': 4,
      'casto_relay_links{other="child",state="connected"}': 2,
      'casto_relay_links_made_total{other="child"}': 7,
      'casto_relay_packets_total{direction="in"}': 10,
      'casto_relay_packets_total{direction="out"}': 20,
      'casto_relay_rtp_bytes_total{direction="out"}': 2_000,
      // What children ask for comes in, what parents are asked for goes out.
      'casto_relay_nacked_packets_total{direction="in"}': 6,
      'casto_relay_nacked_packets_total{direction="out"}': 2,
      'casto_relay_key_frame_requests_total{direction="in"}': 7,
      'casto_relay_key_frame_requests_total{direction="out"}': 3,
      casto_relay_resent_packets_total: 5,
      'casto_relay_dropped_packets_total{direction="in",reason="stale"}': 4,
      'casto_relay_dropped_packets_total{direction="out",reason="nack-old"}': 8,
      'casto_relay_joins_total{result="accepted",reason=""}': 7,
      'casto_relay_joins_total{result="refused",reason="full"}': 2,
      'casto_relay_links{other="publisher",state="connected"}': 1,
      'casto_relay_links_made_total{other="player"}': 4,
      'casto_relay_sessions_total{role="publisher",result="opened"}': 3,
      'casto_relay_sessions_total{role="player",result="not-found"}': 2,
      'casto_relay_session_packets_total{role="publisher"}': 4,
      'casto_relay_session_rtp_bytes_total{role="player"}': 600,
      'casto_relay_refused_total{reason="forged-record"}': 3,
    };
    for (const [series, value] of Object.entries(expected)) expect(found.get(series), series).toBe(value);
    for (const family of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds']) {
      expect(found.has(family), family).toBe(true);
    }
  });

  test('are those of the moment: counters are not added up from scrape to scrape', async () => {
    const port = await open();
    await scrape(port);
    relay.counted = { viewers: 9, refused: { 'forged-record': 4 } };
    const [first, second] = await Promise.all([scrape(port), scrape(port)]);
    for (const found of [first, second, await scrape(port)]) {
      expect(found.get('casto_relay_viewers')).toBe(9);
      expect(found.get('casto_relay_refused_total{reason="forged-record"}')).toBe(4);
      expect(found.get('casto_relay_packets_total{direction="out"}')).toBe(20);
    }
  });

  test('are there while the relay starts, without what it would count', async () => {
    const port = await open();
    state = { kind: 'starting' };
    const found = await scrape(port);
    expect(found.get('casto_relay_ready')).toBe(0);
    expect(found.get('casto_relay_state{state="starting"}')).toBe(1);
    expect(found.get('casto_relay_uptime_seconds')).toBe(0);
    expect([...found.keys()].filter((series) => series.startsWith('casto_relay_links{'))).toEqual([]);
  });

  test('follow the naming conventions of Prometheus', () => {
    for (const { name, kind, labels } of metricFamilies) {
      expect(name).toMatch(/^casto_relay_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      // Such labels would make a time series for every stranger.
      expect(labels).not.toContain('channel');
      expect(labels).not.toContain('peer');
    }
    const names = metricFamilies.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('without a token', () => {
  test.each<[string, Record<string, string>]>([
    ['came through a proxy', { 'x-forwarded-for': '203.0.113.9' }],
    ['came through a proxy of the newer kind', { forwarded: 'for=203.0.113.9' }],
    ['asked for a public name', { host: 'relay.example.org' }],
    ['asked for a public address', { host: '203.0.113.5:8080' }],
    ['asked for nothing that can be read', { host: '[' }],
  ])('metrics are refused to whoever %s', async (_who, headers) => {
    const port = await open();
    expect((await ask(port, '/metrics', headers)).status).toBe(403);
    expect((await scrape(port)).get('casto_relay_http_refused_total{reason="http-forbidden"}')).toBe(1);
  });

  test.each(['localhost:8080', '127.0.0.1', '192.168.1.20:8080', 'relay:8080', 'relay.local'])(
    'metrics are told to who asks %s',
    async (host) => {
      expect((await ask(await open(), '/metrics', { host })).status).toBe(200);
    },
  );

  test('metrics are told to everybody where the operator says so', async () => {
    const port = await open({ isPublic: true });
    const headers = { host: 'relay.example.org', 'x-forwarded-for': '203.0.113.9' };
    expect((await ask(port, '/metrics', headers)).status).toBe(200);
  });

  test('pages of other origins cannot read metrics', async () => {
    const { headers } = await ask(await open(), '/metrics', { origin: 'https://evil.example' });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
  });
});

describe('with a token', () => {
  test.each(['', 'Bearer', 'Bearer wrong', 'Bearer s3cre', 'Basic s3cret', 'Bearer s3cret x'])(
    'metrics are refused for %j',
    async (authorization) => {
      const port = await open({ token: 's3cret' });
      const answer = await ask(port, '/metrics', authorization === '' ? {} : { authorization });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.text).not.toContain('casto_relay');
    },
  );

  test('metrics are told from wherever it comes', async () => {
    const port = await open({ token: 's3cret' });
    const headers = { authorization: 'bearer s3cret', host: 'relay.example.org', via: '1.1 proxy' };
    expect((await ask(port, '/metrics', headers)).status).toBe(200);
  });
});

describe('ready', () => {
  test('is 200 when the relay takes joins, else 503 with the reason', async () => {
    const port = await open();
    const outcome = async (): Promise<[number, unknown]> => {
      const { status, text } = await ask(port, '/ready');
      return [status, JSON.parse(text)];
    };
    expect(await outcome()).toEqual([200, { ready: true }]);
    for (const mood of ['full', 'memory'] as const) {
      relay.mood = mood;
      expect(await outcome()).toEqual([503, { ready: false, reason: mood }]);
    }
    relay.mood = 'ready';
    // The command leaves before the relay knows.
    state = { kind: 'draining', relay };
    expect(await outcome()).toEqual([503, { ready: false, reason: 'draining' }]);
    state = { kind: 'starting' };
    expect(await outcome()).toEqual([503, { ready: false, reason: 'starting' }]);
    state = { kind: 'running', relay };
    await relay.drain(0);
    expect(await outcome()).toEqual([503, { ready: false, reason: 'draining' }]);
  });

  test('is not kept in caches, and health stays as it is when the relay is full', async () => {
    const port = await open();
    relay.mood = 'full';
    const ready = await ask(port, '/ready');
    expect(ready.headers).toMatchObject({ 'cache-control': 'no-store', 'retry-after': '2' });
    expect((await ask(port, '/health')).status).toBe(200);
  });
});
