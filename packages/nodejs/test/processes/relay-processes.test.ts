/**
 * A relay in several processes, with all that is real: libp2p on loopback, pages on node-datachannel, and processes that
 * are killed.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, expect, test, vi } from 'vitest';
import { isPeerId, shortId, type PeerId } from '@casto/core';
import type { Reachable } from '@casto/host/conformance/loopback-peers';
import { sequenceOf } from '../../src/media/rtp-packet.ts';
import type { ProcessMetrics } from '../../src/relay-metrics.ts';
import type { Relay, RelayOptions } from '../../src/relay-options.ts';
import { createRelay } from '../../src/relay.ts';
import { NativePlayer } from '../whip/native-player.ts';
import { NativePublisher, type Handle } from '../whip/native-publisher.ts';
import { NativeWorld, type NativeChild, type NativePage } from '../relay/native-pages.ts';
import { SurveyingPage } from '../relay/surveying-page.ts';

vi.setConfig({ testTimeout: 90_000 });

const HOST = '127.0.0.1';
const UNTIL_MS = 30_000;
const POLL_MS = 20;
/** More than what makes a second worker cheaper than one that has the channel. */
const CHILDREN = 10;

let world = new NativeWorld();
const relays: Relay[] = [];
const commands: ChildProcess[] = [];

afterEach(async () => {
  await world.stop();
  world = new NativeWorld();
  for (const relay of relays.splice(0)) await relay.stop();
  for (const command of commands.splice(0)) command.kill('SIGKILL');
});

interface StartedRelay {
  relay: Relay;
  peer: Reachable;
  logged: { event: string; fields: Record<string, unknown> }[];
}

async function start(options: RelayOptions = {}): Promise<StartedRelay> {
  const logged: StartedRelay['logged'] = [];
  const relay = await createRelay({
    host: HOST,
    mdns: false,
    stun: false,
    processes: 3,
    log: (_level, event, fields) => void logged.push({ event, fields }),
    ...options,
  });
  relays.push(relay);
  const addresses = relay.multiaddrs.filter((one) => one.includes('/ws/')).map((one) => multiaddr(one));
  if (!isPeerId(relay.peerId)) throw new Error('no peer id');
  const id: PeerId = relay.peerId;
  return { relay, peer: { id, libp2p: { getMultiaddrs: () => addresses } }, logged };
}

async function until(isDone: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < UNTIL_MS; waitedMs += POLL_MS) {
    if (isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`waited in vain for ${what}`);
}

interface Watching {
  page: NativePage;
  child: NativeChild;
  packets: Buffer[];
}

async function watch(relay: { peer: Reachable }, streamer: NativePage): Promise<Watching> {
  const page = await world.page(streamer.channel);
  const child = await page.joinOver(relay);
  return { page, child, packets: page.receive(child, 'video') };
}

async function crowd(relay: { peer: Reachable }): Promise<{ streamer: NativePage; watching: Watching[] }> {
  const streamer = await world.page();
  await streamer.goLive(relay);
  const watching: Watching[] = [];
  for (let made = 0; made < CHILDREN; made++) watching.push(await watch(relay, streamer));
  await until(() => watching.every(({ packets }) => packets.length > 10), 'media for everybody');
  return { streamer, watching };
}

function workersOf({ relay }: StartedRelay): readonly ProcessMetrics[] {
  return relay.status().processes.slice(1);
}

function childrenPerProcess({ relay }: StartedRelay): number[] {
  return relay.status().processes.map(({ children }) => children);
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function hasGap(packets: readonly Buffer[]): boolean {
  return packets.some((bytes, index) => {
    const before = packets[index - 1];
    return before !== undefined && sequenceOf(bytes) !== ((sequenceOf(before) + 1) & 0xffff);
  });
}

/** Which of them are still sent media, once all others of a worker with so many children have stopped. */
async function stillSent(watching: readonly Watching[]): Promise<Watching[]> {
  const before = new Map(watching.map((one) => [one, one.packets.length]));
  const grew = (one: Watching): boolean => one.packets.length > (before.get(one) ?? 0) + 20;
  await until(() => watching.some(grew), 'media for somebody');
  // Frames come at the same time to all: who has nothing of twenty is not sent any.
  return watching.filter((one) => one.packets.length > (before.get(one) ?? 0) + 5);
}

test('what one of its children says, those of all workers hear', async () => {
  const started = await start();
  const { streamer, watching } = await crowd(started);
  expect(childrenPerProcess(started)).toEqual([0, CHILDREN / 2, CHILDREN / 2]);
  const pages = [streamer, ...watching.map(({ page }) => page)];

  for (const page of pages) expect(await page.say(page.peer.id)).toBe('said');
  await until(() => pages.every(({ said }) => said.length === pages.length), 'all texts everywhere');

  for (const { said } of pages) expect(said.every(({ from, text }) => from === text)).toBe(true);
  expect(started.relay.status().refused).toEqual({});
});

test('its children are spread over the workers, and see one relay', async () => {
  const started = await start();
  const { watching } = await crowd(started);

  expect(childrenPerProcess(started)).toEqual([0, CHILDREN / 2, CHILDREN / 2]);
  for (const { child, packets } of watching) {
    expect(hasGap(packets)).toBe(false);
    expect(child.link.remoteState).toMatchObject({ depth: 1 });
  }
  const paths = new Set(
    watching.map(({ child }) => Buffer.from(child.link.remoteState?.path ?? []).toString('hex')),
  );
  expect(paths.size).toBe(1);
  const { relay } = started;
  expect(relay.status()).toMatchObject({ viewers: CHILDREN, maxViewers: 1_200, refused: {} });
  expect(relay.metrics().links.children).toEqual({ connecting: 0, connected: CHILDREN, made: CHILDREN });
  // Told by the workers about once a second.
  await until(() => relay.metrics().media.outgoing.packets > 10 * CHILDREN, 'the counts of the workers');
  expect(workersOf(started).every(({ residentBytes }) => residentBytes > 10_000_000)).toBe(true);
});

test('when a worker is killed its children can join again, and the others lose nothing', async () => {
  const started = await start();
  const { relay, logged } = started;
  const { streamer, watching } = await crowd(started);
  const [killed] = workersOf(started);
  if (killed === undefined) throw new Error('no worker');
  const carried = relay.metrics().media.outgoing.packets;

  process.kill(killed.pid, 'SIGKILL');
  await until(() => relay.status().viewers === CHILDREN / 2, 'the links to close');
  const left = await stillSent(watching);
  expect(left).toHaveLength(CHILDREN / 2);
  const lost = watching.filter((one) => !left.includes(one));
  const again: Buffer[][] = [];
  for (const { page } of lost) again.push(page.receive(await page.joinOver(started), 'video'));
  await until(() => again.every((packets) => packets.length > 10), 'media for those who came again');

  expect(relay.status().viewers).toBe(CHILDREN);
  for (const { packets } of left) expect(hasGap(packets)).toBe(false);
  await until(
    () => workersOf(started)[0]?.restarts === 1 && workersOf(started)[0]?.pid !== 0,
    'a new worker',
  );
  expect(logged).toContainEqual({
    event: 'worker-lost',
    fields: expect.objectContaining({
      worker: 'worker-1',
      why: 'crashed',
      children: CHILDREN / 2,
    }) as unknown,
  });
  await until(
    () => logged.filter(({ event }) => event === 'worker-started').length === 3,
    'the new worker to be ready',
  );
  const [, ofNew = 0, ofOld = 0] = childrenPerProcess(started);
  // It takes part again: it has fewer children than the other, by more than a channel costs.
  const next = await watch(started, streamer);
  await until(() => next.packets.length > 10, 'media over the new worker');
  expect(childrenPerProcess(started)).toEqual(
    ofNew + 4 < ofOld ? [0, ofNew + 1, ofOld] : [0, ofNew, ofOld + 1],
  );
  expect(relay.metrics().media.outgoing.packets).toBeGreaterThanOrEqual(carried);
});

test('what a WHIP client publishes reaches pages over a worker, and players over the main process', async () => {
  const started = await start({ processes: 2 });
  const { relay } = started;
  const [publisher, player] = [new NativePublisher(), new NativePlayer()];
  try {
    const handle: Handle = (request) => relay.handleSession(request);
    const { status, headers } = await publisher.publish(handle, '/whip/studio');
    expect(status).toBe(201);
    publisher.start();
    const channel = headers['Casto-Channel'];
    if (!isPeerId(channel)) throw new Error('no channel');
    await until(() => relay.status().channels.some(({ live }) => live), 'the channel to be live');
    const page = await world.page(channel);
    const packets = page.receive(await page.joinOver(started), 'video');
    await until(() => packets.length > 10, 'media for the page');
    expect(await player.play(handle, '/whep/studio')).toMatchObject({ status: 201 });
    await until(() => player.video.length > 10, 'media for the player');

    expect(childrenPerProcess(started)).toEqual([0, 1]);
    expect(relay.status().viewers).toBe(2);
  } finally {
    publisher.close();
    player.close();
  }
});

test('a viewer of a worker sees the whole tree, viewers of other workers too', async () => {
  const started = await start();
  const { streamer, watching } = await crowd(started);
  const root = new SurveyingPage(streamer);
  const [first] = watching;
  if (first === undefined) throw new Error('nobody watches');
  const look = new SurveyingPage(first.page);
  try {
    look.watch();
    await until(
      () => watching.every(({ page }) => look.shown(page.peer.id)?.parent === shortId(started.peer.id)),
      'all viewers below the relay',
    );
    expect(look.shown(started.peer.id)).toMatchObject({
      parent: shortId(streamer.peer.id),
      peer: { kind: 'headless' },
    });
    expect(look.picture?.peers).toHaveLength(CHILDREN + 2);
  } finally {
    look.survey.close();
    root.survey.close();
  }
});

test('without any worker the main process serves', async () => {
  const started = await start({ processes: 2 });
  const streamer = await world.page();
  await streamer.goLive(started);
  const [worker] = workersOf(started);
  if (worker === undefined) throw new Error('no worker');

  process.kill(worker.pid, 'SIGKILL');
  await until(() => started.logged.some(({ event }) => event === 'worker-lost'), 'the end of the worker');
  const { packets } = await watch(started, streamer);
  await until(() => packets.length > 10, 'media');

  expect(started.relay.status().viewers).toBe(1);
});

test('a worker that hangs is replaced, and its children are not kept waiting', async () => {
  const started = await start({ processes: 2 });
  const { relay, logged } = started;
  const streamer = await world.page();
  await streamer.goLive(started);
  const { packets, page } = await watch(started, streamer);
  await until(() => packets.length > 10, 'media');
  const [hung] = workersOf(started);
  if (hung === undefined) throw new Error('no worker');

  process.kill(hung.pid, 'SIGSTOP');
  await until(() => page.heard.some(({ type }) => type === 'silent'), 'the child to notice');
  await until(() => relay.status().viewers === 0, 'the link to close');
  await until(() => logged.filter(({ event }) => event === 'worker-started').length === 2, 'a new worker');

  expect(isThere(hung.pid)).toBe(false);
  expect(logged).toContainEqual({
    event: 'worker-lost',
    fields: expect.objectContaining({ why: 'hung', children: 1 }) as unknown,
  });
  const again = page.receive(await page.joinOver(started), 'video');
  await until(() => again.length > 10, 'media for the one who came again');
  expect(childrenPerProcess(started)).toEqual([0, 1]);
});

test('signals that a terminal sends to all processes leave the workers to the main process', async () => {
  const started = await start();
  const { watching } = await crowd(started);
  for (const { pid } of workersOf(started)) {
    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGTERM');
  }

  expect(await stillSent(watching)).toHaveLength(CHILDREN);
  expect(workersOf(started).map(({ restarts }) => restarts)).toEqual([0, 0]);
});

test('no process is left when the relay has stopped', async () => {
  const started = await start();
  const pids = workersOf(started).map(({ pid }) => pid);
  expect(pids.every(isThere)).toBe(true);

  await started.relay.stop();

  expect(pids.filter(isThere)).toEqual([]);
});

interface Command {
  child: ChildProcess;
  /** Of the workers. */
  pids: number[];
}

async function startCommand(): Promise<Command> {
  const file = fileURLToPath(new URL('../../../../relay-node/src/cli.ts', import.meta.url));
  const flags = ['--json', '--port=0', `--host=${HOST}`, '--no-mdns', '--data=none', '--processes=3'];
  const child = spawn(process.execPath, ['--conditions=casto-source', file, ...flags]);
  commands.push(child);
  let stdout = '';
  child.stdout.on('data', (data: Buffer) => (stdout += String(data)));
  await until(() => stdout.includes('"http"'), 'the relay');
  const lines = stdout.split('\n').slice(0, -1);
  const { http } = lines.map((line) => JSON.parse(line) as { http?: string }).find((line) => line.http) ?? {};
  const health = (await (await fetch(`${http}/health`)).json()) as { processes: ProcessMetrics[] };
  const pids = health.processes.slice(1).map(({ pid }) => pid);
  expect(pids).toHaveLength(2);
  expect(pids.every(isThere)).toBe(true);
  return { child, pids };
}

test('no process is left when the main process is killed', async () => {
  const { child, pids } = await startCommand();

  child.kill('SIGKILL');
  await once(child, 'close');

  await until(() => !pids.some(isThere), 'the workers to end');
});

test.each([['once'], ['twice']])(
  'no process is left when the relay is told %s to end while one hangs',
  async (often) => {
    const { child, pids } = await startCommand();
    process.kill(pids[1] ?? 0, 'SIGSTOP');

    const closed = once(child, 'close');
    child.kill('SIGINT');
    if (often === 'twice') child.kill('SIGINT');
    await closed;

    await until(() => !pids.some(isThere), 'the workers to end');
  },
);
