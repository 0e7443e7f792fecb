/** A real TURN server, coturn, and the clients that come with it. */

import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installedProgram, skipReason } from './system-program.ts';

const COTURN = { title: 'coturn', commands: ['turnserver'], variable: 'CASTO_TURNSERVER' };
const START_WITHIN_MS = 20_000;
const CLIENT_WITHIN_MS = 40_000;
const ASK_EVERY_MS = 100;
/** What is kept of a program's words, in characters. */
const OUTPUT_KEPT = 100_000;
/** A Binding request without attributes, RFC 8489. */
const BINDING_REQUEST = Buffer.from(`000100002112a442${'2a'.repeat(12)}`, 'hex');

export interface TurnServer {
  /** Of UDP and TCP, on 127.0.0.1. */
  readonly port: number;
  stop(): Promise<void>;
}

export interface ClientRun {
  /** `null` when it had to be ended. */
  readonly code: number | null;
  readonly output: string;
}

/** Why tests with coturn are to be skipped here; `null`: they run. With CI=true nothing is skipped. */
export function turnSkipReason(): string | null {
  return skipReason(COTURN);
}

/** What a test needs of a TURN server, and nothing else. */
const OWN_SETTINGS = [
  '-n',
  '--use-auth-secret',
  '--realm=casto.test',
  '--no-tls',
  '--no-dtls',
  '--no-cli',
  '--log-file=stdout',
  '--allow-loopback-peers',
];

/** Those of relay-node/deploy, for clients of this machine. */
export const SHIPPED_SETTINGS: readonly string[] = [
  '-c',
  fileURLToPath(new URL('../../relay-node/deploy/coturn/turnserver.conf', import.meta.url)),
  '--allow-loopback-peers',
];

/**
 * @param secret - Its `static-auth-secret`.
 * @param settings - As on its command line; where it listens and what it writes is added.
 */
export async function startTurnServer(
  secret: string,
  settings: readonly string[] = OWN_SETTINGS,
): Promise<TurnServer> {
  const folder = mkdtempSync(join(tmpdir(), 'casto-turn-'));
  const port = await freeUdpPort();
  const own = [
    '--listening-ip=127.0.0.1',
    '--relay-ip=127.0.0.1',
    `--listening-port=${port}`,
    `--static-auth-secret=${secret}`,
    `--pidfile=${join(folder, 'pid')}`,
    `--userdb=${join(folder, 'users')}`,
  ];
  const child = spawn(installedProgram(COTURN), [...settings, ...own], { stdio: ['ignore', 'pipe', 'pipe'] });
  const endWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithParent);
  const said = collect(child);
  const stop = async (): Promise<void> => {
    process.off('exit', endWithParent);
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswers(port, child);
  } catch (error) {
    await stop();
    throw new Error(`coturn did not start: ${said().slice(-2_000)}`, { cause: error });
  }
  return { port, stop };
}

/** Runs one of coturn's clients to its end. */
export async function runTurnClient(
  name: 'turnutils_stunclient' | 'turnutils_uclient',
  args: readonly string[],
): Promise<ClientRun> {
  const child = spawn(join(dirname(installedProgram(COTURN)), name), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: CLIENT_WITHIN_MS,
  });
  const said = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: said() };
}

function collect(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => (output = (output + text).slice(-OUTPUT_KEPT)));
  }
  return () => output;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function untilAnswers(port: number, child: ChildProcess): Promise<void> {
  const socket = createSocket('udp4');
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  child.once('error', () => ended.abort());
  const asking = setInterval(() => socket.send(BINDING_REQUEST, port, '127.0.0.1'), ASK_EVERY_MS);
  try {
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(START_WITHIN_MS)]);
    await once(socket, 'message', { signal });
  } finally {
    clearInterval(asking);
    socket.close();
  }
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
