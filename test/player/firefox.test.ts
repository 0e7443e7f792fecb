/** The player in Firefox, over the local network: it gathers no candidate on 127.0.0.1. */

import { expect, test } from 'vitest';

import { goLive, openPage, startStage } from '../broadcast/stage.ts';
import { launchBrowser, skipReason } from '../harness/browsers.ts';
import { lanAddress } from '../harness/page-server.ts';
import { startRelay } from '../harness/relay-process.ts';
import { expectPart, expectPlayerShows, expectState } from './player-stage.ts';

const reason = lanAddress() === null ? 'no address but loopback' : skipReason('firefox');

test.skipIf(reason !== null)(
  `Firefox plays, pauses and mutes ${reason ?? ''}`,
  async () => {
    const relay = await startRelay({ host: '0.0.0.0' });
    const server = await startStage(relay);
    const [chromium, firefox] = [await launchBrowser('chromium'), await launchBrowser('firefox')];
    try {
      const streamer = await openPage(chromium, server.origin);
      const source = { width: 640, height: 360, tag: 9 };
      const { channel } = await goLive(streamer, { relays: [relay.http] }, source);
      const page = await firefox.newPage();
      await page.goto(
        `http://${lanAddress() ?? ''}:${new URL(relay.http).port}/embed#casto=${channel}&autoplay&muted`,
      );
      await expectState(page, 'live');
      await expectPlayerShows(page, { tag: 9 });
      await expectPart(page, 'badge', /Live/);
      await expectPart(page, 'quality', /360p/, { hover: true });
      const facts = await page.evaluate(() => {
        const player = document.querySelector('casto-player');
        if (!player) throw new Error('no player');
        player.pause();
        const paused = [player.paused, player.video.paused];
        player.play();
        player.muted = false;
        return { paused, muted: player.muted };
      });
      expect(facts).toEqual({ paused: [true, true], muted: false });
      await expectPlayerShows(page, { tag: 9 });
      expect(page.errors).toEqual([]);
    } finally {
      await Promise.all([chromium.close(), firefox.close()]);
      await server.close();
      await relay.stop();
    }
  },
  120_000,
);
