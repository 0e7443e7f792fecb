/** `npm start` in an empty clone of this repository, as somebody types it who has just got it. */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Packages are fetched, and everything is built. */
const START_MS = 15 * 60_000;
const STOP_MS = 20_000;

export interface StartedClone {
  /** To open on this machine. */
  readonly address: string;
  /** From the command to the address. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** Port and data folder are its own, so that a relay of this machine is left alone. */
export async function startClone(): Promise<StartedClone> {
  const folder = mkdtempSync(join(tmpdir(), 'casto-newcomer-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const clone = join(folder, 'casto');
    execFileSync('git', ['clone', '--quiet', ROOT, clone]);
    const startedAt = performance.now();
    const flags = ['--port', '0', '--data', join(folder, 'data'), '--no-mdns'];
    const child = spawn('npm', ['start', '--', ...flags], {
      cwd: clone,
      env: newcomersEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
      // With a process group of its own, as in a terminal.
      detached: true,
    });
    const stop = async (): Promise<void> => {
      await end(child);
      remove();
    };
    try {
      const address = await addressIn(child);
      const startMs = Math.round(performance.now() - startedAt);
      process.stderr.write(`npm start: ${startMs} ms\n`);
      return { address, startMs, stop };
    } catch (error) {
      await end(child);
      throw error;
    }
  } catch (error) {
    remove();
    throw error;
  }
}

/** Without what npm gave to this process: neither its settings nor the programs of this repository. */
function newcomersEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'));
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((part) => !/node_modules|node-gyp-bin/.test(part))
    .join(delimiter);
  return { ...Object.fromEntries(kept), PATH: path };
}

function addressIn(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const give = (reason: string): void =>
      reject(new Error(`npm start ${reason}; it said: ${said.slice(-2000)}`));
    const timer = setTimeout(() => give(`printed no address within ${START_MS} ms`), START_MS);
    child.once('error', (error) => give(`failed: ${error.message}`));
    child.once('exit', (code) => give(`ended with code ${code}`));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const address = /^Open (http:\S+)$/m.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}

/** As Ctrl-C does, which goes to npm, its shell and the command alike. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const group = -child.pid;
  const ended = once(child, 'exit');
  process.kill(group, 'SIGINT');
  const timer = setTimeout(() => process.kill(group, 'SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
