/** The relay's `/embed` in a frame of another site. */

import { expect, test } from 'vitest';

import { seriousProblems } from '../harness/accessibility.ts';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPart, expectPlayerShows, expectState, partText, usePlayerStage } from './player-stage.ts';

const stage = usePlayerStage({
  '/site': '<!doctype html><html lang="en"><title>A site</title><link rel="icon" href="data:,"><body>',
});

async function embed(markup: string): Promise<{ site: BrowserPage; frame: BrowserPage }> {
  const site = await stage.openAt(`${stage.origin}/site`);
  await site.evaluate((html) => {
    document.body.innerHTML = html;
    return new Promise((resolve) => document.querySelector('iframe')?.addEventListener('load', resolve));
  }, markup);
  return { site, frame: site.frame('/embed') };
}

/** What the demo puts on the clipboard of whoever watches there. */
async function copyHtml(channel: string): Promise<string> {
  const demo = await stage.openAt(`${stage.relay.http}/#casto=${channel}&panel=share`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  await demo.click('#embed summary');
  await demo.click('#copy-embed');
  await demo.waitFor(() => document.querySelector('#copy-embed')?.textContent === 'Copied', {
    timeoutMs: 5_000,
  });
  const html = await demo.evaluate(() => navigator.clipboard.readText());
  await demo.close();
  return html;
}

test('the HTML that the demo copies shows a broadcast in any page, and may fill its screen', async () => {
  const { broadcast } = await stage.goLive();
  const { site, frame } = await embed(await copyHtml(broadcast.channel));
  expect(new URL(await frame.evaluate(() => location.href)).origin).not.toBe(stage.origin);
  await expectState(frame, 'live');
  await expectPlayerShows(frame, { tag: 7 });
  await expectPart(frame, 'fullscreen', /Full screen/, { hover: true });
  await frame.click('#player [part~=fullscreen]');
  await site.waitFor(() => document.fullscreenElement?.tagName === 'IFRAME', { timeoutMs: 5_000 });
  expect(await seriousProblems(frame)).toEqual([]);
  expect(site.errors).toEqual([]);
});

test('a frame that allows no full screen has no button for it', async () => {
  const { broadcast } = await stage.goLive();
  const markup = `<iframe src="${stage.relay.http}/embed#casto=${broadcast.channel}&autoplay&muted"></iframe>`;
  const { frame } = await embed(markup);
  await expectState(frame, 'live');
  await expectPart(frame, 'badge', /Live/);
  expect(await partText(frame, 'fullscreen')).toBeNull();
  expect(await frame.evaluate(() => document.querySelector('casto-player')?.muted)).toBe(true);
});

test('without autoplay it waits for the button; another address is another broadcast', async () => {
  const [first, second] = [await stage.goLive(1), await stage.goLive(2)];
  const page = await stage.openAt(`${stage.relay.http}/embed#casto=${first.broadcast.channel}`);
  await expectPart(page, 'big-play', /Play/);
  await page.click('#player [part~=big-play]');
  await expectState(page, 'live');
  await expectPlayerShows(page, { tag: 1 });
  await page.evaluate((channel) => void (location.hash = `casto=${channel}`), second.broadcast.channel);
  await page.waitFor(
    (channel) => document.querySelector('casto-player')?.casto?.channel === channel,
    { timeoutMs: 5_000 },
    second.broadcast.channel,
  );
  await expectState(page, 'live');
  await expectPlayerShows(page, { tag: 2 });
});

test('an address without a channel says so, and never broadcasts', async () => {
  const page = await stage.openAt(`${stage.relay.http}/embed#autoplay`);
  await expectPart(page, 'message-title', /Nothing to watch/);
  expect(await page.evaluate(() => castoHarness.openConnections().length)).toBe(0);
});

test('no other page of the relay goes into frames of other sites', async () => {
  const site = await stage.openAt(`${stage.origin}/site`);
  await site.evaluate((src) => {
    const frame = document.createElement('iframe');
    frame.src = src;
    document.body.append(frame);
    return new Promise((resolve) => frame.addEventListener('load', resolve));
  }, `${stage.relay.http}/`);
  expect(site.errors.join()).toMatch(/frame-ancestors/);
});
