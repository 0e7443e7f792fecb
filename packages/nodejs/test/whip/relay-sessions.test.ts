/** WHIP and WHEP of the relay as a whole. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, expect, test, vi } from 'vitest';
import { isPeerId, type ChannelId } from '@casto/core';
import type { ChannelNews } from '@casto/host';
import type { Reachable } from '@casto/host/conformance/loopback-peers';
import { createRelay } from '../../src/relay.ts';
import type { Relay, RelayOptions } from '../../src/relay-options.ts';
import type { SessionResponse } from '../../src/whip/session-endpoint.ts';
import { readRemb } from '../media/remb.ts';
import { readBlocks } from '../media/rtcp-blocks.ts';
import { NativeWorld } from '../relay/native-pages.ts';
import type { Handle } from './native-publisher.ts';
import { NativePlayer } from './native-player.ts';
import { NativePublisher, request } from './native-publisher.ts';

vi.setConfig({ testTimeout: 40_000 });
const WITHIN = { timeout: 15_000, interval: 20 };
let world = new NativeWorld();
const relays: Relay[] = [];
const clients: { close(): void }[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await world.stop();
  world = new NativeWorld();
  for (const relay of relays.splice(0)) await relay.stop();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(options: RelayOptions = {}): Promise<{ relay: Relay; handle: Handle }> {
  const relay = await createRelay({ host: '127.0.0.1', mdns: false, ...options });
  relays.push(relay);
  return { relay, handle: (asked) => relay.handleSession(asked) };
}

function newPublisher(): NativePublisher {
  const publisher = new NativePublisher();
  clients.push(publisher);
  return publisher;
}

function channelOf({ headers }: SessionResponse): ChannelId {
  const channel = String(headers['Casto-Channel']);
  if (!isPeerId(channel)) throw new Error('no channel');
  return channel;
}

/** The relay as pages connect to it. */
function reached({ peerId, multiaddrs }: Relay): { peer: Reachable } {
  if (!isPeerId(peerId)) throw new Error('no peer id');
  const addresses = multiaddrs.filter((one) => one.includes('/ws/')).map((one) => multiaddr(one));
  return { peer: { id: peerId, libp2p: { getMultiaddrs: () => addresses } } };
}

/** What a publisher was asked to stay below, in bits per second. */
function limitsOf({ rtcp }: NativePublisher): number[] {
  const limits = rtcp.flatMap((packet) => readBlocks(packet).map(({ block }) => readRemb(block)));
  return limits.filter((limit) => limit !== null);
}

test('a name has the same channel after a restart, and another one at another relay', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'casto-whip-'));
  folders.push(dataDir);
  const channels: unknown[] = [];
  for (const options of [{ dataDir }, { dataDir }, {}]) {
    const { relay, handle } = await start(options);
    const { headers } = await newPublisher().publish(handle, '/whip/studio');
    channels.push(headers['Casto-Channel']);
    await relay.stop();
    // In one process the sockets of the relay before may stay open for a while.
    await rm(join(dataDir, 'ports.json'), { force: true });
  }
  expect(channels[1]).toBe(channels[0]);
  expect(channels[2]).not.toBe(channels[0]);
});

test('viewers are not told that a broadcast is over when its relay stops', async () => {
  const { relay, handle } = await start();
  const publisher = newPublisher();
  const response = await publisher.publish(handle, '/whip/studio');
  publisher.start();
  await expect.poll(() => relay.status().channels[0]?.live, WITHIN).toBe(true);
  const channel = channelOf(response);
  const page = await world.page(channel);
  const news: ChannelNews[] = [];
  await (await page.rendezvous(reached(relay))).watch(channel, (told) => void news.push(told));
  const child = await page.joinOver(reached(relay));
  await expect.poll(() => child.isFlowing, WITHIN).toBe(true);

  await relay.stop();
  await expect.poll(() => page.links.size, WITHIN).toBe(0);
  expect(page.heard.filter(({ type }) => type === 'farewell')).toEqual([
    { type: 'farewell', reason: 'leaving' },
  ]);
  expect(news.length).toBeGreaterThan(0);
  expect(news.filter(({ live }) => !live)).toEqual([]);
});

test('publishers need the token of streamers, players do not', async () => {
  const { relay, handle } = await start({ publishToken: 'secret' });
  expect(await newPublisher().publish(handle, '/whip/studio')).toMatchObject({ status: 401 });
  const publisher = newPublisher();
  const headers = { authorization: 'Bearer secret' };
  expect(await publisher.publish(handle, '/whip/studio', headers)).toMatchObject({ status: 201 });
  publisher.start();
  await expect.poll(() => relay.status().channels[0]?.live, WITHIN).toBe(true);
  const player = new NativePlayer();
  clients.push(player);
  expect(await player.play(handle, '/whep/studio')).toMatchObject({ status: 201 });
  await expect.poll(() => player.video.length, WITHIN).toBeGreaterThan(10);
  expect(relay.status()).toMatchObject({
    viewers: 1,
    channels: [{ title: 'studio', live: true, viewers: 1 }],
  });
});

test('a relay that is full sends players away for a while', async () => {
  const { relay, handle } = await start({ maxViewers: 1 });
  const publisher = newPublisher();
  await publisher.publish(handle, '/whip/studio');
  publisher.start();
  await expect.poll(() => relay.status().channels[0]?.live, WITHIN).toBe(true);
  const players = [new NativePlayer(), new NativePlayer()];
  clients.push(...players);
  const statuses = [];
  for (const player of players) statuses.push(await player.play(handle, '/whep/studio'));
  expect(statuses).toMatchObject([{ status: 201 }, { status: 503, headers: { 'Retry-After': '5' } }]);
});

test('players that come too fast are told when to come again, before anything is looked for', async () => {
  const { relay, handle } = await start({ maxJoinsPerSecond: 1 });
  const path = `/whep/${relay.peerId}`;
  const players = Array.from({ length: 4 }, () => new NativePlayer());
  clients.push(...players);
  const responses = await Promise.all(players.map((player) => player.play(handle, path)));
  const [first, second, ...others] = responses.toSorted((a, b) => a.status - b.status);
  expect([first?.status, second?.status]).toEqual([404, 404]);
  for (const { status, headers } of others) {
    expect(status).toBe(503);
    expect(headers['Retry-After']).toMatch(/^[1-4]$/);
  }
  expect(relay.metrics()).toMatchObject({
    refused: { 'whep:too-many': 2 },
    sessions: { players: { results: { 'not-found': 2, unavailable: 2 } } },
  });
});

test('a publisher is told what it may send, and is cut off when it sends far more for seconds', async () => {
  const { relay, handle } = await start({ maxChannelBitrateBps: 50_000 });
  const publisher = newPublisher();
  await publisher.publish(handle, '/whip/studio');
  publisher.start();
  await expect.poll(() => limitsOf(publisher)[0], WITHIN).toBe(50_000);
  await expect.poll(() => relay.status().refused, WITHIN).toMatchObject({ 'whip:bitrate': 1 });
  expect(relay.status().sessions.publishers).toBe(0);
});

test('a relay without media, or about to leave, takes nobody', async () => {
  const { handle } = await start({ maxViewers: 0 });
  expect(await newPublisher().publish(handle, '/whip/studio')).toMatchObject({ status: 403 });
  const leaving = await start();
  await leaving.relay.drain(100);
  expect(await newPublisher().publish(leaving.handle, '/whip/studio')).toMatchObject({ status: 503 });
});

test('a relay about to leave goes on serving its players, until they have gone or the time is over', async () => {
  const { relay, handle } = await start();
  const publisher = newPublisher();
  await publisher.publish(handle, '/whip/studio');
  publisher.start();
  await expect.poll(() => relay.status().channels[0]?.live, WITHIN).toBe(true);
  const player = new NativePlayer();
  clients.push(player);
  const { headers } = await player.play(handle, '/whep/studio');
  await expect.poll(() => player.video.length, WITHIN).toBeGreaterThan(0);

  let isDrained = false;
  const draining = relay.drain(30_000).then(() => (isDrained = true));
  const before = player.video.length;
  await expect.poll(() => player.video.length, WITHIN).toBeGreaterThan(before + 20);
  expect(isDrained).toBe(false);
  await handle(request('DELETE', String(headers['Location'])));
  await draining;
  expect(relay.status()).toMatchObject({ viewers: 0, sessions: { publishers: 1, players: 0 } });
});

test('sessions, and what they carried, are counted for good', async () => {
  const { relay, handle } = await start({ publishToken: 'secret' });
  const publisher = newPublisher();
  await publisher.publish(handle, '/whip/studio', { authorization: 'Bearer wrong' });
  const published = await publisher.publish(handle, '/whip/studio', { authorization: 'Bearer secret' });
  publisher.start();
  await expect.poll(() => relay.status().channels[0]?.live, WITHIN).toBe(true);
  const player = new NativePlayer();
  clients.push(player);
  await player.play(handle, '/whep/nobody');
  const played = await player.play(handle, '/whep/studio');
  await expect.poll(() => player.video.length, WITHIN).toBeGreaterThan(10);
  const during = relay.metrics();
  expect(during.links).toMatchObject({
    publishers: { connecting: 0, connected: 1, made: 1 },
    players: { connecting: 0, connected: 1, made: 1 },
  });
  expect(during.sessions.publishers.results).toEqual({ unauthorized: 1, opened: 1 });
  expect(during.sessions.players.results).toEqual({ 'not-found': 1, opened: 1 });
  expect(during.sessions.publishers.packets).toBeGreaterThan(10);
  expect(during.sessions.players.bytes).toBeGreaterThan(player.video.length * 12);
  expect(during.media.incoming.packets).toBe(during.sessions.publishers.packets);
  expect(during.media.outgoing.packets).toBe(during.sessions.players.packets);
  expect(relay.status().sessions).toEqual({ publishers: 1, players: 1 });
  const { channels, relays } = relay.overview();
  expect(relays).toEqual([]);
  expect(channels).toMatchObject([
    { title: 'studio', origin: 'publisher', depth: 1, viewers: 1, served: 1, players: 1, video: 'vp8' },
  ]);
  expect(relay.tree(channels[0]?.channel ?? '')).toMatchObject({
    phase: 'root',
    parents: [],
    children: [{ peerId: null, kind: 'player', role: 'active', viewers: 1, layer: 0 }],
  });

  for (const { headers } of [played, published]) {
    await handle(request('DELETE', String(headers['Location'])));
  }
  await expect.poll(() => relay.status().sessions, WITHIN).toEqual({ publishers: 0, players: 0 });
  const after = relay.metrics();
  expect(after.sessions.publishers.packets).toBeGreaterThanOrEqual(during.sessions.publishers.packets);
  expect(after.sessions.players.bytes).toBeGreaterThanOrEqual(during.sessions.players.bytes);
  expect(after.media.outgoing.packets).toBe(after.sessions.players.packets);
});
