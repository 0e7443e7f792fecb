import { readFile } from 'node:fs/promises';
import { format } from 'prettier';
import { expect, test } from 'vitest';
import { renderHelp, renderMarkdownTable } from '../src/help.ts';
import { environmentName, options } from '../src/options.ts';

const readmeFile = new URL('../README.md', import.meta.url);

test('the table of the README is the table of the program', async () => {
  const readme = await readFile(readmeFile, 'utf8');
  const section = /<!-- options:[^>]*-->\n(.*)<!-- \/options -->/s.exec(readme)?.[1];
  const table = await format(renderMarkdownTable(), { parser: 'markdown' });
  expect(section?.trim(), 'paste the received table into README.md').toBe(table.trim());
});

test('help and table name every option, and help fits a terminal', () => {
  const help = renderHelp('1.2.3');
  for (const { flag } of Object.values(options)) {
    expect(help).toContain(`  --${flag}`);
    expect(renderMarkdownTable()).toContain(`\`${environmentName(flag)}\``);
  }
  for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
});
