/** What breaks comes back by itself, in the stream that the page already holds. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import {
  beginWatching,
  countEvents,
  enter,
  goLive,
  openPage,
  startFailure,
  startStage,
  stats,
  stop,
  VIDEO,
  waitForEvent,
  watch,
} from './stage.ts';

let relays: RelayProcess[] = [];
let server: PageServer;
let browser: RunningBrowser;

beforeEach(async () => {
  relays = [await startRelay({ flags: ['--no-mdns'] })];
  server = await startStage(first());
  browser = await launchBrowser('chromium');
});

afterEach(async () => {
  await browser?.close();
  await server?.close();
  await Promise.all(relays.map((relay) => relay.stop()));
});

function first(): RelayProcess {
  const [relay] = relays;
  if (!relay) throw new Error('no relay');
  return relay;
}

/** Whether the video still shows the stream that `start()` gave. */
async function showsSameStream(page: BrowserPage): Promise<boolean> {
  return page.evaluate(async () => document.querySelector('video')?.srcObject === (await stage.started));
}

test('a relay that is killed and started again has its streamer and viewers back', async () => {
  const options = { relays: [first().http] };
  const streamer = await openPage(browser, server.origin);
  const { channel } = await goLive(streamer, options);
  const viewer = await openPage(browser, server.origin);
  await watch(viewer, { ...options, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });

  await first().kill();
  await viewer.waitFor(async () => (await stage.casto.stats()).parents.length === 0, {
    timeoutMs: 10_000,
    what: 'the viewer knows that its parent is gone',
  });
  await first().restart();

  await waitForEvent(streamer, 'live', { count: 2, timeoutMs: 40_000 });
  await waitForEvent(viewer, 'attached', { count: 2, timeoutMs: 40_000 });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
  await expectTone(viewer, VIDEO, { withinMs: 10_000 });
  expect(await showsSameStream(viewer)).toBe(true);
}, 120_000);

test('streamer and viewer go to another relay of their list', async () => {
  const second = await startRelay({ flags: ['--no-mdns'] });
  relays.push(second);
  const options = { relays: [first().http, second.http] };
  const streamer = await openPage(browser, server.origin);
  const { channel } = await goLive(streamer, options);
  const viewer = await openPage(browser, server.origin);
  await watch(viewer, { ...options, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });

  await first().kill();

  await waitForEvent(viewer, 'parent-changed', { timeoutMs: 60_000 });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
  expect((await stats(viewer)).parents.map(({ peerId }) => peerId)).toEqual([second.peerId]);
  expect(await showsSameStream(viewer)).toBe(true);
}, 120_000);

test('a streamer that reloads its page keeps its channel, and its viewers go on', async () => {
  const options = { relays: [first().http] };
  const streamer = await openPage(browser, server.origin);
  const before = await goLive(streamer, options, { tag: 1 });
  const viewer = await openPage(browser, server.origin);
  await watch(viewer, { ...options, channel: before.channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000, tag: 1 });

  await enter(streamer, server.origin);
  const after = await goLive(streamer, options, { tag: 2 });

  expect(after.channel).toBe(before.channel);
  await viewer.waitFor(
    async () => {
      const video = document.querySelector('video');
      if (!video) return false;
      const readings = await castoHarness.readPictures(video, { atLeast: 3, withinMs: 3_000 });
      return readings.some(({ tag }) => tag === 2);
    },
    { timeoutMs: 40_000, what: 'pictures of the reloaded page' },
  );
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000, tag: 2 });
  await expectTone(viewer, VIDEO, { withinMs: 10_000 });
  expect(await showsSameStream(viewer)).toBe(true);
}, 120_000);

test('a second tab broadcasts under a key of its own', async () => {
  const options = { relays: [first().http] };
  const streamer = await openPage(browser, server.origin);
  const one = await goLive(streamer, options);
  const tab = await streamer.newTab();
  await enter(tab, server.origin);
  const other = await goLive(tab, options);
  expect(other.channel).not.toBe(one.channel);
});

test('a channel that is known but not live is waited for', async () => {
  const options = { relays: [first().http] };
  const streamer = await openPage(browser, server.origin);
  const { channel } = await goLive(streamer, options);
  await stop(streamer);

  const viewer = await openPage(browser, server.origin);
  await beginWatching(viewer, { ...options, channel });
  const isWaiting = await viewer.evaluate(() =>
    Promise.race([
      stage.started.then(
        () => 'started',
        (error: Error) => error.message,
      ),
      new Promise((resolve) => setTimeout(() => resolve('waiting'), 2_500)),
    ]),
  );
  expect(isWaiting).toBe('waiting');

  await enter(streamer, server.origin);
  expect((await goLive(streamer, options)).channel).toBe(channel);
  await viewer.evaluate(async () => void (await stage.started));
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
}, 120_000);

test('waiting ends with `aborted` when the viewer stops', async () => {
  const options = { relays: [first().http] };
  const streamer = await openPage(browser, server.origin);
  const { channel } = await goLive(streamer, options);
  await stop(streamer);
  const viewer = await openPage(browser, server.origin);
  await beginWatching(viewer, { ...options, channel });
  await viewer.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
  await stop(viewer);
  expect(await startFailure(viewer)).toBe('aborted');
});

test('an aborted signal is like stop()', async () => {
  const options = { relays: [first().http] };
  const { channel } = await goLive(await openPage(browser, server.origin), options);
  const viewer = await openPage(browser, server.origin);
  const outcome = await viewer.evaluate(
    async (watched) => {
      const controller = new AbortController();
      const casto = new stage.CASTO({ ...watched, signal: controller.signal });
      const stream = await casto.start();
      controller.abort();
      await casto.stop();
      const late = new stage.CASTO({ ...watched, signal: controller.signal });
      const reason = await late.start().then(
        () => null,
        (error: { reason: string }) => error.reason,
      );
      return { tracks: stream.getTracks().length, reason };
    },
    { ...options, channel },
  );
  expect(outcome).toEqual({ tracks: 0, reason: 'aborted' });
});

test('an unknown channel, a wrong id and a missing relay are told apart', async () => {
  const viewer = await openPage(browser, server.origin);
  const unknown = first().peerId;
  await beginWatching(viewer, { relays: [first().http], channel: unknown });
  expect(await startFailure(viewer)).toBe('channel-not-found');

  await beginWatching(viewer, { relays: [first().http], channel: 'nonsense' });
  expect(await startFailure(viewer)).toBe('protocol');

  await beginWatching(viewer, { relays: ['http://127.0.0.1:9'], channel: unknown });
  expect(await startFailure(viewer)).toBe('no-relay');
  expect(await countEvents(viewer, 'attached')).toBe(0);
});
