/** Pages that pass the broadcast on to pages, several hops deep, without encoding it again. */

import { expect, test } from 'vitest';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone, measureLipSync, readPictures } from '../harness/expectations.ts';
import { startLinkProxy } from '../harness/link-proxy.ts';
import { useOwnRelay } from './relay-stage.ts';
import { countEvents, encodedHeights, goLive, longestGapMs, stats, VIDEO, watch } from './stage.ts';

const TEST_MS = 420_000;
/** A peer that has looked for a second parent in vain looks again after 10 s, 20 s and so on, half as long again by chance. */
const VAIN_SEARCHES_MS = 170_000;
const PICTURE = { width: 320, height: 180, framesPerSecond: 15, flashEveryMs: 1_000 } as const;

const own = useOwnRelay();

/** A relay that introduces pages to each other and carries nothing. */
async function introduce(): Promise<void> {
  await own.start({ flags: ['--max-viewers', '0'] });
}

/** Opens a page that remembers the frames that pass it. */
async function openRecorded(): Promise<BrowserPage> {
  const page = await own.newPage();
  await page.evaluate(() => castoHarness.recordEncodedFrames());
  return page;
}

/** A streamer, and viewers that have one child each: every one watches the one before it. */
async function openChain(length: number, codec: 'vp8' | 'h264'): Promise<BrowserPage[]> {
  const options = { relays: [own.relay.http], relay: { maxChildren: 1 } };
  const streamer = await openRecorded();
  const { channel } = await goLive(streamer, { ...options, codec }, PICTURE);
  const pages = [streamer];
  for (let depth = 1; depth <= length; depth++) {
    const page = await openRecorded();
    await watch(page, { ...options, channel });
    await page.waitFor(
      async (wanted) => (await stage.casto.stats()).depth === wanted,
      { timeoutMs: 20_000, what: `a place at depth ${depth}` },
      depth,
    );
    pages.push(page);
  }
  return pages;
}

test.each(['vp8', 'h264'] as const)(
  '%s: what the streamer encodes reaches the fourth page as it was',
  async (codec) => {
    await introduce();
    const pages = await openChain(4, codec);
    const [streamer, ...viewers] = pages;
    const leaf = viewers.at(-1);
    if (!streamer || !leaf) throw new Error('no pages');
    await expectPicturesAdvance(leaf, VIDEO, { atLeast: 60, withinMs: 30_000 });
    await expectTone(leaf, VIDEO, { withinMs: 10_000 });

    const received = await leaf.evaluate(() => castoHarness.recordedFrames().received);
    const sent = await streamer.evaluate(() => castoHarness.recordedFrames().sent);
    for (const kind of ['video', 'audio'] as const) {
      const known = new Set(sent[kind]);
      const strange = received[kind].filter((hash) => !known.has(hash)).length;
      expect({ kind, enough: received[kind].length > 60, strange }).toEqual({
        kind,
        enough: true,
        strange: 0,
      });
    }
    for (const page of viewers) expect(await encodedHeights(page)).toEqual([]);
    expect(await encodedHeights(streamer)).toEqual([PICTURE.height]);
    const { latencyMs, forwarding, path } = await stats(leaf);
    expect({ forwarding, hops: path.length - 1 }).toEqual({ forwarding: 'encoded-streams', hops: 4 });
    expect(latencyMs).toBeLessThan(2_000);
    // A machine that is busy for a moment shows pictures late; a broadcast that is out of sync stays so.
    let offsetMs = Infinity;
    for (let look = 0; look < 3 && Math.abs(offsetMs) >= 250; look++) {
      offsetMs = (await measureLipSync(leaf, VIDEO, { pairs: 5, withinMs: 30_000 })).medianMs ?? Infinity;
    }
    expect(Math.abs(offsetMs)).toBeLessThan(250);
  },
  TEST_MS,
);

/** A second on a quiet machine. */
const LIVE_EDGE_MS = 5_000;
const SAME_PICTURE_MS = 100;

/** How much later one page shows a picture than the other one: the middle of a second's pictures. */
async function lagMs(early: BrowserPage, late: BrowserPage): Promise<number> {
  const [before, after] = await Promise.all(
    [early, late].map((page) => readPictures(page, VIDEO, { atLeast: 15, withinMs: 3_000 })),
  );
  const shownAt = new Map(before?.map(({ number, at }) => [number, at]));
  const lags = (after ?? []).flatMap(({ number, at }) => {
    const earlier = number === null ? undefined : shownAt.get(number);
    return earlier === undefined ? [] : [at - earlier];
  });
  return lags.sort((a, b) => a - b)[Math.floor(lags.length / 2)] ?? Infinity;
}

test(
  'a late joiner at depth 3 starts from what its parent keeps',
  async () => {
    await introduce();
    const pages = await openChain(2, 'vp8');
    const [streamer, early, parent] = pages;
    if (!streamer || !early || !parent) throw new Error('no pages');
    await expectPicturesAdvance(parent, VIDEO, { atLeast: 30, withinMs: 20_000 });
    const requestsBefore = await Promise.all(pages.map(async (page) => (await stats(page)).keyFrameRequests));

    const { channel } = await stats(streamer);
    const late = await openRecorded();
    await watch(late, { relays: [own.relay.http], channel });
    // Both at the live edge soon after the first picture, the early one two hops nearer to the streamer.
    await expect
      .poll(async () => Math.abs(await lagMs(early, late)), { timeout: LIVE_EDGE_MS })
      .toBeLessThanOrEqual(SAME_PICTURE_MS);
    await expectPicturesAdvance(late, VIDEO, { atLeast: 10, withinMs: 20_000 });

    expect((await stats(late)).depth).toBe(3);
    const requests = await Promise.all(pages.map(async (page) => (await stats(page)).keyFrameRequests));
    expect(requests).toEqual(requestsBefore);
  },
  TEST_MS,
);

interface Pair {
  readonly a: BrowserPage;
  readonly b: BrowserPage;
  readonly open: (options: object) => Promise<BrowserPage>;
}

/** Two pages below a streamer that is full with them, each with a place for a child; and whoever else is opened. */
async function openPair(prepare: (page: BrowserPage) => Promise<unknown> = async () => {}): Promise<Pair> {
  const relays = [own.relay.http];
  const streamer = await own.newPage();
  const { channel } = await goLive(streamer, { relays, relay: { maxChildren: 2 } }, PICTURE);
  const open = async (options: object): Promise<BrowserPage> => {
    const page = await own.newPage();
    await prepare(page);
    await watch(page, { relays, channel, ...options });
    return page;
  };
  const a = await open({ relay: { maxChildren: 1 } });
  // A page offers one place until its uplink is measured.
  await streamer.waitFor(async () => (await stage.casto.stats()).freeSlots > 0, {
    timeoutMs: 30_000,
    what: 'the streamer has room for another',
  });
  const b = await open({ relay: { maxChildren: 1 } });
  for (const page of [a, b]) {
    await page.waitFor(async () => (await stage.casto.stats()).depth === 1, {
      timeoutMs: 20_000,
      what: 'both stand below the streamer',
    });
  }
  return { a, b, open };
}

/** A viewer between two parents and a child of its own: everybody else is full. */
async function openDiamond(liveParents: 1 | 2): Promise<Record<'a' | 'b' | 'viewer' | 'child', BrowserPage>> {
  const { a, b, open } = await openPair();
  const viewer = await open({ relay: { maxChildren: 1 }, liveParents });
  await viewer.waitFor(
    async (wanted) => (await stage.casto.stats()).parents.filter(({ role }) => role === wanted).length > 0,
    { timeoutMs: VAIN_SEARCHES_MS, what: 'a second parent' },
    liveParents === 2 ? 'active' : 'standby',
  );
  if (liveParents === 2) {
    await viewer.waitFor(
      async () => (await stage.casto.stats()).parents.filter(({ role }) => role === 'active').length === 2,
      { timeoutMs: VAIN_SEARCHES_MS, what: 'a second live parent' },
    );
  }
  const child = await open({ relay: false });
  await child.waitFor(async () => (await stage.casto.stats()).parents.some(({ role }) => role === 'active'), {
    timeoutMs: 30_000,
    what: 'a place for the child',
  });
  return { a, b, viewer, child };
}

test(
  'with two live parents nothing is seen of the loss of one, nor by those below',
  async () => {
    await introduce();
    const { a, b, viewer, child } = await openDiamond(2);
    const parents = (await stats(viewer)).parents.map(({ peerId }) => peerId);
    const middle = (await stats(a)).peerId === parents[0] ? a : b;
    const below = (await stats(viewer)).peerId;
    expect((await stats(child)).parents[0]?.peerId).toBe(below);
    const movesBefore = await countEvents(child, 'parent-changed');

    const watching = [viewer, child].map((page) => longestGapMs(page, { atLeast: 75, withinMs: 40_000 }));
    await middle.crash();
    for (const gapMs of await Promise.all(watching)) expect(gapMs).toBeLessThan(500);
    expect((await stats(child)).parents[0]?.peerId).toBe(below);
    expect(await countEvents(child, 'parent-changed')).toBe(movesBefore);

    // The relay that introduced them goes as well, and then the parent that is left.
    await own.relay.kill();
    await viewer.waitFor(async () => (await stage.casto.stats()).parents.length >= 2, {
      timeoutMs: VAIN_SEARCHES_MS,
      what: 'another parent to go to',
    });
    await (middle === a ? b : a).crash();
    await expectPicturesAdvance(child, VIDEO, { atLeast: 30, withinMs: 20_000 });
    await expectTone(child, VIDEO, { withinMs: 10_000 });
    expect((await stats(viewer)).depth).toBe(1);
  },
  TEST_MS,
);

test(
  'a page that knows nobody but its parent finds another without a relay',
  async () => {
    await introduce();
    const relays = [own.relay.http];
    const streamer = await own.newPage();
    const { channel } = await goLive(streamer, { relays, relay: { maxChildren: 1 } }, PICTURE);
    const parent = await own.newPage();
    await watch(parent, { relays, channel, relay: { maxChildren: 1 } });
    const viewer = await own.newPage();
    const watching = watch(viewer, { relays, channel, relay: false });
    await viewer.waitFor(async () => (await stage.casto.stats()).depth === 2, {
      timeoutMs: 20_000,
      what: 'a place below the parent',
    });
    // A page looks for standbys a second after it got its place.
    expect((await stats(viewer)).parents).toHaveLength(1);
    await own.relay.kill();
    await watching;

    // The parent knows the streamer, and passes signals on.
    await viewer.waitFor(async () => (await stage.casto.stats()).parents.length === 2, {
      timeoutMs: VAIN_SEARCHES_MS,
      what: 'a second parent, found without a relay',
    });
    await parent.crash();
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 30, withinMs: 20_000 });
    expect((await stats(viewer)).depth).toBe(1);
  },
  TEST_MS,
);

test(
  'a standby takes over when the parent dies, and the stream stays the same',
  async () => {
    await introduce();
    const { a, b, viewer, child } = await openDiamond(1);
    const tracks = await viewer.evaluate(async () => (await stage.started).getTracks().map(({ id }) => id));
    const [active] = (await stats(viewer)).parents;
    const middle = (await stats(a)).peerId === active?.peerId ? a : b;

    const watching = longestGapMs(viewer, { atLeast: 75, withinMs: 40_000 });
    await middle.crash();
    expect(await watching).toBeLessThan(2_500);
    expect(await viewer.evaluate(async () => (await stage.started).getTracks().map(({ id }) => id))).toEqual(
      tracks,
    );
    await expectTone(viewer, VIDEO, { withinMs: 10_000 });
    await expectPicturesAdvance(child, VIDEO, { atLeast: 15, withinMs: 20_000 });
  },
  TEST_MS,
);

/** Lets `freeze-hub` stop all that a page's hub sends, while the page and its control channels live on. */
async function makeFreezable(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    const children: { worker: Worker; child: number }[] = [];
    globalThis.Worker = class extends Worker {
      override postMessage(message: { type: string; child: number }, rest?: object): void {
        if (message.type === 'child-connected') children.push({ worker: this, child: message.child });
        super.postMessage(message, rest);
      }
    };
    addEventListener('freeze-hub', () => {
      for (const { worker, child } of children)
        worker.postMessage({ type: 'child-active', child, isActive: false });
    });
  });
}

async function activeParent(page: BrowserPage): Promise<string | undefined> {
  return (await stats(page)).parents.find(({ role }) => role === 'active')?.peerId;
}

test(
  'a parent whose hub is stuck while its page lives is left for another',
  async () => {
    await introduce();
    const { a, b, open } = await openPair(makeFreezable);
    const viewer = await open({ relay: false });
    // Of two that are asked for a place the better one may take over within seconds, and the other one stands by.
    await viewer.waitFor(
      async () => (await stage.casto.stats()).parents.some(({ role }) => role === 'standby'),
      { timeoutMs: VAIN_SEARCHES_MS, what: 'a second parent' },
    );
    const parent = await activeParent(viewer);
    const [middle, other] = (await stats(a)).peerId === parent ? [a, b] : [b, a];
    expect(parent).toBe((await stats(middle)).peerId);

    const watching = longestGapMs(viewer, { atLeast: 75, withinMs: 30_000 });
    await middle.evaluate(() => void dispatchEvent(new Event('freeze-hub')));
    // By its keep-alives it is heard all the while. One that is late lets the standby take over at once.
    expect(await watching).toBeLessThan(6_000);
    expect(await activeParent(viewer)).toBe((await stats(other)).peerId);
    await expectTone(viewer, VIDEO, { withinMs: 10_000 });
    await expectPicturesAdvance(middle, VIDEO, { atLeast: 15, withinMs: 10_000 });
  },
  TEST_MS,
);

test(
  'a slow link keeps its sound and its delay, and costs the others nothing',
  async () => {
    await introduce();
    const proxy = await startLinkProxy();
    const relays = [own.relay.http];
    const streamer = await own.newPage();
    const source = { width: 640, height: 360, framesPerSecond: 30 };
    const { channel } = await goLive(streamer, { relays, relay: { maxChildren: 2 } }, source);
    const near = await own.newPage();
    await watch(near, { relays, channel, relay: false });
    await streamer.waitFor(async () => (await stage.casto.stats()).freeSlots > 0, {
      timeoutMs: 30_000,
      what: 'the streamer has room for another',
    });
    const slow = await own.newPage();
    await slow.evaluate((url) => castoHarness.useLinkProxy(url), proxy.url);
    await watch(slow, { relays, channel, relay: false });
    await stats(slow);
    await expectPicturesAdvance(slow, VIDEO, { atLeast: 90, withinMs: 30_000 });
    expect((await stats(slow)).download.bitsPerSecond).toBeGreaterThan(1.5 * SLOW_BPS);

    proxy.setRate(SLOW_BPS);
    // Fifteen seconds: without a limit on what waits, the slow page would be ten behind by then.
    const nearGapMs = await longestGapMs(near, { atLeast: 450, withinMs: 40_000 });
    await expectPicturesAdvance(slow, VIDEO, { atLeast: 8, withinMs: 30_000 });
    await expectTone(slow, VIDEO, { withinMs: 10_000 });
    const { latencyMs, parents } = await stats(slow);
    expect(latencyMs).toBeLessThan(2_500);
    expect(parents).toHaveLength(1);
    expect(nearGapMs).toBeLessThan(1_000);
    await proxy.close();
  },
  TEST_MS,
);

/** Less than the picture takes, and enough for its base and the sound. */
const SLOW_BPS = 300_000;
