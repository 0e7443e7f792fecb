/** `npm start [-- relay options]`: installs and builds what is missing, then runs a relay that serves the demo. */

import { spawn } from 'node:child_process';

import { build, RELAY_WITH_DEMO } from './build-targets.js';
import { ensureInstalled } from './installation.js';
import { inRoot } from './paths.js';
import { exitCode, runtime } from './processes.js';
import { runTool } from './tool-failure.js';

/**
 * One Ctrl-C arrives twice: from the terminal, and from npm, which passes it on. The relay takes a second one as
 * "at once", so those that follow within this time count as the same.
 */
const ECHO_MS = 500;

/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500;

await runTool(async () => {
  await ensureInstalled();
  await build(RELAY_WITH_DEMO, { only: 'stale' });
  return runRelay(process.argv.slice(2));
});

/**
 * @param {readonly string[]} args
 * @returns {Promise<number>} Its exit code.
 */
function runRelay(args) {
  return new Promise((done, failed) => {
    const relay = spawn(runtime(), [inRoot('relay-node/dist/cli.js'), ...args], {
      stdio: 'inherit',
      // Where process groups exist, one of its own keeps the terminal's copy of the signal away from it.
      detached: process.platform !== 'win32',
    });
    const stopWatching = watchNpm(() => relay.kill('SIGTERM'));
    let lastSignalMs = -Infinity;
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
      process.on(signal, () => {
        const nowMs = performance.now();
        if (nowMs - lastSignalMs > ECHO_MS) relay.kill(signal);
        lastSignalMs = nowMs;
      });
    }
    relay.once('error', failed);
    relay.once('exit', (code, signal) => {
      stopWatching();
      done(exitCode(code, signal));
    });
  });
}

/**
 * npm runs us through a shell, and a shell that is ended by SIGTERM does not pass it on: we only see that our parent
 * is another. Without npm, a new parent means nothing, as after `disown`.
 *
 * @param {() => void} onGone
 * @returns {() => void} Ends the watch.
 */
function watchNpm(onGone) {
  if (process.env['npm_lifecycle_event'] === undefined) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, PARENT_CHECK_MS);
  return () => clearInterval(timer);
}
