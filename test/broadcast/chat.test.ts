/** Chat: messages to everybody, up and down a tree of a streamer's page, a headless relay and two viewers' pages. */

import { expect, test } from 'vitest';
import type { CastoMessage } from 'casto';
import type { BrowserPage } from '../harness/browsers.ts';
import { useOwnRelay } from './relay-stage.ts';
import { goLive, stats, watch } from './stage.ts';

const TEST_MS = 180_000;
const PLACE_MS = 30_000;
const HEARD_MS = 15_000;
const PICTURE = { width: 320, height: 180, framesPerSecond: 10 } as const;

const own = useOwnRelay();

/** The streamer, a relay with one place, a viewer there, and a viewer behind that one. */
async function openTree(): Promise<Record<'streamer' | 'near' | 'far', BrowserPage>> {
  await own.start({ flags: ['--max-viewers', '1'] });
  const streamer = await own.newPage();
  // It serves relays and no pages.
  const { channel } = await goLive(streamer, { relays: [own.relay.http], relay: false }, PICTURE);
  const near = await own.newPage();
  await watch(near, { relays: [own.relay.http], channel, relay: { maxChildren: 1 } });
  await expectParent(near, own.relay.peerId);
  const far = await own.newPage();
  await watch(far, { relays: [own.relay.http], channel, relay: false });
  await expectParent(far, (await stats(near)).peerId);
  return { streamer, near, far };
}

async function expectParent(page: BrowserPage, parent: string): Promise<void> {
  const parentOf = async (): Promise<string | undefined> =>
    (await stats(page)).parents.find(({ role }) => role === 'active')?.peerId;
  await expect.poll(parentOf, { timeout: PLACE_MS, interval: 100 }).toBe(parent);
}

async function say(page: BrowserPage, ...texts: string[]): Promise<void> {
  await page.evaluate(async (all) => {
    for (const text of all) await stage.casto.send(text);
  }, texts);
}

async function heard(page: BrowserPage): Promise<CastoMessage[]> {
  return page.evaluate(() =>
    stage.events.filter(({ type }) => type === 'message').map(({ detail }) => detail as CastoMessage),
  );
}

async function expectHeard(page: BrowserPage, texts: readonly string[]): Promise<void> {
  const texted = async (): Promise<string[]> => (await heard(page)).map(({ data }) => data).sort();
  await expect.poll(texted, { timeout: HEARD_MS, interval: 50 }).toEqual([...texts].sort());
}

/** From here on what this page sends, and passes on, has false signatures. */
async function forgeSignatures(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    const send = Reflect.get(RTCDataChannel.prototype, 'send') as (bytes: Uint8Array) => void;
    Reflect.set(RTCDataChannel.prototype, 'send', function (this: RTCDataChannel, bytes: Uint8Array) {
      // A list of five, the first of which is 18; the signature is at its end.
      const isPost = bytes[0] === 0x85 && bytes[1] === 18;
      const last = bytes.length - 1;
      send.call(this, isPost ? bytes.map((byte, i) => (i === last ? byte ^ 1 : byte)) : bytes);
    });
  });
}

async function refusedByRelay(): Promise<Record<string, number>> {
  const response = await fetch(`${own.relay.http}/health`);
  return ((await response.json()) as { refused: Record<string, number> }).refused;
}

test(
  'chat reaches everybody, in the order of each sender, and a forged message nobody',
  async () => {
    const { streamer, near, far } = await openTree();
    const pages = { streamer, near, far };
    const texts: string[] = [];
    for (const [name, page] of Object.entries(pages)) {
      const own = [`${name} 1`, `${name} 2 ❤️`, `${name} 3`];
      texts.push(...own);
      await say(page, ...own);
    }
    for (const page of Object.values(pages)) await expectHeard(page, texts);

    const ids = { streamer: '', near: '', far: '' };
    for (const [name, page] of Object.entries(pages)) Reflect.set(ids, name, (await stats(page)).peerId);
    for (const [name, page] of Object.entries(pages)) {
      const all = await heard(page);
      expect(new Set(all.map(({ id }) => id)).size).toBe(9);
      for (const [sender, from] of Object.entries(ids)) {
        const ofOne = all.filter((message) => message.from === from);
        expect(ofOne.map(({ data }) => data)).toEqual(texts.filter((text) => text.startsWith(sender)));
        for (const { own, fromStreamer, sentAt } of ofOne) {
          expect({ own, fromStreamer }).toEqual({
            own: sender === name,
            fromStreamer: sender === 'streamer',
          });
          expect(Math.abs(sentAt - Date.now())).toBeLessThan(TEST_MS);
        }
      }
    }

    const reasons = await near.evaluate(async () => {
      const outcomes = await Promise.allSettled([
        stage.casto.send('x'.repeat(1_001)),
        ...Array.from({ length: 9 }, (_, i) => stage.casto.send(`flood ${i}`)),
      ]);
      return outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [(outcome.reason as { reason: string }).reason] : [],
      );
    });
    expect(reasons).toContain('too-large');
    expect(reasons).toContain('rate-limited');

    expect(await refusedByRelay()).not.toHaveProperty('post:forged');
    await forgeSignatures(far);
    await say(far, 'forged');
    await forgeSignatures(near);
    await near.waitFor(
      async () =>
        stage.casto.send('forged too').then(
          () => true,
          () => false,
        ),
      { timeoutMs: HEARD_MS, what: 'the page may speak again' },
    );
    await expect.poll(refusedByRelay, { timeout: HEARD_MS }).toMatchObject({ 'post:forged': 1 });
    await say(streamer, 'true');
    const hears = async (page: BrowserPage, text: string): Promise<boolean> =>
      (await heard(page)).some(({ data }) => data === text);
    await expect.poll(() => hears(near, 'true'), { timeout: HEARD_MS }).toBe(true);
    for (const page of [streamer, near]) expect(await hears(page, 'forged')).toBe(false);
    for (const page of [streamer, far]) expect(await hears(page, 'forged too')).toBe(false);

    const afterwards = await far.evaluate(async () => {
      await stage.casto.stop();
      return stage.casto.send('too late').catch((error: { reason: string }) => error.reason);
    });
    expect(afterwards).toBe('aborted');
  },
  TEST_MS,
);
