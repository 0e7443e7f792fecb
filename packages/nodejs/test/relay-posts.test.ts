/** What is said to everybody on a channel passes a headless relay, on real connections. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { controlCodec, type Post } from '@casto/core';
import { signPost } from '@casto/host';
import { until } from '@casto/host/conformance/loopback-peers';
import { NativeWorld, type NativePage, type NativeRelay } from './relay/native-pages.ts';
import { openSessions } from './whip/native-sessions.ts';
import { NativePublisher } from './whip/native-publisher.ts';

const WITHIN_MS = 15_000;
const TIMEOUT = { timeout: 60_000 };

let world: NativeWorld;
const closing: (() => void | Promise<void>)[] = [];

beforeEach(() => {
  world = new NativeWorld();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await world.stop();
});

async function viewer(channel: string, relay: NativeRelay): Promise<NativePage> {
  const page = await world.page(channel as NativePage['channel']);
  const { link } = await page.joinOver(relay);
  await until(() => link.isOpen, 'the link', WITHIN_MS);
  return page;
}

async function broadcast(): Promise<{ relay: NativeRelay; streamer: NativePage }> {
  const [relay, streamer] = [await world.relay(), await world.page()];
  await streamer.goLive(relay);
  const isLive = (): boolean => relay.channels.view(streamer.peer.id)?.flowing === true;
  await until(isLive, 'the broadcast', WITHIN_MS);
  return { relay, streamer };
}

function textsOf({ said }: NativePage): string[] {
  return said.map(({ text }) => text).sort();
}

test('the streamer and all viewers hear each other, in the order of each', TIMEOUT, async () => {
  const { relay, streamer } = await broadcast();
  const pages = [streamer, await viewer(streamer.channel, relay), await viewer(streamer.channel, relay)];
  // One that watches another page.
  const far = await world.page(streamer.channel);
  const { link } = await far.joinOver(pages[2] as NativePage);
  await until(() => link.isOpen, 'the link', WITHIN_MS);
  pages.push(far);

  for (const [i, page] of pages.entries()) {
    for (let n = 0; n < 4; n++) expect(await page.say(`${i}: ${n}`)).toBe('said');
  }
  await until(() => pages.every(({ said }) => said.length === 16), 'all texts everywhere', WITHIN_MS);

  for (const { said } of pages) {
    for (const [i, { peer }] of pages.entries()) {
      const ofOne = said.filter(({ from }) => from === peer.id).map(({ text }) => text);
      expect(ofOne).toEqual([0, 1, 2, 3].map((n) => `${i}: ${n}`));
    }
  }
  expect({ ...relay.refused.counts }).toEqual({});
});

test('a relay passes on nothing that is forged, and no flood', TIMEOUT, async () => {
  const { relay, streamer } = await broadcast();
  const [forger, flooder, other] = [
    await viewer(streamer.channel, relay),
    await viewer(streamer.channel, relay),
    await viewer(streamer.channel, relay),
  ];
  const send = (page: NativePage, post: Post): void => {
    for (const link of page.links) link.sendEncoded(controlCodec.encode({ type: 'post', ...post }));
  };
  const data = new TextEncoder().encode('hello');
  const sentAt = Math.floor(Date.now());
  const signed = await signPost(forger.peer.key, streamer.channel, { from: forger.peer.id, sentAt, data });
  send(forger, { ...signed, from: streamer.peer.id });
  await until(() => relay.refused.counts['post:forged'] === 1, 'the forgery is found', WITHIN_MS);

  for (let i = 0; i < 30; i++) {
    const from = flooder.peer.id;
    send(flooder, await signPost(flooder.peer.key, streamer.channel, { from, sentAt: sentAt + i, data }));
  }
  await other.say('last');
  await until(() => textsOf(streamer).includes('last'), 'what came after it', WITHIN_MS);
  await until(() => textsOf(flooder).includes('last'), 'what came after it', WITHIN_MS);

  const ofFlooder = streamer.said.filter(({ from }) => from === flooder.peer.id);
  expect(ofFlooder.length).toBeGreaterThanOrEqual(10);
  // One more for each second that it took.
  expect(ofFlooder.length).toBeLessThan(20);
  expect(streamer.said.filter(({ from }) => from === streamer.peer.id)).toEqual([]);
  expect(relay.refused.counts['post:too-many-of-sender']).toBeGreaterThan(0);
});

test('viewers of what comes in by WHIP hear each other', TIMEOUT, async () => {
  const relay = await world.relay();
  const { publishers, players, handle } = openSessions(relay);
  closing.push(
    () => players.close(),
    () => publishers.close(),
  );
  const publisher = new NativePublisher();
  closing.unshift(() => publisher.close());
  const { headers } = await publisher.publish(handle, '/whip/studio');
  publisher.start();
  const channel = String(headers['Casto-Channel']);
  const isLive = (): boolean =>
    relay.channels.status().find((entry) => entry.channel === channel)?.live === true;
  await until(isLive, 'the broadcast', WITHIN_MS);
  const [one, other] = [await viewer(channel, relay), await viewer(channel, relay)];

  await one.say('from one');
  await other.say('from the other');
  const isHeard = (page: NativePage): boolean => page.said.length === 2;
  await until(() => isHeard(one) && isHeard(other), 'both texts', WITHIN_MS);
  expect([textsOf(one), textsOf(other)]).toEqual([
    ['from one', 'from the other'],
    ['from one', 'from the other'],
  ]);
});
