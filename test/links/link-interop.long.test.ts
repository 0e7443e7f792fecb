/** Links between real ends of every kind, opened with nothing but the rendered descriptions. */

import { fileURLToPath } from 'node:url';

import type { VideoCodec } from '@casto/core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { build } from 'vite';

import { launchBrowser, skipReason } from '../harness/browsers.ts';
import type { BrowserName, BrowserPage, RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { startPageServer, testPage } from '../harness/page-server.ts';
import type { PageServer } from '../harness/page-server.ts';
import { NativeEnd } from './native-end.ts';
import type { LinkReport } from './page/link-end.ts';

/** Written out: a test that took them from the code would follow a mistake. */
const NUMBERS = { 'audio/opus': 111, 'video/vp8': 96, 'video/h264': 102 };

const SOURCE_TAG = 6;

const browsers = new Map<BrowserName, RunningBrowser>();
let server: PageServer;
const opened: { close(): void | Promise<void> }[] = [];

beforeAll(async () => {
  server = await startPageServer({
    '/': testPage('<script src="/link-end.js"></script>'),
    '/link-end.js': await bundleLinkEnd(),
  });
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

afterAll(async () => {
  for (const browser of browsers.values()) await browser.close();
  await server.close();
});

describe('a page as child of a page', () => {
  test.for<[BrowserName, BrowserName, VideoCodec]>([
    ['chromium', 'chromium', 'vp8'],
    ['chromium', 'chromium', 'h264'],
    ['firefox', 'chromium', 'vp8'],
    ['chromium', 'firefox', 'vp8'],
    ['firefox', 'firefox', 'vp8'],
  ])(
    '%s under %s: pictures, sound and control pass in %s',
    async ([childName, parentName, codec], { skip }) => {
      skipWithout([childName, parentName], skip);
      // The page opened last is in front; Firefox presents next to no pictures behind it.
      const parent = await openPage(parentName);
      const child = await openPage(childName);
      await linkPages(child, parent, codec, 1);

      expect(await echo(child, 'from the child')).toBe('!from the child');
      expect(await echo(parent, 'from the parent')).toBe('!from the parent');
      await expectWatched(child, codec);
      expect((await report(parent)).payloadTypes).toEqual(numbersOf(codec));
    },
  );

  test('three layers are three sections, and all are decoded', async ({ skip }) => {
    skipWithout(['chromium'], skip);
    const [child, parent] = [await openPage('chromium'), await openPage('chromium')];
    await linkPages(child, parent, 'vp8', 3);
    await child.waitFor(
      async () => {
        const { framesDecoded } = await linkEnd.report();
        return framesDecoded.length === 3 && framesDecoded.every((frames) => frames > 10);
      },
      { timeoutMs: 15_000, what: 'frames of three layers' },
    );
    expect((await report(child)).streams).toEqual({ casto: 4 });
  });

  test('a parent with another fingerprint than its answer says is not connected', async ({ skip }) => {
    skipWithout(['chromium'], skip);
    const [child, parent] = [await openPage('chromium'), await openPage('chromium')];
    const forge = (answer: string) =>
      answer.replaceAll(
        /(a=fingerprint:sha-256 )(..)/g,
        (_, head, byte) => head + (byte === '00' ? '01' : '00'),
      );
    await linkPages(child, parent, 'vp8', 1, forge);
    const hasFailed = child.waitFor(async () => (await linkEnd.report()).state === 'failed', {
      timeoutMs: 10_000,
    });
    await expect(hasFailed).resolves.toBe(true);
  });
});

describe('node-datachannel as child of Chromium and as parent of a page', () => {
  test.for<[BrowserName, VideoCodec, number]>([
    ['chromium', 'vp8', 1],
    ['chromium', 'h264', 1],
    ['firefox', 'vp8', 1],
    ['firefox', 'vp8', 3],
  ])(
    '%s watches what is forwarded as it came, in %s with %i layer(s)',
    async ([name, codec, layers], { skip }) => {
      skipWithout(['chromium', name], skip);
      const [streamer, viewer] = [await openPage('chromium'), await openPage(name)];
      const [incoming, outgoing] = [openNative(), openNative()];
      incoming.onPacket = (mid, packet) => outgoing.send(mid, packet);
      outgoing.onFeedback = (mid, packet) => incoming.send(mid, packet);

      await takeIn(incoming, streamer, codec, layers);
      expect(await incoming.echo('from below')).toBe('!from below');
      await serve(outgoing, viewer, codec, layers, incoming.ssrcs);
      expect(await echo(viewer, 'from the viewer')).toBe('!from the viewer');
      expect(await outgoing.echo('from above')).toBe('!from above');

      await expectWatched(viewer, codec);
      const videoNumber = NUMBERS[`video/${codec}`];
      const videoMids = Array.from({ length: layers }, (_, layer) => `${layer + 1}: ${videoNumber}`);
      expect([...incoming.arrived].toSorted()).toEqual(['0: 111', ...videoMids]);
      expect(incoming.hasExtensions).toBe(false);
      expect((await report(viewer)).srtpCipher).toBe('SRTP_AEAD_AES_256_GCM');
    },
  );
});

function skipWithout(names: readonly BrowserName[], skip: (condition: boolean, note: string) => void): void {
  for (const name of names) {
    const reason = skipReason(name);
    skip(reason !== null, reason ?? '');
  }
}

async function linkPages(
  child: BrowserPage,
  parent: BrowserPage,
  codec: VideoCodec,
  layers: number,
  forge: (answer: string) => string = (answer) => answer,
): Promise<void> {
  const answer = forge(await answerFromPage(parent, await offerFromPage(child, codec, layers)));
  await child.evaluate((sdp) => linkEnd.accept(sdp), answer);
  await trickle(child, parent);
}

async function takeIn(end: NativeEnd, parent: BrowserPage, codec: VideoCodec, layers: number): Promise<void> {
  end.accept(await answerFromPage(parent, end.offer(codec, layers)));
  end.addCandidates(await parent.evaluate(() => linkEnd.candidates()));
  await parent.evaluate((candidates) => linkEnd.addCandidates(candidates), await end.candidates());
}

async function serve(
  end: NativeEnd,
  child: BrowserPage,
  codec: VideoCodec,
  layers: number,
  ssrcs: ReadonlyMap<string, number>,
): Promise<void> {
  const answer = end.answer(await offerFromPage(child, codec, layers), codec, ssrcs);
  await child.evaluate((sdp) => linkEnd.accept(sdp), answer);
  end.addCandidates(await child.evaluate(() => linkEnd.candidates()));
  await child.evaluate((candidates) => linkEnd.addCandidates(candidates), await end.candidates());
}

async function trickle(one: BrowserPage, other: BrowserPage): Promise<void> {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const candidates = await from.evaluate(() => linkEnd.candidates());
    await to.evaluate((found) => linkEnd.addCandidates(found), candidates);
  }
}

function offerFromPage(page: BrowserPage, codec: VideoCodec, layers: number): Promise<string> {
  return page.evaluate(
    (wanted) => {
      openChild({ layers: wanted.layers, audio: true });
      return linkEnd.offer({ video: wanted.codec, audio: true });
    },
    { codec, layers },
  );
}

function answerFromPage(page: BrowserPage, offer: string): Promise<string> {
  return page.evaluate(
    async ({ sdp, tag }) => {
      const source = await castoHarness.createSyntheticSource({ tag });
      openParent();
      return linkEnd.answer(sdp, source.stream);
    },
    { sdp: offer, tag: SOURCE_TAG },
  );
}

/** The child decodes the source's pictures and hears its tone, in one stream, under the fixed numbers. */
async function expectWatched(child: BrowserPage, codec: VideoCodec): Promise<void> {
  await expectPicturesAdvance(child, '#video', { atLeast: 15, withinMs: 15_000, tag: SOURCE_TAG });
  await expectTone(child, '#video', { withinMs: 5000 });
  const { payloadTypes, streams } = await report(child);
  expect(payloadTypes).toEqual(numbersOf(codec));
  expect(Object.keys(streams)).toEqual(['casto']);
  expect(child.errors).toEqual([]);
}

function numbersOf(codec: VideoCodec): Record<string, number> {
  return { 'audio/opus': NUMBERS['audio/opus'], [`video/${codec}`]: NUMBERS[`video/${codec}`] };
}

function report(page: BrowserPage): Promise<LinkReport> {
  return page.evaluate(() => linkEnd.report());
}

function echo(page: BrowserPage, text: string): Promise<string> {
  return page.evaluate((sent) => linkEnd.echo(sent), text);
}

async function openPage(name: BrowserName): Promise<BrowserPage> {
  const running = browsers.get(name) ?? (await launchBrowser(name));
  browsers.set(name, running);
  const page = await running.newPage();
  opened.push(page);
  await page.goto(`${server.origin}/`);
  return page;
}

function openNative(): NativeEnd {
  const end = new NativeEnd();
  opened.push(end);
  return end;
}

/** The in-page half as one classic script. */
async function bundleLinkEnd(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['casto-source'] },
    build: {
      lib: {
        entry: fileURLToPath(new URL('page/link-end.ts', import.meta.url)),
        formats: ['iife'],
        name: 'linkEndBundle',
      },
      write: false,
      minify: false,
      target: 'es2022',
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  return outputs.flatMap((output) => (output.type === 'chunk' ? [output.code] : [])).join('\n');
}
