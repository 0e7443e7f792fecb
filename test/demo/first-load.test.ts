/** What the demo costs a newcomer before anything is pressed: bytes, and time until the page answers. */

import { createServer, request } from 'node:http';
import type { Server } from 'node:http';
import { once } from 'node:events';

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

test('a page whose SDK did not come gets it later, and lists what is live, by itself', async () => {
  let isShut = true;
  const door = await startDoor(stage.relay.http, (path) => isShut && /\/casto-\w+\.js$/.test(path));
  try {
    const page = await stage.page(door.origin);
    await expectText(page, '#channels-count', '^The relay does not answer$');
    expect(await page.evaluate(() => document.querySelector('#channels-lost')?.checkVisibility())).toBe(true);
    isShut = false;
    await expectText(page, '#channels-count', 'Nobody at the moment');
  } finally {
    await door.close();
  }
});

/** The relay's web server through a door of its own, which some paths do not get through. */
async function startDoor(
  relay: string,
  isShut: (path: string) => boolean,
): Promise<{ origin: string; close(): Promise<void> }> {
  const server: Server = createServer((asked, answer) => {
    const path = asked.url ?? '/';
    if (isShut(path)) return void asked.socket.destroy();
    const onward = request(new URL(path, relay), { method: asked.method ?? 'GET' }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.once('error', () => answer.destroy());
    onward.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door has no port');
  return {
    origin: `http://127.0.0.1:${address.port}/`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
