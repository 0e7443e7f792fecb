/** What a worker does by itself: it keeps links alive as long as it hears of the main process. On a clock of the test. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { controlCodec } from '@casto/core';
import { parseSessionDescription, processClock } from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { createMediaLinks } from '../../src/media/media-links.ts';
import { WorkerLinks } from '../../src/processes/worker-links.ts';
import type { FromWorker } from '../../src/processes/worker-messages.ts';
import { Broadcast, Child, HOST, until } from './channel-world.ts';

const LINK = 1;
const MARKER = controlCodec.encode({ type: 'bye', reason: 'leaving' });

let clock: VirtualClock;
let worker: WorkerLinks;
let child: Child;
let said: FromWorker[];
let closers: (() => void)[];
let isHeard: boolean;

beforeEach(async () => {
  clock = new VirtualClock();
  said = [];
  isHeard = true;
  // Links need the time that really passes.
  const links = createMediaLinks({ host: HOST, clock: processClock });
  const feedLinks = createMediaLinks({ host: HOST, clock: processClock });
  worker = new WorkerLinks({
    links,
    feedLinks,
    clock,
    send: (message) => void said.push(message),
    isHeard: () => isHeard,
  });
  child = new Child();
  closers = [() => child.close(), () => worker.close(), () => links.close(), () => feedLinks.close()];
  await connect();
});

afterEach(() => {
  for (const close of closers) close();
});

async function connect(): Promise<void> {
  const offer = parseSessionDescription('offer', await child.end.offer());
  const media = offer.media.map((section) => ({ ...section, codecs: section.codecs.slice(0, 1) }));
  const feed = { id: 1, streams: { layers: [0], audio: false, video: 'vp8' as const } };
  worker.take({
    type: 'serve',
    link: LINK,
    feed,
    offer: { ...offer, media },
    layers: [0],
    isActive: true,
  });
  await until(() => said.some(({ type }) => type === 'answered'), 'an answer');
  for (const message of said) if (message.type === 'answered') await child.end.accept(message.sdp);
  await until(() => said.some(({ type }) => type === 'opened') && child.end.control.isOpen, 'the link');
}

/** What the child has heard up to a message that is sent after all of it. */
async function keepAlives(): Promise<number> {
  const count = (): number => child.messages.filter((bytes) => Buffer.from(bytes).equals(MARKER)).length;
  const before = count();
  worker.take({ type: 'control', link: LINK, bytes: MARKER });
  await until(() => count() > before, 'the marker');
  const heard = child.messages.splice(0);
  return heard.filter((bytes) => controlCodec.decode(bytes)?.type === 'keep-alive').length;
}

function beat(): void {
  worker.take({ type: 'beat', wantsReport: false });
}

/** Lets time pass in which the main process lives. */
function live(ms: number): void {
  for (let passed = 0; passed < ms; passed += 50) {
    beat();
    clock.advance(50);
  }
}

test('[K2.1] a child hears something every 40 to 60 ms', async () => {
  live(1_200);

  const heard = await keepAlives();
  expect(heard).toBeGreaterThanOrEqual(20);
  expect(heard).toBeLessThanOrEqual(30);
});

test('nobody is told that a relay lives whose main process is gone', async () => {
  live(100);
  clock.advance(10_000);

  expect(await keepAlives()).toBeLessThanOrEqual(7);
  live(200);
  expect(await keepAlives()).toBeGreaterThanOrEqual(3);
});

test('[K2.9] a child that stands by is told nothing', async () => {
  worker.take({ type: 'active', link: LINK, isActive: false });
  live(2_000);

  expect(await keepAlives()).toBe(0);
});

test('a link ends whose words the main process does not take in', async () => {
  child.end.control.send(MARKER);
  await until(() => said.some(({ type }) => type === 'control'), 'the word');
  isHeard = false;
  child.end.control.send(MARKER);

  await until(
    () => said.some((message) => message.type === 'state' && message.state === 'closed'),
    'the end',
  );
  expect(said.filter(({ type }) => type === 'control')).toHaveLength(1);
});

test('messages about links and channels that are gone are for nobody', () => {
  const before = said.length;
  worker.take({ type: 'close', link: 7 });
  worker.take({ type: 'control', link: 7, bytes: MARKER });
  worker.take({ type: 'candidate', link: 7, candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host' });
  worker.take({ type: 'active', link: 7, isActive: true });
  worker.take({ type: 'feed-answer', feed: 7, attempt: 1, sdp: 'v=0' });
  worker.take({ type: 'feed-lost', feed: 7, attempt: 1 });

  expect(said.slice(before)).toEqual([]);
});

test('a channel that nobody needs any more is let go of, and told so', async () => {
  await until(() => said.some(({ type }) => type === 'feed-offer'), 'the question for media');
  worker.take({ type: 'close', link: LINK });

  expect(said.slice(-2)).toEqual([
    { type: 'feed-closed', feed: 1 },
    { type: 'state', link: LINK, state: 'closed' },
  ]);
});

test('a channel is asked for again, ever more slowly, as long as it does not come', async () => {
  const offers = (): Extract<FromWorker, { type: 'feed-offer' }>[] =>
    said.filter((message) => message.type === 'feed-offer');
  for (let attempts = 1; attempts <= 4; attempts++) {
    await until(() => offers().length === attempts, `question ${attempts}`);
    worker.take({ type: 'feed-lost', feed: 1, attempt: offers().at(-1)?.attempt ?? 0 });
    // The former answer has come too late.
    worker.take({ type: 'feed-answer', feed: 1, attempt: offers().at(-1)?.attempt ?? 0, sdp: 'v=0' });
    clock.advance(100 * 2 ** (attempts - 1));
  }

  await until(() => offers().length === 5, 'question 5');
  expect(new Set(offers().map(({ attempt }) => attempt)).size).toBe(5);
});

test('when the way from the main process is lost it is made anew, and the child goes on', async () => {
  const channel = new Broadcast();
  const main = createMediaLinks({ host: HOST, clock: processClock });
  closers.push(
    () => channel.close(),
    () => main.close(),
  );
  channel.begin();
  const feed = async (): Promise<ReturnType<typeof main.serve>> => {
    const asked = said.filter((message) => message.type === 'feed-offer').at(-1);
    if (asked === undefined) throw new Error('nobody asks');
    const { attempt, sdp } = asked;
    const link = main.serve({ hub: channel.hub, offer: parseSessionDescription('offer', sdp), layers: [0] });
    worker.take({ type: 'feed-answer', feed: 1, attempt, sdp: await link.answer() });
    return link;
  };
  const offers = (): number => said.filter(({ type }) => type === 'feed-offer').length;
  await until(() => offers() === 1, 'the question for media');
  const link = await feed();
  await until(() => child.units.length > 5, 'media');

  link.close();
  const { attempt } = said.filter((message) => message.type === 'feed-offer')[0] ?? { attempt: 0 };
  worker.take({ type: 'feed-lost', feed: 1, attempt });
  clock.advance(100);
  await until(() => offers() === 2, 'another question');
  const before = child.units.length;
  await feed();
  await until(() => child.units.length > before + 5, 'media again');

  expect(child.end.state).toBe('connected');
  expect(child.units[before]?.startsKeyFrame).toBe(true);
});
