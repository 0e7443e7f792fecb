/**
 * A real TURN server, coturn, and the clients that come with it. Like browsers it comes from the system, or from where
 * CASTO_TURNSERVER says.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const VARIABLE = 'CASTO_TURNSERVER';
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
  if (process.env['CI'] === 'true' || findTurnServer() !== null) return null;
  return `no coturn on this machine; install it, or set ${VARIABLE} to its turnserver`;
}

/** @param secret - Its `static-auth-secret`. */
export async function startTurnServer(secret: string): Promise<TurnServer> {
  const folder = mkdtempSync(join(tmpdir(), 'casto-turn-'));
  const port = await freeUdpPort();
  writeFileSync(
    join(folder, 'turnserver.conf'),
    [
      'listening-ip=127.0.0.1',
      'relay-ip=127.0.0.1',
      `listening-port=${port}`,
      'allow-loopback-peers',
      'use-auth-secret',
      `static-auth-secret=${secret}`,
      'realm=casto.test',
      'no-tls',
      'no-dtls',
      'no-cli',
      'log-file=stdout',
      `pidfile=${join(folder, 'pid')}`,
      `userdb=${join(folder, 'users')}`,
      '',
    ].join('\n'),
  );
  const child = spawn(installed('turnserver'), ['-c', join(folder, 'turnserver.conf')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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
  const child = spawn(installed(name), args, {
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

/** @throws When coturn is not there. */
function installed(name: string): string {
  const server = findTurnServer();
  if (server === null) throw new Error(`no coturn; set ${VARIABLE} to its turnserver`);
  return name === 'turnserver' ? server : join(dirname(server), name);
}

function findTurnServer(): string | null {
  const given = process.env[VARIABLE];
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  const paths = given ? [given] : folders.map((folder) => join(folder, 'turnserver'));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
