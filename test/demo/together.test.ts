/** What people do together: find each other on the start page, talk, and see who feeds whom. */

import { expect, test } from 'vitest';

import { goLive as goLiveFrom, startStage } from '../broadcast/stage.ts';
import type { BrowserPage } from '../harness/browsers.ts';
import { startRelay } from '../harness/relay-process.ts';
import {
  expectPhase,
  expectPictures,
  expectReady,
  expectText,
  expectView,
  goLive,
  LIVE_MS,
  textOf,
  useDemoStage,
} from './demo-stage.ts';

/** Relays hear of each other's channels within seconds, and pages of theirs at once. */
const LISTED_MS = 20_000;
/** A dead parent is noticed by its silence, and so is a dead child, whose room is needed. */
const HEALED_MS = 30_000;

const stage = useDemoStage();

test('the start page shows who is live, with a picture and viewers, by itself, and no more when it ends', async () => {
  const home = await stage.page('/');
  await expectText(home, '#channels-count', 'Nobody at the moment');
  const streamer = await stage.page('/');
  await goLive(streamer, { source: 'test-picture', title: 'Kites over the beach' });
  await expectText(home, '.channel-title', '^Kites over the beach$', LISTED_MS);
  await expectText(home, '#channels-count', '^1 broadcast$');
  await expectText(home, '.channel-age', 'just started');

  await home.click('.channel-card');
  await expectPhase(home, 'live');
  expect(await textOf(home, '#desk-title')).toBe('Kites over the beach');
  await expectPictures(home);
  const other = await stage.page('/');
  await expectText(other, '.channel-viewers', '^1 viewer$', LISTED_MS);
  const pixels = await other.waitFor(
    () => {
      const picture = document.querySelector('.channel-picture img');
      return picture instanceof HTMLImageElement && !picture.hidden ? picture.naturalWidth : 0;
    },
    { timeoutMs: 60_000, what: 'a snapshot' },
  );
  expect(pixels).toBeLessThanOrEqual(320);

  await streamer.click('#stop');
  await expectText(other, '#channels-count', 'Nobody at the moment', LISTED_MS);
  expect(await other.evaluate(() => document.querySelectorAll('.channel-card').length)).toBe(0);
  expect(stage.problemsOf(home, streamer, other)).toEqual([]);
}, 120_000);

test('an unlisted broadcast is on no start page; the link alone leads to it', async () => {
  const [hidden, shown, home] = [await stage.page('/'), await stage.page('/'), await stage.page('/')];
  const link = await goLive(hidden, { source: 'test-picture', title: 'Only for us', unlisted: true });
  // Whatever is announced after it is listed before it would be.
  await goLive(shown, { source: 'test-picture', title: 'For everyone' });
  await expectText(home, '#channels-list', 'For everyone', LISTED_MS);
  const viewer = await stage.page(link);
  await expectPhase(viewer, 'live');
  await expectPictures(viewer);
  // Who comes by the link is told by the streamer what it is.
  expect(await textOf(viewer, '#desk-title')).toBe('Only for us');
  expect(await textOf(home, '#channels-list')).not.toContain('Only for us');
  expect(await home.evaluate(() => document.querySelectorAll('.channel-card').length)).toBe(1);
});

test('streamer and viewer talk, and a reaction flies over both pictures', async () => {
  const streamer = await stage.page('/');
  const viewer = await stage.page(await goLive(streamer, { source: 'test-picture' }));
  await expectPhase(viewer, 'live');
  // Who gave no title is called the same on both sides, and on cards.
  expect(await textOf(streamer, '#desk-title')).toBe('Untitled broadcast');
  expect(await textOf(viewer, '#desk-title')).toBe('Untitled broadcast');
  await watchReactions(streamer);
  await say(viewer, 'Hello <b>from</b> here', 'Ada');
  await expectText(streamer, '#chat-unread', '^1$');
  await streamer.click('#tab-chat');
  expect(await textOf(streamer, '.chat-line')).toBe('AdaHello <b>from</b> here');
  await say(streamer, 'Welcome!', '');
  await expectText(viewer, '.chat-line.is-streamer', 'Streamer.*Welcome!');
  // One's own words are there too, once.
  await expectText(viewer, '#chat-log', 'Ada.*You.*Hello');
  expect(await viewer.evaluate(() => document.querySelectorAll('.chat-line').length)).toBe(2);

  await viewer.click('.reaction');
  await streamer.waitFor(() => document.body.dataset['sawReaction'] === '👏', {
    timeoutMs: 10_000,
    what: 'a reaction',
  });
  expect(await textOf(streamer, '#chat-log')).not.toContain('👏');
  expect(stage.problemsOf(streamer, viewer)).toEqual([]);
});

test('who writes too much is told so, and loses no word', async () => {
  const streamer = await stage.page('/');
  const viewer = await stage.page(await goLive(streamer, { source: 'test-picture' }));
  await expectPhase(viewer, 'live');
  const problem = () => document.querySelector('#chat-problem')?.textContent ?? '';
  // A viewer has a second for each message, and a handful in advance.
  const refused = await viewer.evaluate(async () => {
    const [text, form, said] = ['#chat-text', '#chat-form', '#chat-problem'].map((selector) =>
      document.querySelector(selector),
    );
    if (!(text instanceof HTMLInputElement && form instanceof HTMLFormElement)) throw new Error('no form');
    const isAnswered = () => text.value === '' || said?.textContent !== '';
    for (let line = 0; line < 60; line += 1) {
      text.value = `line ${line}`;
      form.requestSubmit();
      while (!isAnswered()) await new Promise((done) => setTimeout(done, 5));
      if (text.value !== '') return text.value;
    }
    return '';
  });
  expect(refused).toMatch(/^line \d+$/);
  expect(await viewer.evaluate(problem)).toMatch(/wait/i);
});

test('the tree shows streamer, relay and viewers to both sides, and who joins', async () => {
  const streamer = await stage.page('/');
  const link = await goLive(streamer, { source: 'test-picture' });
  const viewer = await stage.page(`${link}&panel=tree`);
  await expectPhase(viewer, 'live');
  await expectText(viewer, '#peer-tree', 'Streamer');
  await expectText(viewer, '#peer-tree', 'Relay');
  await expectText(viewer, '#peer-tree .is-self', 'You');
  await expectText(viewer, '#tree-summary', '1 relay and 1 viewer.*You are \\d hops? from the streamer');
  await streamer.click('#tab-tree');
  await expectText(streamer, '#peer-tree .is-self', 'You');
  await expectText(streamer, '#tree-summary', '1 relay and 1 viewer');
  await expectText(streamer, '#tree-rows', 'Viewer [0-9a-f]{4}');
  await expectText(streamer, '#tree-rows', '[kM]b/s');

  const other = await stage.page(link);
  await expectPhase(other, 'live');
  await expectText(streamer, '#tree-summary', '1 relay and 2 viewers');
  await expectText(streamer, '#tree-news', 'joined');
  expect(stage.problemsOf(streamer, viewer, other)).toEqual([]);
}, 120_000);

test('a viewer dies, and whoever was fed by it finds another parent, before everybody’s eyes', async () => {
  // A relay that carries nothing, and a streamer with room for one: the second viewer is fed by the first.
  const relay = await startRelay({ flags: ['--max-viewers', '0'] });
  const server = await startStage(relay);
  try {
    const streamer = await stage.page(server.origin);
    await streamer.waitFor(() => 'stage' in globalThis, { timeoutMs: LIVE_MS, what: 'casto.js is loaded' });
    const picture = { width: 320, height: 180, framesPerSecond: 15 };
    const options = { relays: [relay.http], relay: { maxChildren: 1 } };
    const { channel } = await goLiveFrom(streamer, options, picture);
    const middle = await stage.page(`${relay.http}/#casto=${channel}`);
    await expectPhase(middle, 'live');
    const viewer = await stage.page(`${relay.http}/#casto=${channel}&panel=tree`);
    await expectPhase(viewer, 'live');
    await expectText(viewer, '#tree-summary', '2 viewers, 2 levels deep. You are 2 hops from the streamer');

    await watchHealing(viewer);
    await middle.crash();
    await expectText(viewer, '#tree-summary', '1 viewer, 1 level deep. You are 1 hop from', HEALED_MS);
    const [news, healed] = await viewer.evaluate(() => {
      const { sawNews, sawHealed } = document.body.dataset;
      return [sawNews, sawHealed];
    });
    // Until all have heard of it, the rest of the tree may be out of sight too.
    expect(news).toMatch(/ left/);
    expect(news).toMatch(/One peer found another parent/);
    expect(healed).toBe('yes');
    await expectPhase(viewer, 'live');
    await expectPictures(viewer);
    expect(viewer.errors).toEqual([]);
  } finally {
    await stage.closePages();
    await server.close();
    await relay.stop();
  }
}, 120_000);

test('whoever passes nothing on joins anew, sees the picture again, and is asked no second time', async () => {
  const streamer = await stage.page('/');
  const link = await goLive(streamer, { source: 'test-picture' });
  const viewer = await stage.page(link);
  await expectPhase(viewer, 'live');
  await expectText(viewer, '#relaying', 'relaying to nobody yet');
  await viewer.click('#sound-call');
  await say(viewer, 'Still here', 'Ada');
  const before = await viewer.evaluate(streamId);

  await viewer.click('#pass-on');
  await expect.poll(() => viewer.evaluate(streamId), { timeout: LIVE_MS }).not.toBe(before);
  await expectPhase(viewer, 'live');
  await expectPictures(viewer);
  await expectText(viewer, '#relaying', '^You pass nothing on\\.$');
  expect(await textOf(viewer, '#chat-log')).toContain('Still here');
  expect(await viewer.evaluate(() => document.querySelector('video')?.muted)).toBe(false);

  await viewer.reload();
  await expectPhase(viewer, 'live');
  await expectText(viewer, '#relaying', '^You pass nothing on\\.$');
  await viewer.click('#pass-on');
  await expectText(viewer, '#relaying', 'relaying to nobody');
  expect(stage.problemsOf(streamer, viewer)).toEqual([]);
}, 120_000);

test('a video file is broadcast over and over, in its own shape', async () => {
  const streamer = await stage.page('/');
  await streamer.click('#to-go-live');
  await expectView(streamer, 'go-live');
  await streamer.click('input[value=file]');
  await expectText(streamer, '#preview-title', '^Which video\\?$');
  await chooseFile(streamer, 'words');
  await expectText(streamer, '#preview-title', '^This file does not play here$');
  await chooseFile(streamer, 'video');
  await expectReady(streamer);
  await streamer.click('#start');
  await expectPhase(streamer, 'live');
  const viewer = await stage.page(
    await streamer.evaluate(() => (document.querySelector('#link') as HTMLInputElement).value),
  );
  await expectPhase(viewer, 'live');
  // The file lasts a second and a half: four such counts take longer.
  for (let count = 0; count < 4; count += 1) await expectPictures(viewer);
  const shape = await viewer.evaluate(() => {
    const video = document.querySelector('#video');
    return video instanceof HTMLVideoElement ? video.videoWidth / video.videoHeight : 0;
  });
  expect(shape).toBeCloseTo(4 / 3, 1);
  expect(stage.problemsOf(streamer, viewer)).toEqual([]);
}, 90_000);

test('statistics draw their graphs, and are saved as JSON', async () => {
  const streamer = await stage.page('/');
  const viewer = await stage.page(await goLive(streamer, { source: 'test-picture' }));
  await expectPhase(viewer, 'live');
  await viewer.click('#tab-statistics');
  await expectText(
    viewer,
    '#plots',
    'Bitrate [1-9][\\d.]* [kM]b/s.*Latency \\d.*Packets lost.*Depth \\d hop',
  );
  await viewer.waitFor(() => document.querySelectorAll('#plots canvas').length === 4, { timeoutMs: 5000 });
  await viewer.waitFor(
    () => {
      const canvas = document.querySelector('#plots canvas');
      if (!(canvas instanceof HTMLCanvasElement)) return false;
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      return pixels.some((value) => value > 0);
    },
    { timeoutMs: 10_000, what: 'something drawn' },
  );
  const text = await viewer.evaluate(async () => {
    const made = URL.createObjectURL.bind(URL);
    return new Promise<string>((resolve) => {
      URL.createObjectURL = (blob: Blob) => {
        void blob.text().then(resolve);
        return made(blob);
      };
      (document.querySelector('#statistics-export') as HTMLElement).click();
    });
  });
  const file = JSON.parse(text) as {
    samples: { depth: number; bitrateBps: number }[];
    stats: { role: string };
  };
  expect(file.stats.role).toBe('viewer');
  expect(file.samples.length).toBeGreaterThan(0);
  expect(file.samples.some(({ bitrateBps }) => bitrateBps > 0)).toBe(true);
  expect(stage.problemsOf(viewer)).toEqual([]);
});

/** In the page: which stream is shown. */
function streamId(): string {
  const video = document.querySelector('#video');
  const stream = video instanceof HTMLVideoElement ? video.srcObject : null;
  return stream instanceof MediaStream ? stream.id : '';
}

async function say(page: BrowserPage, text: string, name: string): Promise<void> {
  await page.fill('#chat-name', name);
  await page.fill('#chat-text', text);
  await page.click('#chat-send');
  await page.waitFor(
    () => {
      const field = document.querySelector('#chat-text');
      return field instanceof HTMLInputElement && field.value === '';
    },
    { timeoutMs: LIVE_MS, what: 'a sent message' },
  );
}

/** Reactions stay for seconds only. */
async function watchReactions(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    const sky = document.querySelector('#reactions-flight');
    if (sky === null) throw new Error('nothing flies here');
    new MutationObserver(() => {
      if (sky.textContent !== '') document.body.dataset['sawReaction'] = sky.textContent ?? '';
    }).observe(sky, { childList: true });
  });
}

/** News stay for seconds only, and so does the light of a line that is new. */
async function watchHealing(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    const panel = document.querySelector('#panel-tree');
    const news = document.querySelector('#tree-news');
    if (panel === null || news === null) throw new Error('nobody looks at the tree');
    const { dataset } = document.body;
    new MutationObserver(() => {
      dataset['sawNews'] = `${dataset['sawNews'] ?? ''} ${news.textContent}`;
      if (panel.querySelector('#peer-tree path.is-healed') !== null) dataset['sawHealed'] = 'yes';
    }).observe(panel, { subtree: true, childList: true, attributes: true });
  });
}

/** A file as the dialog would give it: a video of 320x240 that is recorded on the spot, or one that is none. */
async function chooseFile(page: BrowserPage, content: 'video' | 'words'): Promise<void> {
  await page.evaluate(async (wanted) => {
    const record = async () => {
      const source = await castoHarness.createSyntheticSource({ width: 320, height: 240, tag: 3 });
      const recorder = new MediaRecorder(source.stream, { mimeType: 'video/webm' });
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const stopped = new Promise((resolve) => (recorder.onstop = resolve));
      recorder.start();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      recorder.stop();
      await stopped;
      source.stop();
      return parts;
    };
    const field = document.querySelector('#file');
    if (!(field instanceof HTMLInputElement)) throw new Error('there is no field for the file');
    const chosen = new DataTransfer();
    chosen.items.add(new File(wanted === 'video' ? await record() : ['no video'], 'beach.webm'));
    field.files = chosen.files;
    field.dispatchEvent(new Event('change', { bubbles: true }));
  }, content);
}
