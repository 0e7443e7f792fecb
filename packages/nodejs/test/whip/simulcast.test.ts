/** A publisher of three layers, a relay, and viewers of every kind on node-datachannel: who is sent which layer, and when. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { splitTrailer, type ChannelId } from '@casto/core';
import { LossyPath } from '../media/lossy-path.ts';
import { hasMarker, RTP_HEADER_BYTES, sequenceOf } from '../../src/media/rtp-packet.ts';
import type { Players } from '../../src/whip/players.ts';
import type { Publishers } from '../../src/whip/publishers.ts';
import { NativeWorld, type NativeChild, type NativeRelay } from '../relay/native-pages.ts';
import { missingNumbers } from '../missing-numbers.ts';
import { NativePlayer } from './native-player.ts';
import { openSessions } from './native-sessions.ts';
import { request, type Handle } from './native-publisher.ts';
import { FILLINGS, SimulcastPublisher, type Rid } from './simulcast-publisher.ts';

vi.setConfig({ testTimeout: 60_000 });
/** Timers of the publisher, which tells what time it is when it comes around to it. */
const CLOCK_TOLERANCE_MS = 30;
const WITHIN = { timeout: 20_000, interval: 20 };
let world: NativeWorld;
let relay: NativeRelay;
let publishers: Publishers;
let players: Players;
let handle: Handle;
let publisher: SimulcastPublisher;
let channel: ChannelId;
const clients: { close(): void }[] = [];

beforeEach(async () => {
  world = new NativeWorld();
  relay = await world.relay();
  ({ publishers, players, handle } = openSessions(relay));
  publisher = new SimulcastPublisher();
  clients.push(publisher);
  const { headers } = await publisher.publish(handle, '/whip/studio');
  channel = headers['Casto-Channel'] as ChannelId;
  publisher.start();
  await vi.waitUntil(isLive, WITHIN);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  players.close();
  await publishers.close();
  await world.stop();
});

function isLive(): boolean {
  return relay.channels.status().some((entry) => entry.channel === channel && entry.live);
}

/** Which encoding a packet is of, by what it is filled with. */
function ridOf(packet: Buffer | undefined): Rid | undefined {
  const filling = packet?.[RTP_HEADER_BYTES + 100];
  return (Object.keys(FILLINGS) as Rid[]).find((rid) => FILLINGS[rid] === filling);
}

function lastOf(packets: readonly Buffer[]): Rid | undefined {
  return ridOf(packets.at(-1));
}

async function play(
  through?: (answer: string) => Promise<string>,
): Promise<{ player: NativePlayer; location: string }> {
  const player = new NativePlayer();
  clients.push(player);
  const { status, headers } = await player.play(handle, '/whep/studio', through);
  expect(status).toBe(201);
  if (through === undefined) player.repair();
  return { player, location: String(headers['Location']) };
}

async function choose(location: string, encodingId: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = Buffer.from(JSON.stringify({ encodingId }));
  expect(await handle(request('POST', `${location}/layer`, { headers, body }))).toMatchObject({
    status: 200,
  });
}

async function watch(): Promise<{ child: NativeChild; video: Buffer[]; audio: Buffer[] }> {
  const page = await world.page(channel);
  const child = await page.joinOver(relay);
  await expect.poll(() => child.isFlowing, WITHIN).toBe(true);
  return { child, video: page.receive(child, 'video'), audio: page.receive(child, 'audio') };
}

/** What is lost on a busy machine is sent again; a number that nobody has used is missing for ever. */
async function expectNoGap(packets: readonly Buffer[]): Promise<void> {
  await expect.poll(() => missingNumbers(packets.map(sequenceOf)), WITHIN).toEqual([]);
}

test('all layers come in and are announced, and their streams are named in what the publisher is asked', async () => {
  const place = await relay.channels.play(channel);
  expect(place).toMatchObject({ signed: { record: { video: 'vp8', layers: 3, audio: true } } });
  if (typeof place === 'object') place.seat.leave();
  const { video, audio } = await watch();
  await expect.poll(() => lastOf(video), WITHIN).toBe('hi');
  await expect.poll(() => audio.length, WITHIN).toBeGreaterThan(20);
  const ssrcs = publisher.layers.map(({ ssrc }) => ssrc);
  await expect.poll(() => publisher.limitedSsrcs, WITHIN).toEqual(ssrcs);
  expect(relay.refused.counts).not.toHaveProperty('rtp-unknown-stream');
});

test('[K6.1] a child is sent the layer that it chooses, and trailers tell which that is', async () => {
  const { child, video } = await watch();
  await expect.poll(() => lastOf(video), WITHIN).toBe('hi');
  for (const [layer, rid] of [
    [2, 'lo'],
    [1, 'mid'],
    [0, 'hi'],
  ] as const) {
    child.link.send({ type: 'choose-layer', layer });
    await expect.poll(() => lastOf(video), WITHIN).toBe(rid);
  }
  let capturedAt = 0;
  for (const packet of video.filter((each) => hasMarker(each))) {
    const trailer = splitTrailer(packet.subarray(RTP_HEADER_BYTES))?.trailer;
    expect(trailer?.layer).toBe(['hi', 'mid', 'lo'].indexOf(ridOf(packet) ?? ''));
    // All layers are on one clock.
    expect(trailer?.capturedAt).toBeGreaterThanOrEqual(capturedAt - CLOCK_TOLERANCE_MS);
    capturedAt = trailer?.capturedAt ?? Infinity;
  }
  await expectNoGap(video);
});

test('a player is sent the layer that it chooses', async () => {
  const [first, second] = [await play(), await play()];
  await expect.poll(() => lastOf(first.player.video), WITHIN).toBe('hi');
  await choose(first.location, '2');
  await expect.poll(() => lastOf(first.player.video), WITHIN).toBe('lo');
  await choose(first.location, '0');
  await expect.poll(() => lastOf(first.player.video), WITHIN).toBe('hi');
  await expectNoGap(first.player.video);
  expect(new Set(second.player.video.map(ridOf))).toEqual(new Set(['hi']));
});

test('[M2.3] viewers of a layer that falls silent are sent the next one, and go back when it has come back', async () => {
  const { player } = await play();
  const { video } = await watch();
  await expect.poll(() => lastOf(video), WITHIN).toBe('hi');
  await expect.poll(() => lastOf(player.video), WITHIN).toBe('hi');
  publisher.silent.add('hi');
  await expect.poll(() => lastOf(video), WITHIN).toBe('mid');
  await expect.poll(() => lastOf(player.video), WITHIN).toBe('mid');
  publisher.silent.add('mid');
  await expect.poll(() => lastOf(player.video), WITHIN).toBe('lo');
  expect(isLive()).toBe(true);
  publisher.silent.clear();
  await expect.poll(() => lastOf(video), WITHIN).toBe('hi');
  await expect.poll(() => lastOf(player.video), WITHIN).toBe('hi');
  await expectNoGap(player.video);
});

test('[M2.3] a player that loses packets is sent a lower layer, and the higher one again when it loses none', async () => {
  let path: LossyPath | null = null;
  const { player } = await play(async (answer) => {
    const [, port = ''] = / 127\.0\.0\.1 (\d+) typ host/.exec(answer) ?? [];
    const made = await LossyPath.to(Number(port));
    path = made;
    clients.push(made);
    return answer.replaceAll(` 127.0.0.1 ${port} `, ` 127.0.0.1 ${made.port} `);
  });
  const lose = (each: number | null): void => {
    let count = 0;
    if (path !== null) path.loses = () => each !== null && ++count % each === 0;
  };
  player.report();
  await expect.poll(() => lastOf(player.video), WITHIN).toBe('hi');
  lose(5);
  await expect.poll(() => lastOf(player.video), WITHIN).toBe('mid');
  lose(null);
  await expect.poll(() => lastOf(player.video), WITHIN).toBe('hi');
});
