/** Two relays that know nothing of each other find each other on a local network, made of two network namespaces. */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { until } from '@casto/host/conformance/loopback-peers';

const RELAY = fileURLToPath(new URL('relay/mdns-relay.ts', import.meta.url));
/** Relays ask every 5 s, and once when they start. */
const FIND_MS = 30_000;

/** Why this cannot run here, or `null`. Where builds are judged it has to run. */
const obstacle = findObstacle();
const mustRun = process.env['CI'] === 'true' && process.getuid?.() === 0;

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) {
    try {
      await cleanUp();
    } catch {
      // What was not made cannot be removed.
    }
  }
});

function findObstacle(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'only root may make network namespaces';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'pipe' });
    return null;
  } catch {
    return "'ip netns' is missing (package iproute2)";
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

/** Two hosts on one bridge. @returns Their namespaces and addresses. */
function makeNetwork(): { namespace: string; address: string }[] {
  // Names of interfaces have at most 15 characters.
  const id = process.pid % 1_000_000;
  const subnet = `10.77.${process.pid % 250}`;
  const bridge = `cb${id}`;
  cleanups.push(() => ip('link', 'del', bridge));
  ip('link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0');
  ip('link', 'set', bridge, 'up');
  return ['1', '2'].map((host) => {
    const namespace = `casto-mdns-${id}-${host}`;
    const cable = `cv${id}-${host}`;
    const address = `${subnet}.${host}`;
    cleanups.push(() => ip('netns', 'del', namespace));
    ip('netns', 'add', namespace);
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'e0', 'netns', namespace);
    ip('link', 'set', cable, 'master', bridge, 'up');
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'e0');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', 'e0', 'up', 'multicast', 'on');
    ip('-n', namespace, 'route', 'add', '224.0.0.0/4', 'dev', 'e0');
    return { namespace, address };
  });
}

interface Found {
  peerId: string;
  readonly others: string[];
}

function startRelay({ namespace, address }: { namespace: string; address: string }): Found {
  const command = ['netns', 'exec', namespace, process.execPath, '--conditions=casto-source', RELAY, address];
  const child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => end(child));
  const found: Found = { peerId: '', others: [] };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told: unknown = JSON.parse(line);
    if (typeof told !== 'object' || told === null || !('event' in told) || !('relay' in told)) return;
    if (told.event === 'started') found.peerId = String(told.relay);
    else found.others.push(String(told.relay));
  });
  return found;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await exited;
  clearTimeout(timer);
}

test('two relays on one network find each other', { timeout: FIND_MS + 15_000 }, async ({ skip }) => {
  skip(obstacle !== null && !mustRun, obstacle ?? '');
  const [one, other] = makeNetwork().map((host) => startRelay(host));
  if (!one || !other) throw new Error('no relays');

  await until(() => one.peerId !== '' && other.peerId !== '', 'the relays to start', FIND_MS);
  await until(() => one.others.length + other.others.length > 0, 'one to find the other', FIND_MS);

  // Whoever finds the other dials it, and then both are connected.
  const expected = [...one.others.map(() => other.peerId), ...other.others.map(() => one.peerId)];
  expect([...one.others, ...other.others]).toEqual(expected);
});
