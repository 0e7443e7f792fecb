/** An empty project of somebody else, with the tarballs installed by npm. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { npmOutput } from '../../packages/workspace/src/processes.js';

/** Programs that begin with `#!/usr/bin/env node` get the Node of the tests, whatever the system has. */
export const ENVIRONMENT: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
};

const END_WITHIN_MS = 20_000;

export interface Outcome {
  readonly code: number | null;
  /** Of standard output and standard error. */
  readonly output: string;
}

export interface Consumer {
  readonly folder: string;
  write(path: string, text: string): void;
  npm(args: readonly string[]): Promise<string>;
  /** Runs a program to its end. A path below the folder, or absolute. */
  run(script: string, args?: readonly string[]): Promise<Outcome>;
  /** Starts a command of an installed package, which prints JSON. */
  start(command: string, args: readonly string[]): Promise<Running>;
  remove(): void;
}

export interface Running {
  /** The first line. */
  readonly said: Readonly<Record<string, unknown>>;
  /** Ends it as Ctrl-C does. @returns Its exit code. */
  stop(): Promise<number | null>;
}

/** @param packages - Paths of tarballs, and names with versions. */
export async function createConsumer(packages: readonly string[]): Promise<Consumer> {
  const folder = mkdtempSync(join(tmpdir(), 'casto-consumer-'));
  const npm = (args: readonly string[]): Promise<string> =>
    npmOutput(['--no-audit', '--no-fund', '--loglevel=error', ...args], { cwd: folder, env: ENVIRONMENT });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    write('package.json', JSON.stringify({ name: 'somebody-else', private: true, type: 'module' }));
    await npm(['install', '--prefer-offline', ...packages]);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    folder,
    write,
    npm,
    remove,
    run: (script, args = []) => runToEnd(folder, script, args),
    start: (command, args) => start(folder, join(folder, 'node_modules/.bin', command), args),
  };
}

async function runToEnd(folder: string, script: string, args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: folder,
    env: ENVIRONMENT,
    timeout: 3 * END_WITHIN_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  await once(child, 'close');
  return { code: child.exitCode, output };
}

async function start(folder: string, program: string, args: readonly string[]): Promise<Running> {
  const child = spawn(program, args, { cwd: folder, env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), once(child, 'error'), once(child, 'exit')]);
  const [line] = first as unknown[];
  if (typeof line !== 'string') throw new Error(`${program} ended before it said a line: ${errors}`);
  return { said: JSON.parse(line) as Record<string, unknown>, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
  await ended;
  clearTimeout(timer);
  return child.exitCode;
}
