/** What the demo costs a newcomer before anything is pressed: bytes, and time until the page answers. */

import { expect, test } from 'vitest';

import { expectText, expectView, useDemoStage } from './demo-stage.ts';

/** Everything that the start page asks for, as it comes over the wire, after gzip. */
const FIRST_LOAD_BYTES = 200_000;
/** The goal on loopback: a busy machine with two cores took 0.14 to 0.27 s. */
const INTERACTIVE_MS = 1500;

const stage = useDemoStage();

test('the start page comes in 200 kB, its list of channels included, and answers within a second and a half', async () => {
  const page = await stage.page('/');
  await expectText(page, '#channels-count', 'Nobody at the moment');
  const seen = await page.evaluate(() => {
    const entries = [
      ...performance.getEntriesByType('navigation'),
      ...performance.getEntriesByType('resource'),
    ] as PerformanceResourceTiming[];
    return {
      bytes: entries.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
      files: entries.map(({ name, encodedBodySize }) => `${encodedBodySize} ${name}`),
      interactiveMs: performance.getEntriesByName('casto-interactive')[0]?.startTime ?? Infinity,
    };
  });
  console.log(`first load ${seen.bytes} bytes, interactive after ${Math.round(seen.interactiveMs)} ms`);
  console.log(seen.files.join('\n'));
  expect(seen.bytes).toBeGreaterThan(50_000);
  expect(seen.bytes).toBeLessThanOrEqual(FIRST_LOAD_BYTES);
  expect(seen.interactiveMs).toBeLessThan(INTERACTIVE_MS);
});

test('what only some need comes later: preparation, session, graphs, tree and QR code', async () => {
  const page = await stage.page('/');
  await expectView(page, 'home');
  await expectText(page, '#channels-count', 'Nobody at the moment');
  const early = page.requests.join(' ');
  for (const part of ['go-live', 'session', 'statistics', 'tree-panel', 'qr'])
    expect(early).not.toContain(part);
  await page.click('#to-go-live');
  await expectView(page, 'go-live');
  expect(page.requests.join(' ')).toContain('go-live');
});
