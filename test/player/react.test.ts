/** @casto/react in a real browser, with the double effects of StrictMode, under each React that it is for. */

import { fileURLToPath } from 'node:url';

import { build, type AliasOptions } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';

import { REACT_18 } from '../../packages/react-18/aliases.ts';
import { startPageServer, type PageServer } from '../harness/page-server.ts';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPlayerShows, expectState, LIVE_MS, usePlayerStage } from './player-stage.ts';
import type { Shown } from './react-app.ts';

const LOSS_MS = 20_000;
const RECONNECT_MS = 40_000;

const stage = usePlayerStage();
let server: PageServer;

async function serveApp(react: AliasOptions): Promise<PageServer> {
  return startPageServer({
    '/': `<!doctype html><html lang="en"><title>React</title><link rel="icon" href="data:,"><body>
      <script type="module" src="/app.js"></script>`,
    '/app.js': await bundleApp(react),
  });
}

/** In development mode: StrictMode does nothing in the other. */
async function bundleApp(react: AliasOptions): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { alias: react },
    define: { 'process.env.NODE_ENV': '"development"' },
    build: {
      lib: {
        entry: fileURLToPath(new URL('react-app.ts', import.meta.url)),
        formats: ['es'],
        fileName: 'app',
      },
      rolldownOptions: { output: { codeSplitting: false } },
      write: false,
      minify: false,
      target: 'es2022',
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  const [chunk] = outputs.flatMap((output) => (output.type === 'chunk' ? [output.code] : []));
  if (chunk === undefined) throw new Error('the app gave no code');
  return chunk;
}

async function openApp(): Promise<BrowserPage> {
  const page = await stage.openAt(server.origin);
  await page.waitFor(() => 'show' in globalThis, { timeoutMs: 10_000 });
  return page;
}

async function render(page: BrowserPage, shown: Partial<Shown>): Promise<void> {
  const { player = null, hook = null, list = 'hidden' } = shown;
  await page.evaluate((props) => show(props), { player, hook, list, relay: stage.relay.http });
}

describe.each([
  ['18', REACT_18],
  ['19', []],
])('React %s', (majorVersion, alias) => {
  beforeAll(async () => {
    server = await serveApp(alias);
    return () => server.close();
  }, 120_000);

  test('is what the page has', async () => {
    const page = await openApp();
    expect(await page.evaluate(() => reactVersion)).toMatch(new RegExp(`^${majorVersion}\\.`));
  });

  test('<CastoPlayer> plays, tells what happens, and is gone with its component', async () => {
    const { broadcast } = await stage.goLive(5);
    const page = await openApp();
    await render(page, { player: broadcast.channel });
    await expectState(page, 'live');
    await expectPlayerShows(page, { tag: 5 });
    await page.waitFor(() => heard.includes('stats'), { timeoutMs: 5_000 });
    // Once each: the trial run of effects began nothing, and lost nothing.
    expect(await page.evaluate(() => heard.filter((fact) => fact !== 'stats'))).toEqual([
      'player connecting',
      'player live',
    ]);
    expect(
      await page.evaluate(() => ({
        isElement: playerRef.current === document.querySelector('casto-player'),
        className: playerRef.current?.className,
        muted: playerRef.current?.muted,
        controls: playerRef.current?.controls,
        slot: document.querySelector('#logo')?.assignedSlot?.name,
      })),
    ).toEqual({ isElement: true, className: 'mine', muted: true, controls: true, slot: 'overlay' });

    await render(page, {});
    await page.waitFor(() => castoHarness.openConnections().length === 0, { timeoutMs: 10_000 });
    expect(page.errors).toEqual([]);
  });

  test('<CastoPlayer> follows its props', async () => {
    const [first, second] = [await stage.goLive(1), await stage.goLive(2)];
    const page = await openApp();
    await render(page, { player: first.broadcast.channel });
    await expectState(page, 'live');
    await render(page, { player: second.broadcast.channel });
    await page.waitFor(
      (channel) => playerRef.current?.casto?.channel === channel && playerRef.current.state === 'live',
      { timeoutMs: LIVE_MS },
      second.broadcast.channel,
    );
    await expectPlayerShows(page, { tag: 2 });
  });

  test('useCasto() gives stream, state and figures, begins once, and stops with its component', async () => {
    const { broadcast } = await stage.goLive(6);
    const page = await openApp();
    await render(page, { hook: broadcast.channel });
    await page.waitFor(() => use?.state === 'live' && use.stats !== null, { timeoutMs: LIVE_MS });
    const tags = await page.evaluate(async () => {
      const video = document.querySelector('video');
      if (!video) throw new Error('no video');
      const readings = await castoHarness.readPictures(video, { atLeast: 10, withinMs: 15_000 });
      return [...new Set(readings.flatMap(({ number, tag }) => (number === null ? [] : [tag])))];
    });
    expect(tags).toEqual([6]);
    expect(await page.evaluate(() => heard)).toEqual([
      'hook idle',
      'hook idle',
      'hook connecting',
      'hook live',
    ]);
    expect(await page.evaluate(() => use?.casto?.channel)).toBe(broadcast.channel);

    await render(page, {});
    await page.waitFor(() => castoHarness.openConnections().length === 0, { timeoutMs: 10_000 });
    expect(page.errors).toEqual([]);
  });

  test('useChannels() lists what is live, and is told of what begins and ends', async () => {
    const first = await stage.goLive(1);
    const page = await openApp();
    await render(page, { list: 'shown' });
    const lists = async (...channels: string[]): Promise<unknown> =>
      page.waitFor(
        (wanted) =>
          channelsUse?.channels
            .map(({ channel }) => channel)
            .sort()
            .join() === wanted,
        { timeoutMs: LIVE_MS, what: `${channels.length} channels` },
        [...channels].sort().join(),
      );
    await lists(first.broadcast.channel);
    expect(await page.evaluate(() => channelsUse?.state)).toBe('connected');
    expect(await page.evaluate(() => document.querySelectorAll('li').length)).toBe(1);
    const second = await stage.goLive(2);
    await lists(first.broadcast.channel, second.broadcast.channel);
    await first.streamer.evaluate(() => globalThis.stage.casto.stop());
    await lists(second.broadcast.channel);

    await render(page, {});
    await page.waitFor(() => castoHarness.openConnections().length === 0, { timeoutMs: 10_000 });
    expect(page.errors).toEqual([]);
  });
});

test('useCasto() tells a failure until the broadcast goes on', async () => {
  server = await serveApp([]);
  const page = await openApp();
  await render(page, { hook: 'camera' });
  await page.waitFor(() => use?.state === 'live', { timeoutMs: LIVE_MS });
  await stage.relay.kill();
  await page.waitFor(() => use?.error?.reason === 'no-relay', { timeoutMs: LOSS_MS, what: 'a failure' });
  expect(await page.evaluate(() => use?.state)).toBe('reconnecting');
  await stage.relay.restart();
  await page.waitFor(() => use?.state === 'live' && use.error === null, {
    timeoutMs: RECONNECT_MS,
    what: 'the broadcast without a failure',
  });
  await render(page, {});
  await page.waitFor(() => castoHarness.openConnections().length === 0, { timeoutMs: 10_000 });
  await server.close();
}, 120_000);
