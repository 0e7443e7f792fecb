/**
 * Runs the tests that name a rule, in one vitest that stays. A mutant is put in as its file is loaded, so nothing on
 * the disk is ever other than it was.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestModule } from 'vitest/node';
import { createVitest } from 'vitest/node';
import { mutate, type Mutant } from './mutant.ts';

export interface Outcome {
  /** Full names of tests. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

export interface TestRunner {
  /**
   * Runs the tests that name one of the rules.
   *
   * @throws {BrokenRunError} When they could not be run to their end: that shows nothing.
   */
  run(rules: readonly string[], mutant?: Mutant): Promise<Outcome>;
  close(): Promise<void>;
}

/** Tests did not get as far as to pass or fail. */
export class BrokenRunError extends Error {
  override readonly name = 'BrokenRunError';
}

/** Far more than the tests of any rule take. A mutant that makes one of them go on for ever is of no use. */
const LIMIT_MS = 300_000;

/** @param folder - Of the package. */
export async function openTestRunner(folder: string): Promise<TestRunner> {
  let current: Mutant | null = null;
  const plugin = {
    name: 'casto:mutant',
    enforce: 'pre' as const,
    transform: (code: string, id: string) =>
      current !== null && id === join(folder, current.file)
        ? { code: mutate(code, current), map: null }
        : undefined,
  };
  const vitest = await createVitest(
    'test',
    {
      root: folder,
      config: false,
      watch: false,
      reporters: [{}],
      pool: 'threads',
      setupFiles: [join(import.meta.dirname, 'drawn-alike.ts')],
      // Files kept from one run to the next would be mutants now and then.
      cache: false,
      fsModuleCache: false,
    },
    { plugins: [plugin] },
  );
  await vitest.standalone();

  const runTests = async (rules: readonly string[]): Promise<Outcome> => {
    const testNamePattern = namesOneOf(rules);
    const modules = new Set(filesNaming(folder, testNamePattern));
    const project = vitest.getRootProject();
    const specifications = [...modules].map((id) => project.createSpecification(id, { testNamePattern }));
    const { testModules, unhandledErrors } = await withinLimit(vitest.runTestSpecifications(specifications));
    if (unhandledErrors.length > 0) throw new BrokenRunError(String(unhandledErrors[0]));
    return outcomeOf(testModules.filter(({ moduleId }) => modules.has(moduleId)));
  };
  return {
    run: async (rules, mutant) => {
      if (mutant === undefined) return runTests(rules);
      const file = join(folder, mutant.file);
      current = mutant;
      vitest.invalidateFile(file);
      try {
        return await runTests(rules);
      } finally {
        current = null;
        vitest.invalidateFile(file);
      }
    },
    close: () => vitest.close(),
  };
}

function namesOneOf(rules: readonly string[]): RegExp {
  return new RegExp(`\\[[^\\]]*\\b(?:${rules.map((id) => id.replace('.', '\\.')).join('|')})\\b`);
}

function filesNaming(folder: string, name: RegExp): string[] {
  const tests = join(folder, 'test');
  return readdirSync(tests)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(tests, file))
    .filter((path) => name.test(readFileSync(path, 'utf8')));
}

function outcomeOf(modules: readonly TestModule[]): Outcome {
  const [error] = modules.flatMap((module) => module.errors());
  if (error !== undefined) throw new BrokenRunError(error.message);
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const named = (state: 'passed' | 'failed'): string[] =>
    tests.filter((test) => test.result().state === state).map(({ fullName }) => fullName);
  const outcome = { passed: named('passed'), failed: named('failed') };
  if (outcome.passed.length + outcome.failed.length === 0) throw new BrokenRunError('no test was run');
  return outcome;
}

async function withinLimit<T>(run: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BrokenRunError(`no end after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    return await Promise.race([run, limit]);
  } finally {
    clearTimeout(timer);
  }
}
