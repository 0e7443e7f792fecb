import axe from 'axe-core';

import type { BrowserPage } from './browser-page.ts';

interface AxeInPage {
  axe: {
    run(): Promise<{
      passes: unknown[];
      violations: { id: string; impact: string | null; nodes: { html: string; failureSummary?: string }[] }[];
    }>;
  };
}

interface Problem {
  readonly impact: string | null;
  readonly words: string;
}

/** What axe-core finds that keeps people out, or makes it hard for them. */
export async function seriousProblems(page: BrowserPage): Promise<string[]> {
  const found = await problemsIn(page);
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ words }) => words);
}

/** Whatever axe-core finds, small things too. */
export async function allProblems(page: BrowserPage): Promise<string[]> {
  return (await problemsIn(page)).map(({ words }) => words);
}

async function problemsIn(page: BrowserPage): Promise<Problem[]> {
  // The page allows no scripts of others, so the driver runs it, which takes the text of a function.
  const run = Object.assign((): void => {}, { toString: () => `() => { ${axe.source} }` });
  await page.evaluate(run);
  return page.evaluate(async () => {
    const { passes, violations } = await (globalThis as unknown as AxeInPage).axe.run();
    if (passes.length < 10) return [{ impact: 'critical', words: 'axe looked at nothing' }];
    return violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ html, failureSummary }) => ({
        impact,
        words: `${id} (${impact}): ${html.slice(0, 200)} ${failureSummary ?? ''}`,
      })),
    );
  });
}
