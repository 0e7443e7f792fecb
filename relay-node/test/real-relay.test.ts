/** The command with the real relay, as processes. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { metricFamilies } from '../src/metric-families.ts';
import { RunningProcess } from './running-process.ts';

let dir: string;
const running: RunningProcess[] = [];

// libp2p and the native module take about a second to load, more on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'casto-relay-'));
});

afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ exit }) => exit));
  await rm(dir, { recursive: true, force: true });
});

function start(...args: string[]): RunningProcess {
  const common = ['--json', '--port=0', '--host=127.0.0.1', '--no-mdns'];
  const started = new RunningProcess('../src/cli.ts', [...common, ...args]);
  running.push(started);
  return started;
}

async function stop(relay: RunningProcess): Promise<void> {
  relay.child.kill('SIGINT');
  expect(await relay.exit).toMatchObject({ code: 0, signal: null });
}

/** What is left of the addresses of a relay without its HTTP port. */
interface Place {
  peerId: string;
  multiaddrs: string[];
  certhashes: string[];
}

async function placeOf(relay: RunningProcess): Promise<Place> {
  const { peerId, multiaddrs, http } = await relay.listening();
  const discovered = (await (await fetch(`${http}/.well-known/casto.json`)).json()) as Place;
  expect(discovered).toMatchObject({ version: 1, peerId });
  expect(discovered.multiaddrs.toSorted()).toEqual(multiaddrs.toSorted());
  const certhashes = multiaddrs.flatMap((multiaddr) => /certhash\/([^/]+)/.exec(multiaddr)?.[1] ?? []);
  return { peerId, multiaddrs: multiaddrs.toSorted(), certhashes };
}

test('a restart keeps peer id, certificate and ports; Ctrl-C exits 0', async () => {
  const first = start('--data', dir);
  const before = await placeOf(first);
  expect(before.certhashes.length).toBeGreaterThan(0);
  for (const kind of ['/tcp/', '/ws', '/webrtc-direct']) {
    expect(
      before.multiaddrs.some((multiaddr) => multiaddr.includes(kind)),
      kind,
    ).toBe(true);
  }
  await stop(first);
  expect(await readdir(dir)).toEqual(['identity.json', 'ports.json']);
  const second = start('--data', dir);
  expect(await placeOf(second)).toEqual(before);
  await stop(second);
});

test('a relay that was killed leaves nothing that keeps it from starting again', async () => {
  const first = start('--data', dir);
  const before = await placeOf(first);
  first.child.kill('SIGKILL');
  await first.exit;
  expect(await placeOf(start('--data', dir))).toEqual(before);
});

test('without a data folder each start has another identity', async () => {
  const [first, second] = await Promise.all([placeOf(start('--data=none')), placeOf(start('--data', ''))]);
  expect(first.peerId).not.toBe(second.peerId);
});

test('a second relay on the same folder is refused, and the first goes on', async () => {
  const first = start('--data', dir);
  const { http } = await first.listening();
  const exit = await start('--data', dir).exit;
  expect(exit).toMatchObject({ code: 2, stdout: '' });
  expect(exit.stderr).toMatch(
    new RegExp(
      `^casto-relay: the data folder ${dir} is in use by another relay \\(process ${first.child.pid}\\)[^\n]+\n$`,
    ),
  );
  expect((await fetch(`${http}/health`)).status).toBe(200);
});

test('a corrupt data folder is refused with the name of the file, which is left as it is', async () => {
  const file = join(dir, 'identity.json');
  await writeFile(file, '{"version":1,');
  const exit = await start('--data', dir).exit;
  expect(exit).toMatchObject({ code: 2, stdout: '' });
  expect(exit.stderr).toBe(
    `casto-relay: ${file} is corrupt; restore it from a backup, or delete it to start with a new identity\n`,
  );
  expect(await readFile(file, 'utf8')).toBe('{"version":1,');
});

test('a data folder that cannot be written is refused', async () => {
  const file = join(dir, 'file');
  await writeFile(file, '');
  const exit = await start('--data', file).exit;
  expect(exit).toMatchObject({ code: 2, stdout: '' });
  expect(exit.stderr).toMatch(/^casto-relay: the data folder [^\n]+ cannot be written \(EEXIST\)[^\n]+\n$/);
});

test('a port of libp2p or media in use is refused', async () => {
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const address = tcp.address();
  const tcpPort = typeof address === 'object' && address !== null ? address.port : 0;
  const udpPort = udp.address().port;
  const exits = await Promise.all([
    start('--data=none', `--p2p-port=${tcpPort}`).exit,
    start('--data=none', `--media-port=${udpPort}`).exit,
  ]);
  tcp.close();
  udp.close();
  for (const [index, port] of [tcpPort, udpPort].entries()) {
    expect(exits[index]).toMatchObject({ code: 2, stdout: '' });
    expect(exits[index]?.stderr).toMatch(new RegExp(`^casto-relay: [^\n]*${port}[^\n]*in use[^\n]*\n$`));
  }
});

test('a multiaddr that only looks like one is refused', async () => {
  const exit = await start('--data=none', '--peer=/ip4/999.0.0.1/tcp/4001').exit;
  expect(exit).toMatchObject({ code: 2, stdout: '' });
  expect(exit.stderr).toMatch(/^casto-relay: [^\n]*999\.0\.0\.1[^\n]*\n$/);
});

test('metrics want the token, readiness is told, and the self-test finds nothing', async () => {
  const relay = start('--data=none', '--metrics-token=s3cret', '--announce=127.0.0.1', '--max-viewers=10');
  const { http } = await relay.listening();
  expect((await fetch(`${http}/metrics`)).status).toBe(401);
  const response = await fetch(`${http}/metrics`, { headers: { Authorization: 'Bearer s3cret' } });
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  expect(text).toMatch(/^casto_relay_ready 1$/m);
  expect(text).toMatch(/^casto_relay_served_viewers_limit 10$/m);
  expect(text).toMatch(/^casto_relay_http_refused_total\{reason="http-unauthorized"\} 1$/m);
  for (const { name } of metricFamilies) expect(text).toContain(`# TYPE ${name} `);
  const ready = await fetch(`${http}/ready`);
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true }]);
  // It dials the announced address, and finds the media port in use.
  await relay.stdoutMatching(/"event":"self-test-passed"/);
  await stop(relay);
});

test('a self-test that finds something stops nothing', async () => {
  const relay = start('--data=none', '--announce=no-such-relay.invalid');
  const { http } = await relay.listening();
  const log = await relay.stdoutMatching(/"event":"self-test",.*\n/);
  expect(log).toMatch(/"check":"announced-address","advice":"[^"]*no-such-relay\.invalid/);
  expect((await fetch(`${http}/ready`)).status).toBe(200);
  await stop(relay);
});
