import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';

import { inRoot, ROOT } from './paths.js';
import { ToolFailure } from './tool-failure.js';

/** libp2p needs Promise.withResolvers, and the test runner asks for the same. */
const LEAST_RUNTIME_MAJOR = 22;

const IS_WINDOWS = process.platform === 'win32';

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {'shown' | 'hidden'} [output] - Errors are always shown.
 * @property {number} [limitMs] - After this it is ended with SIGTERM.
 */

/**
 * Runs a program; what it prints goes straight to ours.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<number>} The exit code, or 128 + the signal's number as in a shell.
 */
export function run(command, args, { cwd = ROOT, env = process.env, output = 'shown', limitMs } = {}) {
  return new Promise((done, failed) => {
    const stdio = /** @type {const} */ (['inherit', output === 'shown' ? 'inherit' : 'ignore', 'inherit']);
    const child = spawn(command, args, { cwd, env, timeout: limitMs, stdio: [...stdio] });
    child.once('error', failed);
    child.once('exit', (code, signal) => done(exitCode(code, signal)));
  });
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
export function exitCode(code, signal) {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/**
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function runNpm(args, options) {
  const { command, before } = npmCommand();
  return run(command, [...before, ...args], options);
}

/** In bytes: npm tells of each file that it packs. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} What npm printed.
 * @throws {ToolFailure} When npm fails.
 */
export function npmOutput(args, { cwd, env = process.env }) {
  const { command, before } = npmCommand();
  const options = { cwd, env, maxBuffer: MAX_OUTPUT_BYTES };
  return new Promise((done, failed) => {
    execFile(command, [...before, ...args], options, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else failed(new ToolFailure(`npm ${args.join(' ')} failed in ${cwd}: ${stderr || error.message}`));
    });
  });
}

function npmCommand() {
  const script = process.env['npm_execpath'];
  if (script !== undefined && script.endsWith('npm-cli.js') && existsSync(script)) {
    return { command: process.execPath, before: [script] };
  }
  // Only cmd.exe can start npm.cmd; none of the arguments that come here need quoting.
  return IS_WINDOWS ? { command: 'cmd.exe', before: ['/d', '/c', 'npm'] } : { command: 'npm', before: [] };
}

/**
 * The Node that the product runs on: the npm package `node`, whatever the system has.
 *
 * @throws {ToolFailure} When there is none that is recent enough.
 */
export function runtime() {
  const installed = inRoot('node_modules/node/bin', IS_WINDOWS ? 'node.exe' : 'node');
  if (existsSync(installed)) return installed;
  if (Number(process.versions.node.split('.')[0]) >= LEAST_RUNTIME_MAJOR) return process.execPath;
  throw new ToolFailure(
    `node_modules has no Node ${LEAST_RUNTIME_MAJOR} or later, and this is ${process.version}; ` +
      'the package "node" fetches one in its install script: npm rebuild node --ignore-scripts=false',
  );
}

/**
 * Runs one of the installed tools on that Node.
 *
 * @param {string} script - Below node_modules.
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function runInstalled(script, args, options) {
  return run(runtime(), [inRoot('node_modules', script), ...args], options);
}
