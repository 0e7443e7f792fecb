/** `<casto-player>` in a page of another origin than the relay's, used with mouse, keyboard and touch. */

import { describe, expect, test } from 'vitest';

import type { BrowserPage } from '../harness/browsers.ts';
import {
  expectPart,
  expectPlayerShows,
  expectState,
  LIVE_MS,
  moveMouse,
  partSelector,
  partText,
  takePicture,
  usePlayerStage,
  watchChannel,
} from './player-stage.ts';

const RECONNECT_MS = 60_000;
const UNKNOWN_CHANNEL = '12D3KooWGRUnTVLzG1C9gRvzHMYpZUvpUTGmLqoAdcbrTvgFGUr1';

const stage = usePlayerStage({ '/two': twoPlayers(), '/early': earlyPlayer() });

describe('watching', () => {
  test('shows the pictures, tells state and figures, and plays with sound where it may', async () => {
    const { broadcast, streamer } = await stage.goLive();
    const page = await stage.open();
    expect(await partText(page, 'message-title')).toBe('Nothing to watch yet');
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    await expectPlayerShows(page, { tag: 7 });

    expect(await page.evaluate(() => told.filter((fact) => fact.startsWith('casto')))).toEqual([
      'castostate connecting',
      'castostate live',
    ]);
    expect(await page.evaluate(() => player().muted)).toBe(false);
    await expectPart(page, 'sound-prompt', null);
    await expectPart(page, 'badge', /Live\d+ ms|Live\d\.\d s/);
    await expectPart(page, 'quality', /360p\d* · [\d.]+ [kM]b\/s/, { hover: true });
    const stats = await page.evaluate(
      () =>
        new Promise((resolve) =>
          player().addEventListener('castostats', ({ detail }) => resolve(detail.role), { once: true }),
        ),
    );
    expect(stats).toBe('viewer');
    expect(problemsOf(page, streamer)).toEqual([]);
  });

  test('without autoplay it waits for the button', async () => {
    const { broadcast } = await stage.goLive();
    const page = await stage.open();
    await page.evaluate(() => player().removeAttribute('autoplay'));
    await watchChannel(page, broadcast.channel);
    await expectPart(page, 'big-play', /Play/);
    expect(await page.evaluate(() => player().casto)).toBeNull();
    await page.click(partSelector('big-play'));
    await expectState(page, 'live');
    await expectPlayerShows(page, { tag: 7 });
  });

  test('the poster is there until the first picture', async () => {
    const { broadcast } = await stage.goLive();
    const page = await stage.open();
    await page.evaluate(() => {
      const svg =
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 9'><rect width='16' height='9' fill='teal'/></svg>";
      player().poster = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    });
    await expectPart(page, 'poster', /^$/);
    await takePicture(page, 'poster');
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    await expectPart(page, 'poster', null);
  });

  test('another channel takes the place of the first', async () => {
    const first = await stage.goLive(3);
    const second = await stage.goLive(4);
    const page = await stage.open();
    await watchChannel(page, first.broadcast.channel);
    await expectState(page, 'live');
    await expectPlayerShows(page, { tag: 3 });
    await watchChannel(page, second.broadcast.channel);
    await page.waitFor(
      (channel) => player().casto?.channel === channel && player().state === 'live',
      { timeoutMs: LIVE_MS, what: 'the second channel is live' },
      second.broadcast.channel,
    );
    await expectPlayerShows(page, { tag: 4 });
  });

  test('two players on one page', async () => {
    const [first, second] = [await stage.goLive(1), await stage.goLive(2)];
    const page = await stage.openAt(`${stage.origin}/two`);
    await watchChannel(page, first.broadcast.channel, '#one');
    await watchChannel(page, second.broadcast.channel, '#two');
    await expectState(page, 'live', { selector: '#one' });
    await expectState(page, 'live', { selector: '#two' });
    await expectPlayerShows(page, { tag: 1, selector: '#one' });
    await expectPlayerShows(page, { tag: 2, selector: '#two' });
    expect(await page.evaluate(() => document.querySelector('#one')?.shadowRoot !== null)).toBe(true);
    expect(problemsOf(page)).toEqual([]);
  });

  test('says how many it relays to', async () => {
    const { broadcast } = await stage.goLive();
    const page = await stage.open();
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    // Who relays to whom is the tree's own affair, so the count is what the page's figures are told to be.
    await page.evaluate(() => {
      const child = { peerId: 'somebody', kind: 'browser' as const, role: 'active' as const, rttMs: 3 };
      const { casto } = player();
      if (!casto) throw new Error('nothing is watched');
      const real = casto.stats.bind(casto);
      casto.stats = async () => ({ ...(await real()), children: [child, child] });
    });
    await expectPart(page, 'relaying', /You are relaying to 2/, { hover: true });
    await takePicture(page, 'relaying');
    await page.setViewport({ width: 360, height: 640 });
    await expectPart(page, 'relaying', /You are relaying to 2/, { hover: true });
    await takePicture(page, 'relaying-360');
  });
});

describe('when things go wrong', () => {
  test('the relay is gone: reconnecting, then live again', async () => {
    const { broadcast } = await stage.goLive();
    const page = await stage.open();
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    await expectPlayerShows(page, { tag: 7 });
    await stage.relay.kill();
    await expectState(page, 'reconnecting');
    expect(await partText(page, 'badge')).toMatch(/Reconnecting/);
    await takePicture(page, 'reconnecting');
    await stage.relay.restart();
    await expectState(page, 'live', { timeoutMs: RECONNECT_MS });
    await expectPlayerShows(page, { tag: 7 });
  }, 150_000);

  test('the streamer leaves: the end is said', async () => {
    const { broadcast, streamer } = await stage.goLive();
    const page = await stage.open();
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    await streamer.evaluate(() => globalThis.stage.casto.stop());
    await expectState(page, 'ended');
    expect(await partText(page, 'message-title')).toBe('The broadcast has ended');
    await takePicture(page, 'ended');
    expect(await partText(page, 'controls')).toBeNull();
  });

  test('a channel that nobody knows: words, and a button that tries again', async () => {
    const page = await stage.open();
    await watchChannel(page, UNKNOWN_CHANNEL);
    await expectState(page, 'failed');
    expect(await partText(page, 'message-title')).toBe('Nobody knows this broadcast');
    expect(await page.evaluate(() => player().error?.reason)).toBe('channel-not-found');
    await page.click(partSelector('retry'));
    await page.waitFor(() => told.filter((fact) => fact === 'castostate connecting').length === 2, {
      timeoutMs: 5_000,
    });
    await expectState(page, 'failed');
    expect(await page.evaluate(() => told.filter((fact) => fact.startsWith('castoerror')))).toEqual([
      'castoerror channel-not-found',
      'castoerror channel-not-found',
    ]);
  });

  test('a relay that is none: words instead of an exception', async () => {
    const page = await stage.open();
    await page.evaluate(() => player().setAttribute('relays', 'ftp://nowhere'));
    await watchChannel(page, UNKNOWN_CHANNEL);
    await expectState(page, 'failed');
    expect(await page.evaluate(() => player().error?.reason)).toBe('protocol');
    expect(problemsOf(page)).toEqual([]);
  });
});

describe('in the document', () => {
  test('taking it out leaves the broadcast, putting it back joins again', async () => {
    const { broadcast, streamer } = await stage.goLive();
    const page = await stage.open();
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    await page.evaluate(() => {
      Object.assign(globalThis, { kept: player() });
      player().remove();
    });
    await page.waitFor(() => castoHarness.openConnections().length === 0, { timeoutMs: 10_000 });
    await streamer.waitFor(async () => (await globalThis.stage.casto.stats()).children.length <= 1, {
      timeoutMs: 10_000,
    });
    expect(await page.evaluate(() => told.at(-1))).toBe('castostate idle');
    await page.evaluate(() =>
      document.querySelector('main')?.append(Reflect.get(globalThis, 'kept') as Node),
    );
    await expectState(page, 'live');
    await expectPlayerShows(page, { tag: 7 });
  });

  test('moving it keeps the broadcast', async () => {
    const { broadcast } = await stage.goLive();
    const page = await stage.open();
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    const isSame = await page.evaluate(async () => {
      const { casto } = player();
      const place = document.body.appendChild(document.createElement('section'));
      place.append(player());
      await new Promise((resolve) => setTimeout(resolve, 50));
      return player().casto === casto && player().closest('section') !== null;
    });
    expect(isSame).toBe(true);
    await expectPlayerShows(page, { tag: 7 });
  });

  test('attributes and properties say the same', async () => {
    const page = await stage.open();
    const seen = await page.evaluate(() => {
      const made = document.createElement('casto-player');
      made.relays = ['https://a.example', 'https://b.example'];
      made.liveParents = 2;
      made.maxChildren = 3;
      made.controls = true;
      made.channel = 'abc';
      made.app = 'shop';
      const markup = made.outerHTML;
      made.channel = null;
      made.relay = 'off';
      return {
        markup,
        relays: made.relays,
        maxChildren: made.maxChildren,
        has: made.hasAttribute('channel'),
      };
    });
    expect(seen.markup).toBe(
      '<casto-player relays="https://a.example https://b.example" live-parents="2" max-children="3" controls="" channel="abc" app="shop"></casto-player>',
    );
    expect(seen).toMatchObject({
      relays: ['https://a.example', 'https://b.example'],
      maxChildren: 0,
      has: false,
    });
  });
});

describe('a page that is faster than its scripts', () => {
  test('what it has set before the element was defined counts', async () => {
    const page = await stage.openAt(`${stage.origin}/early`);
    await page.waitFor(() => customElements.get('casto-player') !== undefined, { timeoutMs: 10_000 });
    const seen = await page.evaluate(() => {
      const early = document.querySelector('casto-player');
      return { channel: early?.getAttribute('channel'), controls: early?.controls, muted: early?.muted };
    });
    expect(seen).toEqual({ channel: 'abc', controls: true, muted: true });
  });
});

describe('controls', () => {
  async function watching(options: Parameters<typeof stage.open>[0] = {}): Promise<BrowserPage> {
    const { broadcast } = await stage.goLive();
    const page = await stage.open(options);
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    await page.waitFor(() => player().video.readyState >= 2, { timeoutMs: 10_000 });
    return page;
  }

  test('the keyboard pauses, mutes, changes the volume, and fills the screen', async () => {
    const page = await watching();
    // Into the player by Tab alone.
    await page.press('Tab');
    expect(await page.evaluate(() => player().shadowRoot?.activeElement?.getAttribute('aria-label'))).toBe(
      'Pause',
    );
    await page.press('KeyK');
    expect(await page.evaluate(() => [player().paused, player().video.paused])).toEqual([true, true]);
    await expectPart(page, 'badge', /Paused/);
    // The button itself.
    await page.press('Space');
    await page.waitFor(() => !player().paused && !player().video.paused, { timeoutMs: 5_000 });
    await expectPlayerShows(page, { tag: 7 });

    await page.press('KeyM');
    expect(await page.evaluate(() => [player().muted, player().video.muted])).toEqual([true, true]);
    await page.press('KeyM');
    expect(await page.evaluate(() => player().muted)).toBe(false);
    await page.press('ArrowDown');
    await page.press('ArrowDown');
    expect(await page.evaluate(() => player().volume)).toBe(0.9);
    await page.press('ArrowUp');
    expect(await page.evaluate(() => player().volume)).toBe(0.95);

    await page.press('KeyF');
    await page.waitFor(() => document.fullscreenElement === player(), { timeoutMs: 5_000 });
    await expectPart(page, 'fullscreen', /Leave full screen/, { hover: true });
    await page.press('KeyF');
    await page.waitFor(() => document.fullscreenElement === null, { timeoutMs: 5_000 });
    expect(problemsOf(page)).toEqual([]);
  });

  test('picture-in-picture where the browser has it', async () => {
    const page = await watching();
    const canFloat = await page.evaluate(() => document.pictureInPictureEnabled);
    await expectPart(page, 'picture-in-picture', canFloat ? /./ : null, { hover: true });
    if (!canFloat) return;
    await page.click(partSelector('picture-in-picture'));
    await page.waitFor(() => player().shadowRoot?.pictureInPictureElement === player().video, {
      timeoutMs: 10_000,
    });
    await expectPart(page, 'picture-in-picture', /Back/, { hover: true });
    await page.click(partSelector('picture-in-picture'));
    await page.waitFor(() => document.pictureInPictureElement === null, { timeoutMs: 10_000 });
  });

  test('hide from those who only watch, and come back for the mouse and the keyboard', async () => {
    const page = await watching();
    await moveMouse(page);
    await expectPart(page, 'controls', /./);
    await expectPart(page, 'controls', null);
    await page.press('Tab');
    await expectPart(page, 'controls', /./);
  });

  test('a click on the picture pauses, a tap shows the controls', async () => {
    const page = await watching({ touch: 'yes' });
    await page.click('#player .surface');
    expect(await page.evaluate(() => player().paused)).toBe(true);
    await page.click('#player .surface');
    await page.waitFor(() => !player().paused, { timeoutMs: 5_000 });
    await expectPart(page, 'controls', null);
    await page.evaluate(() =>
      player()
        .shadowRoot?.querySelector('.surface')
        ?.dispatchEvent(new PointerEvent('click', { pointerType: 'touch', bubbles: true, composed: true })),
    );
    await expectPart(page, 'controls', /./);
    expect(await page.evaluate(() => player().paused)).toBe(false);
  });

  test('a player without controls has none, and no keys', async () => {
    const page = await watching();
    await page.evaluate(() => player().removeAttribute('controls'));
    expect(await partText(page, 'controls')).toBeNull();
    await page.click('#player .surface');
    await page.press('KeyK');
    expect(await page.evaluate(() => player().paused)).toBe(false);
  });
});

describe('for everyone', () => {
  test('whoever wants no motion gets none', async () => {
    const { broadcast } = await stage.goLive();
    const page = await stage.open({ reducedMotion: 'reduce' });
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    expect(await page.evaluate(() => player().shadowRoot?.getAnimations().length)).toBe(0);
  });

  test('in a page that runs from right to left the layout is mirrored, and the words are not', async () => {
    const { broadcast } = await stage.goLive();
    const page = await stage.open();
    await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
    await watchChannel(page, broadcast.channel);
    await expectState(page, 'live');
    await expectPart(page, 'quality', /b\/s/, { hover: true });
    await page.press('Tab');
    const [play, fullscreen] = await page.evaluate(() =>
      ['play', 'fullscreen'].map((part) => {
        const found = player().shadowRoot?.querySelector(`[part~="${part}"]`);
        return found?.getBoundingClientRect().left ?? 0;
      }),
    );
    expect(play).toBeGreaterThan(fullscreen ?? 0);
    await takePicture(page, 'live-rtl');
  });
});

/** Errors that are not the test's own doing. */
function problemsOf(...pages: BrowserPage[]): string[] {
  return pages.flatMap(({ errors }) => errors).filter((error) => !error.includes('/is-live'));
}

function twoPlayers(): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Two</title><link rel="icon" href="data:,">
<casto-player id="one" relays="RELAY" autoplay muted controls style="width: 400px"></casto-player>
<casto-player id="two" relays="RELAY" autoplay muted controls style="width: 400px"></casto-player>
<script type="module" src="RELAY/casto-player.js"></script></html>`;
}

function earlyPlayer(): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Early</title><link rel="icon" href="data:,">
<casto-player></casto-player>
<script>Object.assign(document.querySelector('casto-player'), { channel: 'abc', controls: true, muted: true })</script>
<script type="module" src="RELAY/casto-player.js"></script></html>`;
}
