import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fakePeerId } from './fake-relay.ts';
import { RunningProcess } from './running-process.ts';
import type { Exit } from './running-process.ts';

let publicDir: string;
const running: RunningProcess[] = [];

beforeAll(async () => {
  publicDir = await mkdtemp(join(tmpdir(), 'casto-public-'));
  await writeFile(join(publicDir, 'index.html'), '<!doctype html><title>demo</title>');
});

afterAll(() => rm(publicDir, { recursive: true, force: true }));

afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ exit }) => exit));
});

function start(args: string[], steering: object = {}, env: Record<string, string> = {}): RunningProcess {
  const FAKE_RELAY = JSON.stringify({ publicDir, ...steering });
  const started = new RunningProcess('fake-cli.ts', args, { ...env, FAKE_RELAY });
  running.push(started);
  return started;
}

function startReal(args: string[]): RunningProcess {
  const started = new RunningProcess('../src/cli.ts', args);
  running.push(started);
  return started;
}

/** What every refusal looks like: one line on stderr, the last one, and exit code 2. */
function refusalOf(exit: Exit): string {
  expect(exit).toMatchObject({ code: 2, stdout: '' });
  const lines = exit.stderr.split('\n');
  const [line = '', ...others] = lines.filter((text) => text.startsWith('casto-relay:'));
  expect(others).toEqual([]);
  expect(lines.slice(-2)).toEqual([line, '']);
  return line;
}

describe('starting', () => {
  test('with --json the first line is the listening event, and the server answers there', async () => {
    const relay = start(['--json', '--port', '0', '--host', '127.0.0.1']);
    const listening = await relay.listening();
    expect(Object.keys(listening)).toEqual(['event', 'peerId', 'http', 'multiaddrs']);
    expect(listening).toMatchObject({ event: 'listening', peerId: fakePeerId });
    expect(listening.http).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await fetch(`${listening.http}/`)).text()).toContain('demo');
    const log = await relay.stdoutMatching(/relay-started.*\n/);
    for (const line of log.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event');
  });

  test('for people it prints the address to open, and no control character of strangers', async () => {
    const relay = start(['--port=0']);
    const text = await relay.stdoutMatching(/Ctrl-C stops\n/);
    const url = /^Open (http:\/\/localhost:\d+\/)$/m.exec(text)?.[1];
    expect((await fetch(url ?? '')).status).toBe(200);
    const port = new URL(url ?? '').port;
    expect(text).toContain(
      `\nPorts TCP ${port} (HTTP), 4001, 4002 (libp2p); UDP 4001 (libp2p), 4003 (media), 4005 (STUN)\n`,
    );
    const log = await relay.stderrMatching(/relay-started.*\n/);
    expect(log).toContain('\\u001b[31m');
    expect(log).not.toContain('\u001b');
  });

  test('settings come from flags, environment and file', async () => {
    const config = join(publicDir, '..', `casto-config-${process.pid}.json`);
    await writeFile(config, JSON.stringify({ port: 1, host: '127.0.0.1', json: true, 'max-viewers': 7 }));
    const relay = start(['--config', config, '--port', '0'], {}, { CASTO_PORT: '2', CASTO_MAX_VIEWERS: '9' });
    const { http } = await relay.listening();
    const health: unknown = await (await fetch(`${http}/health`)).json();
    expect(health).toMatchObject({ maxViewers: 9 });
    await rm(config);
  });

  test('health says starting until the relay is up', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    server.close();
    const relay = start(['--host=127.0.0.1', `--port=${port}`], { hangs: true });
    await relay.stderrMatching(/relay-started/);
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: 'starting' });
    relay.child.kill('SIGINT');
    expect(await relay.exit).toMatchObject({ code: 0, stdout: '' });
  });
});

test('what the self-test finds is advice in the log, and the relay goes on', async () => {
  const advice = [{ check: 'clock', advice: 'the clock says 1970; set it' }];
  const relay = start(['--port=0', '--host=127.0.0.1'], { advice });
  const log = await relay.stderrMatching(/self-test.*\n/);
  const line = log.split('\n').find((text) => text.includes('self-test')) ?? '';
  expect(JSON.parse(line)).toMatchObject({ level: 'warn', event: 'self-test', ...advice[0] });
  expect(relay.child.exitCode).toBeNull();
});

describe('refusing to start', () => {
  test.each<[string[], RegExp]>([
    [['--port', 'x'], /^casto-relay: --port must be a whole number from 0 to 65535, got "x"$/],
    [
      ['--log-level', 'loud'],
      /^casto-relay: --log-level must be one of error, warn, info, debug, got "loud"$/,
    ],
    [['--max-channels', '0'], /^casto-relay: --max-channels must be a whole number from 1 to 500, got "0"$/],
    [
      ['--metrics-token', 'two words'],
      /^casto-relay: --metrics-token must be between 1 and 256 printable characters$/,
    ],
    [
      ['--metrics-token=x', '--public-metrics'],
      /^casto-relay: --metrics-token and --public-metrics contradict/,
    ],
    [['--prot', '1'], /^casto-relay: unknown flag --prot; did you mean --port\?$/],
    [['--config', '/nonexistent.json'], /^casto-relay: the config file .* cannot be read \(ENOENT\)$/],
    [['--host', '192.0.2.77'], /^casto-relay: 192\.0\.2\.77 is not an address of this machine/],
  ])('%j', async (args, line) => {
    expect(refusalOf(await startReal(args).exit)).toMatch(line);
  });

  test('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const exit = await start(['--host', '127.0.0.1', '--port', String(port)]).exit;
    expect(refusalOf(exit)).toBe(
      `casto-relay: TCP port ${port} of 127.0.0.1 is in use; choose another with --port`,
    );
    server.close();
  });

  test('what the relay itself refuses', async () => {
    const failure = { name: 'RelayStartError', message: 'the file /x is corrupt;\ndelete it' };
    const exit = await start(['--port=0'], { failure }).exit;
    expect(refusalOf(exit)).toBe('casto-relay: the file /x is corrupt; delete it');
    const json = await start(['--port=0', '--json'], { failure }).exit;
    expect(refusalOf(json)).toBe('casto-relay: the file /x is corrupt; delete it');
  });

  test('a failure nobody foresaw is exit code 1, with its origin', async () => {
    const exit = await start(['--port=0'], { failure: { name: 'TypeError', message: 'x is undefined' } })
      .exit;
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/casto-relay: failed: .*x is undefined/);
    expect(exit.stderr).toContain('fake-cli.ts');
  });

  test('--help and --version', async () => {
    const [help, version] = await Promise.all([startReal(['--help']).exit, startReal(['--version']).exit]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('--max-viewers N');
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('stopping', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s drains and exits 0', async (signal) => {
    const relay = start(['--json', '--port=0', '--host=127.0.0.1']);
    await relay.listening();
    relay.child.kill(signal);
    const exit = await relay.exit;
    expect(exit).toMatchObject({ code: 0, signal: null, stderr: '' });
    const events = exit.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).toEqual([
      'listening',
      'relay-started',
      'self-test-passed',
      'draining',
      'drained',
      'stopped',
    ]);
  });

  test('while draining health and ready are 503; one Ctrl-C that npm doubles is one; a second one quits at once', async () => {
    const relay = start(['--json', '--port=0', '--host=127.0.0.1'], { drainMs: 60_000 });
    const { http } = await relay.listening();
    const startMs = performance.now();
    relay.child.kill('SIGINT');
    relay.child.kill('SIGTERM');
    await relay.stdoutMatching(/"draining"/);
    const health = await fetch(`${http}/health`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: 'draining', viewers: 1 });
    const ready = await fetch(`${http}/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ ready: false, reason: 'draining' });
    const untilSecondMs = 700 - (performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, untilSecondMs));
    expect(relay.child.exitCode).toBeNull();
    relay.child.kill('SIGINT');
    expect((await relay.exit).code).toBe(130);
    expect(performance.now() - startMs).toBeLessThan(2_500);
  });

  test('children that do not leave are waited for no longer than three seconds', async () => {
    const relay = start(['--json', '--port=0', '--host=127.0.0.1'], { drainMs: 60_000 });
    await relay.listening();
    const startMs = performance.now();
    relay.child.kill('SIGINT');
    expect((await relay.exit).code).toBe(0);
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeGreaterThan(2_900);
    expect(tookMs).toBeLessThan(6_000);
  }, 10_000);

  test('while children are left the log tells how many, and --drain-seconds ends the wait', async () => {
    const steering = { drainMs: 60_000 };
    const relay = start(['--json', '--port=0', '--host=127.0.0.1', '--drain-seconds=2'], steering);
    await relay.listening();
    const startMs = performance.now();
    relay.child.kill('SIGTERM');
    const { code, stdout } = await relay.exit;
    expect(code).toBe(0);
    expect(performance.now() - startMs).toBeGreaterThan(1_900);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'draining', drainMs: 2_000 }));
    expect(lines).toContainEqual(expect.objectContaining({ event: 'drain-progress', viewersLeft: 2 }));
    expect(lines).toContainEqual(expect.objectContaining({ event: 'drained', viewersLeft: 2 }));
  }, 10_000);

  test('a reader that goes away does not end the relay', async () => {
    const relay = start(['--json', '--port=0', '--host=127.0.0.1']);
    const { http } = await relay.listening();
    relay.child.stdout.destroy();
    expect((await fetch(`${http}/health`)).status).toBe(200);
    relay.child.kill('SIGINT');
    expect((await relay.exit).code).toBe(0);
  });
});

describe('what nobody caught', () => {
  test('a failed system call of one socket, or a stray rejection, is reported and survived', async () => {
    const stray = { message: 'read ECONNRESET', syscall: 'read' };
    const relay = start(['--json', '--port=0', '--host=127.0.0.1'], { stray });
    const { http } = await relay.listening();
    const report = await relay.stderrMatching(/uncaught exception: .*ECONNRESET/);
    expect(report).toMatch(/unhandled rejection: .*stray/);
    expect((await fetch(`${http}/health`)).status).toBe(200);
  });

  test('anything else ends the process with exit code 1', async () => {
    const exit = await start(['--json', '--port=0'], { stray: { message: 'x is undefined' } }).exit;
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/uncaught exception: .*x is undefined/);
  });
});
