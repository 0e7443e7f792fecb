/** Firefox, plain-http pages of the local network, and relays that only introduce. */

import { afterEach, describe, expect, test } from 'vitest';
import { launchBrowser, skipReason, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { lanAddress, type PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayOptions, type RelayProcess } from '../harness/relay-process.ts';
import {
  beginWatching,
  goLive,
  openPage,
  startFailure,
  startStage,
  stats,
  stop,
  VIDEO,
  watch,
} from './stage.ts';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function relayWith(options: RelayOptions): Promise<RelayProcess> {
  const relay = await startRelay({ ...options, flags: ['--no-mdns', ...(options.flags ?? [])] });
  closers.push(() => relay.stop());
  return relay;
}

async function stageOf(relay: RelayProcess, host?: string): Promise<PageServer> {
  const server = await startStage(relay, host === undefined ? {} : { host });
  closers.push(() => server.close());
  return server;
}

async function browserOf(name: 'chromium' | 'firefox'): Promise<RunningBrowser> {
  const browser = await launchBrowser(name);
  closers.push(() => browser.close());
  return browser;
}

const lan = lanAddress();
const LAN_ONLY = lan === null ? 'no network address' : null;

/** The relay's address on the network: Firefox offers no loopback candidates. */
function onLan(relay: RelayProcess): string {
  return `http://${lan}:${new URL(relay.http).port}`;
}

const noFirefox = skipReason('firefox') ?? LAN_ONLY;
describe.skipIf(noFirefox !== null)(`firefox${noFirefox === null ? '' : ` (${noFirefox})`}`, () => {
  test('watches a channel of Chromium in VP8', async () => {
    const relay = await relayWith({ host: '0.0.0.0' });
    const server = await stageOf(relay);
    const chromium = await browserOf('chromium');
    const { channel } = await goLive(await openPage(chromium, server.origin), { relays: [relay.http] });
    const firefox = await browserOf('firefox');
    const viewer = await openPage(firefox, server.origin);
    await watch(viewer, { relays: [onLan(relay)], channel });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 30_000 });
    await expectTone(viewer, VIDEO, { withinMs: 15_000 });
  }, 120_000);

  test('broadcasts to Chromium in VP8', async () => {
    const relay = await relayWith({ host: '0.0.0.0' });
    const server = await stageOf(relay);
    const firefox = await browserOf('firefox');
    const { channel } = await goLive(await openPage(firefox, server.origin), { relays: [onLan(relay)] });
    const chromium = await browserOf('chromium');
    const viewer = await openPage(chromium, server.origin);
    await watch(viewer, { relays: [relay.http], channel });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 30_000 });
    await expectTone(viewer, VIDEO, { withinMs: 15_000 });
  }, 120_000);

  test('says that it has no H264, when it has not', async () => {
    const relay = await relayWith({ host: '0.0.0.0' });
    const server = await stageOf(relay);
    const chromium = await browserOf('chromium');
    const streaming = await openPage(chromium, server.origin);
    const { channel } = await goLive(streaming, { relays: [relay.http], codec: 'h264' });
    const firefox = await browserOf('firefox');
    const viewer = await openPage(firefox, server.origin);
    const hasH264 = await viewer.evaluate(() =>
      (RTCRtpReceiver.getCapabilities('video')?.codecs ?? []).some(
        ({ mimeType }) => mimeType === 'video/H264',
      ),
    );
    const relays = [onLan(relay)];
    await beginWatching(viewer, { relays, channel });
    expect(await startFailure(viewer)).toBe(hasH264 ? null : 'no-common-codec');
    if (hasH264) return;
    const streamer = await openPage(firefox, server.origin);
    await expect(goLive(streamer, { relays, codec: 'h264' })).rejects.toThrow(/cannot encode H264/);
  }, 120_000);
});

describe.skipIf(LAN_ONLY !== null)(
  `a plain-http page of the network${LAN_ONLY === null ? '' : ` (${LAN_ONLY})`}`,
  () => {
    test('watches, but cannot broadcast from its camera', async () => {
      const relay = await relayWith({ host: '0.0.0.0' });
      const server = await stageOf(relay);
      const chromium = await browserOf('chromium');
      const { channel } = await goLive(await openPage(chromium, server.origin), { relays: [relay.http] });

      const lanServer = await stageOf({ ...relay, http: onLan(relay) }, lan ?? '');
      const viewer = await openPage(chromium, lanServer.origin);
      expect(await viewer.evaluate(() => isSecureContext)).toBe(false);
      await watch(viewer, { relays: [onLan(relay)], channel });
      await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });

      const streamer = await openPage(chromium, lanServer.origin);
      await streamer.evaluate(
        (relays) => {
          stage.casto = new stage.CASTO({ relays });
          stage.started = stage.casto.start();
          stage.started.catch(() => {});
        },
        [onLan(relay)],
      );
      expect(await startFailure(streamer)).toBe('insecure-context');
    });
  },
);

test.each(['camera', 'screen'] as const)(
  'the %s is captured, and released by stop()',
  async (source) => {
    const relay = await relayWith({});
    const server = await stageOf(relay);
    const relays = [relay.http];
    const chromium = await browserOf('chromium');
    const streamer = await openPage(chromium, server.origin);
    const live = await streamer.evaluate(
      async (options) => {
        stage.casto = new stage.CASTO(options);
        stage.started = stage.casto.start();
        const kinds = (await stage.started).getTracks().map(({ kind }) => kind);
        return { channel: stage.casto.channel, kinds: kinds.sort() };
      },
      { relays, source },
    );
    expect(live.kinds).toEqual(['audio', 'video']);
    const viewer = await openPage(chromium, server.origin);
    await watch(viewer, { relays, channel: live.channel });
    await viewer.waitFor(async () => ((await stage.casto.stats()).video?.frames ?? 0) > 20, {
      timeoutMs: 20_000,
      what: 'twenty frames are decoded',
    });
    await stop(streamer);
    const states = await streamer.evaluate(async () =>
      (await stage.started).getTracks().map(({ readyState }) => readyState),
    );
    expect(states).toEqual(['ended', 'ended']);
  },
  120_000,
);

test.each([
  ['through a relay', '600'],
  ['from the streamer itself', '0'],
])(
  'sound alone is a broadcast too, %s',
  async (_, maxViewers) => {
    const relay = await relayWith({ flags: ['--max-viewers', maxViewers] });
    const server = await stageOf(relay);
    const relays = [relay.http];
    const chromium = await browserOf('chromium');
    const streamer = await openPage(chromium, server.origin);
    const channel = await streamer.evaluate(
      async (options) => {
        const { stream } = await castoHarness.createSyntheticSource();
        stage.casto = new stage.CASTO({ ...options, source: new MediaStream(stream.getAudioTracks()) });
        await stage.casto.start();
        return stage.casto.channel;
      },
      { relays },
    );
    const viewer = await openPage(chromium, server.origin);
    await watch(viewer, { relays, channel });
    await expectTone(viewer, VIDEO, { withinMs: 15_000 });
  },
  120_000,
);

test('webrtc-direct alone is enough, without any certificate of the web', async () => {
  const relay = await relayWith({});
  const server = await stageOf(relay);
  const direct = relay.multiaddrs.filter((address) => address.includes('/webrtc-direct'));
  expect(direct.length).toBeGreaterThan(0);
  const chromium = await browserOf('chromium');
  const { channel } = await goLive(await openPage(chromium, server.origin), { relays: direct });
  const viewer = await openPage(chromium, server.origin);
  await watch(viewer, { relays: direct, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
}, 120_000);

test('a relay for no viewers introduces them to the streamer', async () => {
  const relay = await relayWith({ flags: ['--max-viewers', '0'] });
  const server = await stageOf(relay);
  const relays = [relay.http];
  const chromium = await browserOf('chromium');
  const streamer = await openPage(chromium, server.origin);
  const { channel } = await goLive(streamer, { relays });
  const viewer = await openPage(chromium, server.origin);
  await watch(viewer, { relays, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
  await expectTone(viewer, VIDEO, { withinMs: 10_000 });
  const { depth, parents } = await stats(viewer);
  expect(depth).toBe(1);
  expect(parents).toMatchObject([{ peerId: channel, kind: 'browser' }]);
}, 120_000);

test('a relay that is full says so', async () => {
  const relay = await relayWith({ flags: ['--max-viewers', '1'] });
  const server = await stageOf(relay);
  const relays = [relay.http];
  const chromium = await browserOf('chromium');
  const { channel } = await goLive(await openPage(chromium, server.origin), { relays, relay: false });
  // A viewer who passes the broadcast on would have room for the next one.
  await watch(await openPage(chromium, server.origin), { relays, channel, relay: false });
  const late = await openPage(chromium, server.origin);
  await beginWatching(late, { relays, channel });
  expect(await startFailure(late)).toBe('relay-full');
}, 120_000);

test('a relay with a publish token takes channels of those who have it', async () => {
  const relay = await relayWith({ flags: ['--publish-token', 'sesame'] });
  const server = await stageOf(relay);
  const chromium = await browserOf('chromium');
  const stranger = await openPage(chromium, server.origin);
  await expect(goLive(stranger, { relays: [relay.http] })).rejects.toThrow(/publish token/);
  const streamer = await openPage(chromium, server.origin);
  const { channel } = await goLive(streamer, { relays: [`${relay.http}/?token=sesame`] });
  const viewer = await openPage(chromium, server.origin);
  await watch(viewer, { relays: [relay.http], channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 10, withinMs: 20_000 });
}, 120_000);
