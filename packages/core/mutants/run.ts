/** `npm run mutants [-- --rule J5.1]`: whether the tests notice when a rule of PROTOCOL.md is not kept. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MisplacedError, mutate, type Mutant } from './mutant.ts';
import { HELP, parseOptions, UsageError } from './options.ts';
import { ruleLines, totalLine, type Verdict } from './report.ts';
import { MUTANTS, UNREMOVABLE } from './table.ts';
import { BrokenRunError, openTestRunner, type TestRunner } from './test-runner.ts';

const FOLDER = join(import.meta.dirname, '..');

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, new Set(MUTANTS.map(({ rule }) => rule)));
  if (options === 'help') {
    console.log(HELP);
    return 0;
  }
  const { rules } = options;
  const chosen = MUTANTS.filter(({ rule }) => rules === null || rules.has(rule));
  for (const mutant of chosen) mutate(readFileSync(join(FOLDER, mutant.file), 'utf8'), mutant);
  const verdicts = await judgeAll(Map.groupBy(chosen, ({ rule }) => rule));
  if (verdicts === null) return 1;

  for (const [rule, its] of Map.groupBy(verdicts, ({ mutant }) => mutant.rule)) {
    for (const line of ruleLines(rule, its)) console.log(line);
  }
  if (rules === null) for (const [rule, reason] of UNREMOVABLE) console.log(`${rule} left out: ${reason}`);
  console.log(totalLine(verdicts));
  return verdicts.some(({ killedBy }) => killedBy === null) ? 1 : 0;
}

/** @returns `null` when the tests fail already without a mutant. */
async function judgeAll(mutants: ReadonlyMap<string, readonly Mutant[]>): Promise<Verdict[] | null> {
  console.error(`the tests of ${mutants.size} rules as they are`);
  const [broken] = (await withRunner((runner) => runner.run([...mutants.keys()]))).failed;
  if (broken !== undefined) {
    console.error(`fails without any mutant: ${broken}`);
    return null;
  }
  const verdicts: Verdict[] = [];
  for (const [rule, its] of mutants) {
    const judged = await withRunner((runner) => judgeRule(runner, its));
    const killed = judged.filter(({ killedBy }) => killedBy !== null).length;
    console.error(`${rule}: ${killed} of ${its.length} killed`);
    verdicts.push(...judged);
  }
  return verdicts;
}

async function judgeRule(runner: TestRunner, mutants: readonly Mutant[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const mutant of mutants) {
    try {
      const { failed } = await runner.run([mutant.rule], mutant);
      verdicts.push({ mutant, killedBy: failed[0] ?? null });
    } catch (cause) {
      if (!(cause instanceof BrokenRunError)) throw cause;
      throw new BrokenRunError(`${mutant.rule}, ${mutant.find} in ${mutant.file}: ${cause.message}`, {
        cause,
      });
    }
  }
  return verdicts;
}

/** A runner serves one rule: vitest is not made to be started hundreds of times in one life. */
async function withRunner<T>(use: (runner: TestRunner) => Promise<T>): Promise<T> {
  const runner = await openTestRunner(FOLDER);
  const result = await use(runner);
  await runner.close();
  return result;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isExpected = [UsageError, MisplacedError, BrokenRunError].some((type) => error instanceof type);
  console.error(isExpected && error instanceof Error ? error.message : error);
  // At once: the thread of a test that never ends would keep the process alive.
  process.exit(error instanceof UsageError ? 2 : 1);
}
