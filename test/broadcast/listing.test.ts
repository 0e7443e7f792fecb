/** Pages that list channels, pages that broadcast them, and two relays between. */

import { expect, test } from 'vitest';
import type { CastoChannels } from 'casto';
import type { BrowserPage } from '../harness/browsers.ts';
import { startRelay } from '../harness/relay-process.ts';
import { useNeighbour, useRelayStage } from './relay-stage.ts';
import { goLive, stop, watch } from './stage.ts';

declare global {
  var lists: { list: CastoChannels; events: { type: string; channel: string; title: string }[] };
}

const WITHIN_MS = 40_000;

const relayStage = useRelayStage();
const neighbour = useNeighbour(relayStage);
const { newPage } = relayStage;

async function openList(relays: string[]): Promise<BrowserPage> {
  const page = await newPage();
  await page.evaluate((origins) => {
    const list = stage.CASTO.channels({ relays: origins });
    globalThis.lists = { list, events: [] };
    for (const type of ['added', 'changed', 'removed'] as const) {
      list.addEventListener(type, ({ detail: { channel, title } }) => {
        lists.events.push({ type, channel, title });
      });
    }
  }, relays);
  return page;
}

async function eventTypes(page: BrowserPage, channel: string): Promise<string[]> {
  return page.evaluate(
    (id) => lists.events.filter((event) => event.channel === id).map(({ type }) => type),
    channel,
  );
}

/** The size to which the browser decodes the snapshot of a channel, and what kind of picture it is. */
async function decodedSnapshot(page: BrowserPage, channel: string) {
  await page.waitFor(
    (id) => lists.list.channels.some((one) => one.channel === id && one.snapshot !== null),
    { timeoutMs: WITHIN_MS, what: 'a snapshot' },
    channel,
  );
  return page.evaluate(async (id) => {
    const snapshot = lists.list.channels.find((one) => one.channel === id)?.snapshot;
    if (!snapshot) throw new Error('no snapshot');
    const bitmap = await createImageBitmap(snapshot.blob);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context?.drawImage(bitmap, 0, 0);
    const pixels = context?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? [];
    const { width, height } = bitmap;
    const { type, size } = snapshot.blob;
    const ageMs = Date.now() - snapshot.takenAt;
    return { width, height, type, size, brightest: Math.max(...pixels.slice(0, 40_000)), ageMs };
  }, channel);
}

for (const name of ['its own relay', 'another relay'] as const) {
  test(`a page at ${name} lists what is live, with a picture of it`, { timeout: 120_000 }, async () => {
    const relay = name === 'its own relay' ? relayStage.relay : neighbour.relay;
    const list = await openList([relay.http]);
    const [shown, hidden] = [await newPage(), await newPage()];
    const broadcast = { relays: [relayStage.relay.http], title: 'on <b>air</b>' };
    const { channel } = await goLive(shown, broadcast, { width: 640, height: 360 });
    const unlisted = await goLive(hidden, {
      relays: [relayStage.relay.http],
      title: 'by link',
      listed: false,
    });

    const picture = await decodedSnapshot(list, channel);
    expect(picture).toMatchObject({ width: 320, height: 180, type: 'image/jpeg' });
    expect(picture.size).toBeLessThanOrEqual(24_576);
    expect(picture.brightest).toBeGreaterThan(64);
    expect(picture.ageMs).toBeLessThan(WITHIN_MS);

    const entry = await list.evaluate(() => {
      const { channels, state } = lists.list;
      return { state, count: channels.length, first: { ...channels[0], snapshot: null } };
    });
    expect(entry).toEqual({
      state: 'connected',
      count: 1,
      first: {
        channel,
        title: 'on <b>air</b>',
        app: '',
        startedAt: expect.any(Number) as number,
        viewers: 0,
        video: 'vp8',
        audio: true,
        snapshot: null,
      },
    });

    // Who has the link watches what is in no list.
    const viewer = await newPage();
    await watch(viewer, { relays: [relayStage.relay.http], channel: unlisted.channel });
    expect(await list.evaluate(() => lists.list.channels.length)).toBe(1);

    const another = await newPage();
    await watch(another, { relays: [relayStage.relay.http], channel });
    await list.waitFor(() => lists.list.channels[0]?.viewers === 1, {
      timeoutMs: WITHIN_MS,
      what: 'a viewer is counted',
    });
    await stop(shown);
    await list.waitFor(() => lists.list.channels.length === 0, {
      timeoutMs: WITHIN_MS,
      what: 'an empty list',
    });
    const types = await eventTypes(list, channel);
    expect(types.at(0)).toBe('added');
    expect(types.at(-1)).toBe('removed');
    expect(types.slice(1, -1).every((type) => type === 'changed')).toBe(true);
    expect(types.length).toBeGreaterThanOrEqual(4);
    expect(await eventTypes(list, unlisted.channel)).toEqual([]);
    expect([...list.errors, ...shown.errors]).toEqual([]);
  });
}

test(
  'several relays make one list, and one that is lost does not empty it',
  { timeout: 120_000 },
  async () => {
    const own = await startRelay({ flags: ['--no-mdns'] });
    try {
      const list = await openList([own.http, relayStage.relay.http]);
      const [one, other] = [await newPage(), await newPage()];
      const { channel } = await goLive(one, { relays: [own.http], title: 'one' });
      await goLive(other, { relays: [relayStage.relay.http], title: 'other' });
      await list.waitFor(() => lists.list.channels.length === 2, {
        timeoutMs: WITHIN_MS,
        what: 'both channels',
      });

      await own.kill();
      await own.restart();
      // The streamer comes back to its relay, and all the while the channel stays.
      await list.waitFor(() => lists.list.state === 'connected', { timeoutMs: WITHIN_MS, what: 'the relay' });
      await expect
        .poll(async () => (await (await fetch(`${own.http}/health`)).json()) as object, {
          timeout: WITHIN_MS,
        })
        .toMatchObject({ channels: [{ channel, live: true }] });
      expect(await eventTypes(list, channel)).not.toContain('removed');

      await list.evaluate(() => lists.list.close());
      const before = await list.evaluate(() => lists.events.length);
      await stop(one);
      await stop(other);
      expect(await list.evaluate(() => lists.events.length)).toBe(before);
    } finally {
      await own.stop();
    }
  },
);
