/** Clients of WHIP and WHEP that others have written, with candidates that trickle in by PATCH. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { useRelayStage } from '../broadcast/relay-stage.ts';
import { openPage, VIDEO } from '../broadcast/stage.ts';

const { resolve } = createRequire(import.meta.url);
const relayStage = useRelayStage({
  files: {
    '/whip.js': readFileSync(resolve('whip-whep/whip.js'), 'utf8'),
    '/whep.js': readFileSync(resolve('whip-whep/whep.js'), 'utf8'),
  },
  imports: `import { WHIPClient } from '/whip.js'; import { WHEPClient } from '/whep.js';
    Object.assign(globalThis, { WHIPClient, WHEPClient });`,
});

interface Publisher {
  publish(pc: RTCPeerConnection, url: string): Promise<void>;
  stop(): Promise<void>;
}

interface Player {
  view(pc: RTCPeerConnection, url: string): Promise<void>;
}

declare global {
  var WHIPClient: new () => Publisher;
  var WHEPClient: new () => Player;
  var published: Publisher;
  /** Of the relay, to each PATCH. */
  var answers: number[];
}

/** How the relay answers each PATCH of the page. */
async function noteAnswers(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    const { fetch } = globalThis;
    globalThis.answers = [];
    globalThis.fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (init?.method === 'PATCH') answers.push(response.status);
      return response;
    };
  });
}

async function answersTo(page: BrowserPage): Promise<number[]> {
  return page.evaluate(() => answers);
}

/** Whether a channel of this title is broadcast. */
async function isLive(name: string): Promise<boolean> {
  const response = await fetch(`${relayStage.relay.http}/health`);
  const { channels } = (await response.json()) as { channels: { title: string; live: boolean }[] };
  return channels.some(({ title, live }) => title === name && live);
}

test('the package whip-whep publishes from Chromium, and plays in Firefox', async () => {
  const publisher = await relayStage.newPage();
  await noteAnswers(publisher);
  await publisher.evaluate(async (url) => {
    const source = await castoHarness.createSyntheticSource({});
    const pc = new RTCPeerConnection();
    for (const track of source.stream.getTracks()) {
      pc.addTransceiver(track, { direction: 'sendonly', streams: [source.stream] });
    }
    globalThis.published = new WHIPClient();
    await published.publish(pc, url);
  }, `${relayStage.relay.http}/whip/package`);

  const player = await openPage(await relayStage.newBrowser('firefox'), relayStage.origin);
  await noteAnswers(player);
  await player.evaluate(async (url) => {
    const pc = new RTCPeerConnection();
    const stream = new MediaStream();
    pc.ontrack = ({ track }) => stream.addTrack(track);
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
    await new WHEPClient().view(pc, url);
    const video = document.querySelector('video');
    if (video) video.srcObject = stream;
  }, `${relayStage.relay.http}/whep/package`);
  await expectPicturesAdvance(player, VIDEO, { atLeast: 20, withinMs: 30_000 });
  await expectTone(player, VIDEO, { withinMs: 10_000 });

  for (const page of [publisher, player]) {
    await expect.poll(() => answersTo(page), { timeout: 10_000 }).toContain(204);
    expect(new Set(await answersTo(page))).toEqual(new Set([204]));
  }
  expect(await isLive('package')).toBe(true);
  await publisher.evaluate(() => published.stop());
  await expect.poll(() => isLive('package'), { timeout: 10_000 }).toBe(false);
}, 90_000);
