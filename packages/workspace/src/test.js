/** `npm test [-- name ...]`: provides what the tests need, runs them, and counts. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CHROMIUM, FIREFOX, provideBrowser } from './browsers.js';
import { build, TARGETS } from './build-targets.js';
import { ensureInstalled } from './installation.js';
import { runInstalled, runNpm } from './processes.js';
import { find, provide } from './programs.js';
import { PROMTOOL } from './promtool.js';
import { Tally } from './tally.js';
import { STEP_NAMES, stepsFor } from './test-steps.js';
import { progress, runTool, ToolFailure } from './tool-failure.js';
import { COTURN } from './turn-server.js';

await runTool(async () => {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !STEP_NAMES.includes(name));
  if (unknown !== undefined)
    throw new ToolFailure(`no tests called ${unknown}; there are ${STEP_NAMES.join(', ')}`);

  const steps = stepsFor(names);
  const tally = new Tally();
  await ensureInstalled();
  const needsPrograms = steps.some((step) => step.needsPrograms === true);
  const env = { ...process.env, ...(needsPrograms ? await providePrograms(tally) : findPrograms()) };
  const isBuilt = !steps.some((step) => step.needsBuild === true) || (await buildAll(tally));

  const failedSteps = await runSteps(steps, { env, tally, isBuilt });
  for (const failure of tally.failures) console.log(`failed: ${failure}`);
  if (failedSteps.length > 0) console.log(`failed: ${failedSteps.join(', ')}`);
  console.log(String(tally));
  return tally.failed === 0 ? 0 : 1;
});

/**
 * @param {readonly import('./test-steps.js').Step[]} steps
 * @param {{ env: NodeJS.ProcessEnv, tally: Tally, isBuilt: boolean }} circumstances
 * @returns {Promise<string[]>} The titles of those that failed.
 */
async function runSteps(steps, { env, tally, isBuilt }) {
  const failed = [];
  const reports = mkdtempSync(join(tmpdir(), 'casto-test-'));
  try {
    for (const [index, step] of steps.entries()) {
      const failedBefore = tally.failed;
      progress(step.title);
      if (step.needsBuild !== true || isBuilt)
        await runStep(step, env, tally, join(reports, `${index}.json`));
      else tally.addCase(false);
      if (tally.failed > failedBefore) failed.push(step.title);
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  return failed;
}

/**
 * @param {import('./test-steps.js').Step} step
 * @param {NodeJS.ProcessEnv} env
 * @param {Tally} tally
 * @param {string} report - Where a test runner may write.
 */
async function runStep({ kind, args, limitMs = 0 }, env, tally, report) {
  if (kind === 'script') {
    tally.addCase((await runNpm(['run', '--silent', ...args], { env })) === 0);
    return;
  }
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = ['run', '--passWithNoTests', ...reporters, ...args];
  const code = await runInstalled('vitest/vitest.mjs', vitest, { env, limitMs });
  tally.addVitest(report, code);
}

/**
 * @param {Tally} tally
 * @returns {Promise<Record<string, string>>} The variables that tell the tests where the programs are.
 * @throws {ToolFailure} When there is no Chromium.
 */
async function providePrograms(tally) {
  const chromium = await provideBrowser(CHROMIUM);
  if (chromium === null) {
    throw new ToolFailure(
      `no Chromium, and none could be installed; install one, or set ${CHROMIUM.variable} to its executable`,
    );
  }
  const others = [
    { program: FIREFOX, path: await provideBrowser(FIREFOX) },
    { program: COTURN, path: await provide(COTURN) },
    // Its package brings a server, which would run from then on where people work.
    { program: PROMTOOL, path: process.env['CI'] === 'true' ? await provide(PROMTOOL) : find(PROMTOOL) },
  ];
  for (const { program, path } of others) if (path === null) reportMissing(program, tally);
  return variables([{ program: CHROMIUM, path: chromium }, ...others]);
}

/**
 * @param {import('./programs.js').Program} program
 * @param {Tally} tally
 */
function reportMissing({ title, variable }, tally) {
  const isRequired = process.env['CI'] === 'true';
  progress(`no ${title}: its tests ${isRequired ? 'fail' : 'are skipped'}; ${variable} may name one`);
  if (isRequired) tally.addCase(false);
}

function findPrograms() {
  return variables(
    [CHROMIUM, FIREFOX, COTURN, PROMTOOL].map((program) => ({ program, path: find(program) })),
  );
}

/**
 * @param {readonly { program: import('./programs.js').Program, path: string | null }[]} found
 * @returns {Record<string, string>}
 */
function variables(found) {
  return Object.fromEntries(
    found.flatMap(({ program, path }) => (path === null ? [] : [[program.variable, path]])),
  );
}

/**
 * @param {Tally} tally
 * @returns {Promise<boolean>}
 */
async function buildAll(tally) {
  try {
    await build([...TARGETS.keys()], { only: 'stale' });
    tally.addCase(true);
    return true;
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error;
    progress(error.message);
    tally.addCase(false);
    return false;
  }
}
