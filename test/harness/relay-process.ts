/**
 * The real relay as a child process, as `npx casto-relay` starts it: on free ports, with a data folder of its own.
 *
 * It runs what `npm run build` has made, else from its sources; CASTO_RELAY=source asks for the sources.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../../relay-node/src/cli.ts', import.meta.url));
const BUILT = fileURLToPath(new URL('../../relay-node/dist/cli.js', import.meta.url));

const LISTEN_WITHIN_MS = 30_000;
const DRAIN_WITHIN_MS = 10_000;
/** What is kept of the relay's words, in characters. */
const STDERR_KEPT = 200_000;
const EVENTS_KEPT = 10_000;

export interface RelayOptions {
  /** Further flags, e.g. `['--max-viewers', '0']`. */
  flags?: string[];
  /** Multiaddrs of other relays. */
  peers?: string[];
  /** Default: loopback only. */
  host?: string;
  env?: Record<string, string>;
}

export interface RelayProcess {
  readonly peerId: string;
  /** Origin of its HTTP server, e.g. `http://127.0.0.1:8080`. */
  readonly http: string;
  readonly multiaddrs: readonly string[];
  readonly dataFolder: string;
  readonly pid: number;
  /** The lines of `--json`, as they came. */
  readonly events: readonly RelayEvent[];
  stderr(): string;
  /** Ends it as Ctrl-C does, and removes its data. @returns Its exit code; `null` when it had to be killed. */
  stop(): Promise<number | null>;
  /** Ends it as a crash does. Its data stay, for `restart`. */
  kill(): Promise<void>;
  /** Starts it again, on the same ports and with the same data. */
  restart(): Promise<void>;
}

export type RelayEvent = Readonly<Record<string, unknown>>;

interface Listening {
  peerId: string;
  http: string;
  multiaddrs: string[];
}

export async function startRelay(options: RelayOptions = {}): Promise<RelayProcess> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'casto-relay-test-'));
  let running: Running;
  try {
    running = await run(options, dataFolder, 0);
  } catch (error) {
    rmSync(dataFolder, { recursive: true, force: true });
    throw error;
  }

  return {
    dataFolder,
    get peerId() {
      return running.listening.peerId;
    },
    get http() {
      return running.listening.http;
    },
    get multiaddrs() {
      return running.listening.multiaddrs;
    },
    get pid() {
      return running.child.pid ?? 0;
    },
    get events() {
      return running.events;
    },
    stderr: () => running.stderr(),
    stop: async () => {
      const code = await end(running.child, 'SIGINT');
      rmSync(dataFolder, { recursive: true, force: true });
      return code;
    },
    kill: async () => void (await end(running.child, 'SIGKILL')),
    restart: async () => {
      await end(running.child, 'SIGKILL');
      running = await run(options, dataFolder, Number(new URL(running.listening.http).port));
    },
  };
}

interface Running {
  child: ChildProcess;
  listening: Listening;
  events: RelayEvent[];
  stderr(): string;
}

/** The libp2p and media ports are not asked for: the data folder remembers those of the first run. */
async function run(options: RelayOptions, dataFolder: string, port: number): Promise<Running> {
  const useBuilt = existsSync(BUILT) && process.env['CASTO_RELAY'] !== 'source';
  const command = useBuilt ? [BUILT] : ['--conditions=casto-source', SOURCES];
  const flags = ['--json', '--port', String(port), '--data', dataFolder];
  flags.push('--host', options.host ?? '127.0.0.1', '--no-mdns');
  for (const peer of options.peers ?? []) flags.push('--peer', peer);
  const child = spawn(process.execPath, [...command, ...flags, ...(options.flags ?? [])], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endWithParent = () => child.kill('SIGKILL');
  process.once('exit', endWithParent);
  child.once('exit', () => process.off('exit', endWithParent));

  let stderr = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT);
  });
  const events: RelayEvent[] = [];
  try {
    const listening = await untilListening(child, events, () => stderr);
    return { child, listening, events, stderr: () => stderr };
  } catch (error) {
    await end(child, 'SIGKILL');
    throw error;
  }
}

function untilListening(child: ChildProcess, events: RelayEvent[], stderr: () => string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const give = (reason: string) =>
      reject(new Error(`the relay ${reason}; it said: ${stderr().slice(-2000)}`));
    const timer = setTimeout(() => give(`did not listen within ${LISTEN_WITHIN_MS} ms`), LISTEN_WITHIN_MS);
    child.once('error', (error) => give(`did not start: ${error.message}`));
    child.once('exit', (code, signal) => give(`ended with ${signal ?? `code ${code}`}`));
    if (child.stdout === null) return give('has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = parseEvent(line);
      if (event === null) return;
      if (events.length < EVENTS_KEPT) events.push(event);
      const listening = toListening(event);
      if (listening === null) return;
      clearTimeout(timer);
      resolve(listening);
    });
  });
}

function parseEvent(line: string): RelayEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function toListening(event: RelayEvent): Listening | null {
  const { peerId, http, multiaddrs } = event;
  if (event['event'] !== 'listening' || typeof peerId !== 'string' || typeof http !== 'string') return null;
  if (!Array.isArray(multiaddrs)) return null;
  return { peerId, http, multiaddrs: multiaddrs.filter((one) => typeof one === 'string') };
}

async function end(child: ChildProcess, signal: 'SIGINT' | 'SIGKILL'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), DRAIN_WITHIN_MS);
  await ended;
  clearTimeout(timer);
  return child.exitCode;
}
