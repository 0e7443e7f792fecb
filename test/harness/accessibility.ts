import axe from 'axe-core';

import type { BrowserPage } from './browser-page.ts';

interface AxeInPage {
  axe: {
    run(): Promise<{
      passes: unknown[];
      violations: { id: string; impact: string | null; nodes: { html: string }[] }[];
    }>;
  };
}

/** What axe-core finds that keeps people out, or makes it hard for them. */
export async function seriousProblems(page: BrowserPage): Promise<string[]> {
  // The page allows no scripts of others, so the driver runs it, which takes the text of a function.
  const run = Object.assign((): void => {}, { toString: () => `() => { ${axe.source} }` });
  await page.evaluate(run);
  return page.evaluate(async () => {
    const { passes, violations } = await (globalThis as unknown as AxeInPage).axe.run();
    if (passes.length < 10) return ['axe looked at nothing'];
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`);
  });
}
