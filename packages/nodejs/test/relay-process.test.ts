/**
 * A relay that is told to stop while it serves somebody: the command as a process, with real libp2p and real media
 * around it. It stands here because here are the pages that it takes.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, expect, test, vi } from 'vitest';
import { isPeerId } from '@casto/core';
import type { LinkEvent } from '@casto/host';
import type { Reachable } from '@casto/host/conformance/loopback-peers';
import type { ChildLink } from '../src/media/child-link.ts';
import { NativeWorld } from './relay/native-pages.ts';

vi.setConfig({ testTimeout: 60_000 });

const command = fileURLToPath(new URL('../../../relay-node/src/cli.ts', import.meta.url));
const world = new NativeWorld();
let running: ChildProcess | null = null;

afterEach(async () => {
  running?.kill('SIGKILL');
  await world.stop();
});

interface RelayProcess {
  child: ChildProcess;
  http: string;
  peer: Reachable;
  /** What it has logged so far. */
  events: () => Record<string, unknown>[];
}

async function startRelay(): Promise<RelayProcess> {
  const flags = ['--json', '--port=0', '--host=127.0.0.1', '--no-mdns', '--data=none', '--drain-seconds=50'];
  const child = spawn(process.execPath, ['--conditions=casto-source', command, ...flags]);
  running = child;
  let stdout = '';
  child.stdout.on('data', (data: Buffer) => (stdout += String(data)));
  const events = (): Record<string, unknown>[] => {
    const lines = stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  await until(() => events().length > 0, 'the relay');
  const { peerId, http, multiaddrs } = events()[0] ?? {};
  if (!isPeerId(peerId) || !Array.isArray(multiaddrs)) throw new Error('it does not say where it is');
  const sockets = multiaddrs.map(String).filter((address) => address.includes('/ws/'));
  const addresses = sockets.map((address) => multiaddr(address));
  return {
    child,
    events,
    http: String(http),
    peer: { id: peerId, libp2p: { getMultiaddrs: () => addresses } },
  };
}

async function until(isDone: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 50) {
    if (isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}`);
}

function packetsOf(end: ChildLink): number {
  return end.stats().sources.reduce((sum, { packets }) => sum + packets, 0);
}

function isDrain(event: LinkEvent): boolean {
  return event.type === 'message' && event.message.type === 'drain';
}

test('its viewers are told, named others, and waited for, and it is not ready any more', async () => {
  const { child, events, http, peer } = await startRelay();
  const streamer = await world.page();
  await streamer.goLive({ peer });
  const [viewer, other] = [await world.page(streamer.channel), await world.page(streamer.channel)];
  const { link, end } = await viewer.joinOver({ peer });
  await until(() => packetsOf(end) > 0, 'media');
  const reporter = await other.rendezvous({ peer });
  const addresses = ['/ip4/127.0.0.1/tcp/1/ws'];
  const offer = { kind: 'browser', depth: 2, delayMs: 30, freeSlots: 2, ageS: 5, layers: 1 } as const;
  reporter.report({ channel: streamer.channel, addresses, offer, record: null });
  const scraped = await (await fetch(`${http}/metrics`)).text();
  expect(scraped).toMatch(/^casto_relay_served_viewers 1$/m);
  expect(scraped).toMatch(/^casto_relay_joins_total\{result="accepted",reason=""\} 1$/m);
  expect(scraped).toMatch(/^casto_relay_packets_total\{direction="out"\} [1-9]/m);
  expect((await fetch(`${http}/ready`)).status).toBe(200);

  const exited = once(child, 'close');
  child.kill('SIGTERM');
  await until(() => events().some(({ event }) => event === 'drain-progress'), 'progress');
  const ready = await fetch(`${http}/ready`);
  expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reason: 'draining' }]);
  await until(() => viewer.heard.some(isDrain), 'the word to leave');
  const directory = await viewer.rendezvous({ peer });
  const found = await directory.seek(streamer.channel, 1);
  expect(found.map(({ peerId }) => peerId)).toEqual([other.peer.id]);
  // The one that has room is named to nobody else, so it learns the reason.
  await expect(other.joinOver({ peer })).rejects.toThrow('draining');
  const before = packetsOf(end);
  await until(() => packetsOf(end) > before, 'media that go on');
  expect(child.exitCode).toBeNull();

  link.close();
  await exited;
  expect(child.exitCode).toBe(0);
  expect(events()).toContainEqual(expect.objectContaining({ event: 'drain-progress', viewersLeft: 1 }));
  expect(events()).toContainEqual(expect.objectContaining({ event: 'drained', viewersLeft: 0 }));
  expect(events().at(-1)).toMatchObject({ event: 'stopped' });
});
