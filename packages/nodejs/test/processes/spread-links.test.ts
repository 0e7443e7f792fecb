/** The media plane in two processes: what the child of a worker gets, and what the main process gives for it. */

import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { controlCodec } from '@casto/core';
import { processClock } from '@casto/host';
import { chooseUdpPort } from '../../src/free-ports.ts';
import { FEEDBACK, RTCP, rtcpCountOf, rtcpTypeOf } from '../../src/media/rtcp-packet.ts';
import { createSpreadLinks } from '../../src/processes/spread-links.ts';
import { Broadcast, Child, HOST, timestampOf, until } from './channel-world.ts';

vi.setConfig({ testTimeout: 60_000 });

const mediaPort = await chooseUdpPort(HOST);
const workerPort = await chooseUdpPort(HOST, [mediaPort]);
const options = { host: HOST, clock: processClock, log: () => {} };
const links = await createSpreadLinks({ ...options, mediaPort, workerPorts: [workerPort] });
const made: { close: () => void }[] = [];

afterAll(() => links.close());
afterEach(async () => {
  for (const one of made.splice(0)) one.close();
  await until(() => links.children.connected + links.children.connecting === 0, 'the links to close');
});

function broadcast(layers = 1): Broadcast {
  const channel = new Broadcast(layers);
  made.push(channel);
  return channel;
}

function child(layers: readonly number[] = [0]): Child {
  const one = new Child(layers);
  made.push(one);
  return one;
}

/** Processes that the channel is sent to. */
function feeds({ hub }: Broadcast): number {
  return hub.streams()[0]?.viewers ?? 0;
}

function isPictureLoss(bytes: Buffer): boolean {
  return rtcpTypeOf(bytes, 0) === RTCP.payloadFeedback && rtcpCountOf(bytes, 0) === FEEDBACK.pictureLoss;
}

test('a channel is sent to a worker once, from its first child to its last', async () => {
  const channel = broadcast();
  channel.begin();
  const [one, other] = [child(), child()];
  const ends = [await one.join(links, channel), await other.join(links, channel)];
  await until(() => one.units.length > 5 && other.units.length > 5, 'media for both');
  expect(feeds(channel)).toBe(1);

  ends[0]?.close();
  await until(() => one.end.state === 'closed', 'the child to hear of it');
  const before = other.units.length;
  await until(() => other.units.length > before + 5, 'media that go on');
  expect(feeds(channel)).toBe(1);
  other.close();
  await until(() => feeds(channel) === 0, 'the worker to let go');

  // And anew.
  const third = child();
  await third.join(links, channel);
  await until(() => third.units.length > 5, 'media for another one');
  expect(feeds(channel)).toBe(1);
});

test('a joiner starts with the key frame that was sent before it came, and misses nothing since', async () => {
  const channel = broadcast();
  channel.begin();
  const first = child();
  await first.join(links, channel);
  await until(() => (first.units.at(-1)?.frame ?? 0) > 20, 'some frames after the key frame');

  const second = child();
  await second.join(links, channel);
  await until(() => second.units.length > 40, 'media');

  for (const { units } of [first, second]) {
    expect(units[0]?.startsKeyFrame).toBe(true);
    const start = units[0]?.frame ?? 0;
    expect(units.map(({ frame }) => frame)).toEqual(units.map((_, index) => start + index));
  }
});

test('a child of a worker gets layers that the children before it did not ask for', async () => {
  const channel = broadcast(3);
  channel.begin();
  const low = child([0]);
  await low.join(links, channel, [0]);
  await until(() => low.units.length > 5, 'the lowest layer');
  const high = child([2, 1]);
  await high.join(links, channel, [2, 1]);

  await until(() => high.units.some(({ layer }) => layer === 2), 'the highest layer');
  await until(() => high.units.some(({ layer }) => layer === 1), 'the one below');
  expect(low.units.every(({ layer }) => layer === 0)).toBe(true);
});

test('[K6.1] a child of a worker is sent the layer that it chooses, and asks for key frames of that one', async () => {
  const channel = broadcast(3);
  channel.begin();
  const one = child();
  const parent = await one.join(links, channel);
  await until(() => one.units.at(-1)?.encodedLayer === 0, 'the highest layer');
  parent.media.chooseLayer(2);
  await until(() => one.units.at(-1)?.encodedLayer === 2, 'the lowest layer');
  channel.asked.length = 0;
  parent.media.wantKeyFrame(0);
  const isOfLowest = (bytes: Buffer): boolean => isPictureLoss(bytes) && bytes.readUInt32BE(8) === 3;
  await until(() => channel.asked.some(isOfLowest), 'the request');
});

test('the time of capture of each frame is what the streamer said', async () => {
  const channel = broadcast();
  channel.begin();
  const one = child();
  await one.join(links, channel);
  await until(() => one.units.length > 5, 'media');
  const [frame, ntpSeconds] = [one.units.at(-1)?.frame ?? 0, 3_900_000_000];
  channel.report(frame, ntpSeconds);
  await until(() => one.reports.length > 0, 'the report');

  const [report] = one.reports;
  const unit = one.units.find((received) => received.frame === frame);
  if (report === undefined || unit === undefined) throw new Error('neither');
  const capturedAt = (timestamp: number): number =>
    report.ntpSeconds + report.ntpFraction / 2 ** 32 + ((timestamp - report.timestamp) | 0) / 90_000;
  expect(capturedAt(unit.timestamp)).toBeCloseTo(ntpSeconds, 3);
  // Timestamps were moved by the same amount for all.
  for (const { frame: number, timestamp } of one.units) {
    expect((timestamp - unit.timestamp) | 0).toBe((timestampOf(number) - timestampOf(frame)) | 0);
  }
});

test('a request for a key frame goes on to the streamer', async () => {
  const channel = broadcast();
  channel.begin();
  const one = child();
  await one.join(links, channel);
  await until(() => one.units.length > 5, 'media');
  channel.asked.length = 0;
  one.sources[0]?.requestKeyFrame();

  await until(() => channel.asked.some(isPictureLoss), 'the request');
});

test('[K2.1] a child hears of the relay while the channel is silent', async () => {
  const channel = broadcast();
  const one = child();
  await one.join(links, channel);

  await until(() => one.messages.filter(isKeepAlive).length > 10, 'keep-alives');
});

function isKeepAlive(bytes: Uint8Array): boolean {
  return controlCodec.decode(bytes)?.type === 'keep-alive';
}

test('what workers carry is told with what this process carries', async () => {
  const channel = broadcast();
  channel.begin();
  const one = child();
  await one.join(links, channel);
  const before = links.trafficBySide().children.outgoing.packets;
  await until(() => one.units.length > 20, 'media');
  await links.reported();

  expect(links.trafficBySide().children.outgoing.packets - before).toBeGreaterThan(20);
  expect(links.processes().map(({ name, children }) => [name, children])).toEqual([
    ['main', 0],
    ['worker-1', 1],
  ]);
  expect(links.counts).toEqual({});
});
