/** A publisher, a relay and players on node-datachannel: WHEP from the first packet to the last. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hasMarker, RTP_HEADER_BYTES, sequenceOf } from '../../src/media/rtp-packet.ts';
import type { Players } from '../../src/whip/players.ts';
import type { Publishers } from '../../src/whip/publishers.ts';
import { NativeWorld, type NativeRelay } from '../relay/native-pages.ts';
import { openSessions } from './native-sessions.ts';
import { defaultPayloads, NativePublisher, request, type Handle } from './native-publisher.ts';
import { NativePlayer } from './native-player.ts';

vi.setConfig({ testTimeout: 40_000 });
const TRICKLE = { headers: { 'content-type': 'application/trickle-ice-sdpfrag' } };
const WITHIN = { timeout: 15_000, interval: 20 };
let world: NativeWorld;
let relay: NativeRelay;
let publishers: Publishers;
let players: Players;
let handle: Handle;
const clients: { close(): void }[] = [];

beforeEach(async () => {
  world = new NativeWorld();
  relay = await world.relay();
  ({ publishers, players, handle } = openSessions(relay));
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  players.close();
  await publishers.close();
  await world.stop();
});

async function publish(
  name: string,
  options: ConstructorParameters<typeof NativePublisher>[0] = {},
): Promise<{ channel: string; location: string }> {
  const publisher = new NativePublisher(options);
  clients.push(publisher);
  const { status, headers } = await publisher.publish(handle, `/whip/${name}`);
  expect(status).toBe(201);
  publisher.start();
  const channel = String(headers['Casto-Channel']);
  await expect
    .poll(() => relay.channels.status().find((entry) => entry.channel === channel)?.live, WITHIN)
    .toBe(true);
  return { channel, location: String(headers['Location']) };
}

function newPlayer(codec?: 'h264'): NativePlayer {
  const player = new NativePlayer(codec);
  clients.push(player);
  return player;
}

/** Payloads of the frames that came whole, the parts of each joined. */
function framesOf(packets: readonly Buffer[]): Buffer[] {
  const sorted = packets.toSorted((a, b) => ((sequenceOf(a) - sequenceOf(b)) << 16) >> 16);
  const frames: Buffer[] = [];
  let parts: Buffer[] = [];
  for (const packet of sorted) {
    parts.push(packet.subarray(RTP_HEADER_BYTES));
    if (!hasMarker(packet)) continue;
    frames.push(Buffer.concat(parts));
    parts = [];
  }
  return frames;
}

test('a player gets what was published, byte for byte, and counts as a viewer', async () => {
  const { channel } = await publish('studio');
  const player = newPlayer();
  const { status, headers } = await player.play(handle, '/whep/studio');
  expect(status).toBe(201);
  expect(headers['Casto-Channel']).toBe(channel);
  await expect.poll(() => player.video.length, WITHIN).toBeGreaterThan(60);
  await expect.poll(() => player.audio.length, WITHIN).toBeGreaterThan(30);
  expect(relay.channels.viewers).toBe(1);

  // Picture numbers are the viewer's own; all behind the descriptor is the publisher's.
  const sent = defaultPayloads(0).map(({ length }) => length);
  for (const packet of player.video) {
    expect(sent).toContain(packet.length - RTP_HEADER_BYTES);
    const body = packet.subarray(RTP_HEADER_BYTES + 7);
    expect(body.every((byte) => byte === body[0] && byte < 0x80)).toBe(true);
  }
  for (const packet of player.audio) {
    expect([...packet.subarray(RTP_HEADER_BYTES, RTP_HEADER_BYTES + 4)]).toEqual([0xf8, 1, 2, 3]);
    expect(packet.length).toBe(RTP_HEADER_BYTES + 5);
  }

  await handle(request('DELETE', String(headers['Location'])));
  expect(relay.channels.viewers).toBe(0);
});

test('H264 comes out as it went in, whatever its last packet is', async () => {
  const idr = Buffer.concat([Buffer.from([0x65]), Buffer.alloc(500, 0x11)]);
  const sps = Buffer.from([0x67, 0x42, 0xe0, 0x1f, 0x01]);
  const unit = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, bytes.length & 0xff]), bytes]);
  const aggregate = Buffer.concat([Buffer.from([0x78]), unit(sps), unit(Buffer.from([0x65, 0x11, 0x12]))]);
  const fragments = [
    Buffer.concat([Buffer.from([0x7c, 0x81]), Buffer.alloc(300, 0x22)]),
    Buffer.concat([Buffer.from([0x7c, 0x41]), Buffer.alloc(300, 0x23)]),
  ];
  const kinds = [[aggregate], [sps, idr], fragments];
  await publish('film', { video: 'h264', payload: (frame) => kinds[frame % 3] ?? [] });
  const player = newPlayer('h264');
  expect(await player.play(handle, '/whep/film')).toMatchObject({ status: 201 });
  await expect.poll(() => framesOf(player.video).length, WITHIN).toBeGreaterThan(40);
  const expected = kinds.map((parts) => Buffer.concat(parts).toString('hex'));
  // The first may have begun before the player, the last one may not be whole yet.
  const frames = framesOf(player.video).slice(1, -1);
  for (const frame of frames) expect(expected).toContain(frame.toString('hex'));
});

test('a player of a codec that is not broadcast, or of nothing, is told so', async () => {
  await publish('studio');
  expect(await newPlayer('h264').play(handle, '/whep/studio')).toMatchObject({ status: 406 });
  expect(await newPlayer().play(handle, '/whep/nothing')).toMatchObject({ status: 404 });
  expect(relay.channels.viewers).toBe(0);
});

test('the end of the broadcast ends the sessions of its players', async () => {
  const { location } = await publish('studio');
  const player = newPlayer();
  const { headers } = await player.play(handle, '/whep/studio');
  await expect.poll(() => player.video.length, WITHIN).toBeGreaterThan(0);
  await handle(request('DELETE', location));
  const deleted = async (): Promise<number> =>
    (await handle(request('PATCH', String(headers['Location']), TRICKLE))).status;
  await expect.poll(deleted, WITHIN).toBe(404);
  expect(relay.channels.viewers).toBe(0);
});
