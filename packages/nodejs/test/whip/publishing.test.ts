/** A publisher on node-datachannel, a relay, and a page that watches: WHIP from the first packet to the last. */

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { splitPadding, splitTrailer, type ChannelId } from '@casto/core';
import { RTP_HEADER_BYTES, hasMarker } from '../../src/media/rtp-packet.ts';
import type { Publishers } from '../../src/whip/publishers.ts';
import type { SessionResponse } from '../../src/whip/session-endpoint.ts';
import { NativeWorld, type NativeRelay } from '../relay/native-pages.ts';
import { openSessions } from './native-sessions.ts';
import { NativePublisher, request, type Handle } from './native-publisher.ts';

vi.setConfig({ testTimeout: 40_000 });
const WITHIN = { timeout: 15_000, interval: 20 };
let world: NativeWorld;
let relay: NativeRelay;
let publishers: Publishers;
let handle: Handle;
const clients: NativePublisher[] = [];

beforeEach(async () => {
  world = new NativeWorld();
  relay = await world.relay();
  ({ publishers, handle } = openSessions(relay));
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await publishers.close();
  await world.stop();
});

function newPublisher(options: ConstructorParameters<typeof NativePublisher>[0] = {}): NativePublisher {
  const client = new NativePublisher(options);
  clients.push(client);
  return client;
}

function channelOf({ headers }: SessionResponse): ChannelId {
  return headers['Casto-Channel'] as ChannelId;
}

function statusOf(channel: string): { live: boolean; title: string; viewers: number } | undefined {
  return relay.channels.status().find((entry) => entry.channel === channel);
}

/** The trailers at the ends of frames. */
function trailersOf(packets: readonly Buffer[]) {
  return packets
    .filter((packet) => hasMarker(packet))
    .map((packet) => splitTrailer(packet.subarray(RTP_HEADER_BYTES))?.trailer ?? null);
}

describe('a publisher', () => {
  test('becomes a live channel, and a page that watches it gets its frames with trailers', async () => {
    const publisher = newPublisher();
    const response = await publisher.publish(handle, '/whip/studio');
    expect(response).toMatchObject({ status: 201, headers: { 'Content-Type': 'application/sdp' } });
    publisher.start();
    const channel = channelOf(response);
    await expect.poll(() => statusOf(channel), WITHIN).toMatchObject({ live: true, title: 'studio' });
    // It is listed like a page's.
    expect(relay.channels.census.live()).toMatchObject([{ channel, isOwn: true }]);
    expect(relay.channels.carried).toEqual([channel]);

    const page = await world.page(channel);
    const child = await page.joinOver(relay);
    await expect.poll(() => child.isFlowing, WITHIN).toBe(true);
    expect(child.link.remoteState).toMatchObject({ depth: 1, flowing: true });
    const video = page.receive(child, 'video');
    const audio = page.receive(child, 'audio');
    await expect.poll(() => trailersOf(video).length, WITHIN).toBeGreaterThan(30);
    await expect.poll(() => audio.length, WITHIN).toBeGreaterThan(30);

    const trailers = trailersOf(video);
    const [first] = trailers;
    trailers.forEach((trailer, index) => {
      expect(trailer).toMatchObject({
        sequence: (first?.sequence ?? 0) + index,
        epoch: child.link.remoteState?.epoch,
        layer: 0,
      });
      expect(Math.abs(Date.now() - (trailer?.capturedAt ?? 0))).toBeLessThan(15_000);
    });
    const keys = trailers.filter((trailer) => trailer?.references === 0).length;
    expect(keys).toBeGreaterThan(1);
    expect(keys).toBeLessThan(trailers.length / 2);
    const sounds = audio.map((packet) => splitPadding(packet.subarray(RTP_HEADER_BYTES)));
    expect(sounds.every((sound) => sound !== null)).toBe(true);
    expect(sounds[0]?.frame.subarray(0, 4)).toEqual(new Uint8Array([0xf8, 1, 2, 3]));
  });

  test('ends its channel when it deletes its session', async () => {
    const publisher = newPublisher();
    const response = await publisher.publish(handle, '/whip/studio');
    publisher.start();
    await expect.poll(() => statusOf(channelOf(response))?.live, WITHIN).toBe(true);
    const location = String(response.headers['Location']);
    expect(await handle(request('DELETE', location))).toMatchObject({ status: 200 });
    await expect.poll(() => statusOf(channelOf(response)), WITHIN).toBeUndefined();
    expect(await handle(request('DELETE', location))).toMatchObject({ status: 404 });
  });

  test('has the same channel under the same name, and keeps others from it', async () => {
    const first = newPublisher();
    const response = await first.publish(handle, '/whip/studio');
    first.start();
    await expect.poll(() => statusOf(channelOf(response))?.live, WITHIN).toBe(true);
    expect(await newPublisher().publish(handle, '/whip/studio')).toMatchObject({ status: 409 });
    const other = await newPublisher().publish(handle, '/whip/Studio');
    expect(channelOf(other)).not.toBe(channelOf(response));

    await handle(request('DELETE', String(response.headers['Location'])));
    const again = await newPublisher().publish(handle, '/whip/studio');
    expect(channelOf(again)).toBe(channelOf(response));
  });
});

test('viewers keep their link while a publisher is lost and comes back', async () => {
  const first = newPublisher();
  const response = await first.publish(handle, '/whip/studio');
  first.start();
  const channel = channelOf(response);
  await expect.poll(() => statusOf(channel)?.live, WITHIN).toBe(true);
  const page = await world.page(channel);
  const child = await page.joinOver(relay);
  await expect.poll(() => child.isFlowing, WITHIN).toBe(true);
  const video = page.receive(child, 'video');
  await expect.poll(() => video.length, WITHIN).toBeGreaterThan(10);
  const epoch = child.link.remoteState?.epoch ?? 0;

  first.close();
  const rejoin = async (): Promise<number> => {
    const second = newPublisher();
    second.start();
    return (await second.publish(handle, '/whip/studio')).status;
  };
  await expect.poll(rejoin, { timeout: 15_000, interval: 500 }).toBe(201);
  await expect.poll(() => trailersOf(video).at(-1)?.epoch ?? 0, WITHIN).toBeGreaterThan(epoch);
  expect(child.link.isClosed).toBe(false);
});
