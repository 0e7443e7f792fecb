/** What a relay names to pages, shown to those whom it is meant for: STUN clients, an ICE agent, and a TURN server. */

import { setTimeout as delay } from 'node:timers/promises';
import { PeerConnection } from 'node-datachannel';
import { afterEach, describe, expect, test } from 'vitest';
import { startRelay, type RelayOptions, type RelayProcess } from '../harness/relay-process.ts';
import {
  runTurnClient,
  SHIPPED_SETTINGS,
  startTurnServer,
  turnSkipReason,
  type TurnServer,
} from '../harness/turn-server.ts';

const SECRET = 'north-by-northwest';
const WITHIN_MS = 20_000;

const relays: RelayProcess[] = [];
const turnServers: TurnServer[] = [];

afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.stop();
  for (const server of turnServers.splice(0)) await server.stop();
});

interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

async function iceServersOf(
  options: RelayOptions = {},
): Promise<{ relay: RelayProcess; named: IceServer[] }> {
  const relay = await startRelay(options);
  relays.push(relay);
  const response = await fetch(`${relay.http}/.well-known/casto.json`);
  const { iceServers } = (await response.json()) as { iceServers: IceServer[] };
  return { relay, named: iceServers };
}

function portIn(url: string | undefined): number {
  return Number(/:(\d+)$/.exec(url ?? '')?.[1]);
}

async function health(
  relay: RelayProcess,
): Promise<{ stunAnswers: number; refused: Record<string, number> }> {
  const response = await fetch(`${relay.http}/health`);
  return (await response.json()) as { stunAnswers: number; refused: Record<string, number> };
}

test('the ICE agent of a native peer learns its address from the STUN that a relay names', async () => {
  const { relay, named } = await iceServersOf();
  expect(named).toEqual([{ urls: [expect.stringMatching(/^stun:127\.0\.0\.1:\d+$/)] }]);
  const pc = new PeerConnection('page', { iceServers: named.flatMap(({ urls }) => urls) });
  try {
    pc.createDataChannel('any');
    const deadline = Date.now() + WITHIN_MS;
    while ((await health(relay)).stunAnswers === 0 && Date.now() < deadline) await delay(50);
    expect(await health(relay)).toMatchObject({ stunAnswers: expect.any(Number) as unknown, refused: {} });
    expect((await health(relay)).stunAnswers).toBeGreaterThan(0);
  } finally {
    pc.close();
  }
});

test('a relay without STUN names none', async () => {
  const { named } = await iceServersOf({ flags: ['--no-stun'] });
  expect(named).toEqual([]);
});

const reason = turnSkipReason();
describe.skipIf(reason !== null)(`coturn${reason === null ? '' : ` (${reason})`}`, () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
  ])('its STUN client on %s learns its address from a relay', async (host, address) => {
    const { named } = await iceServersOf({ host });
    const port = portIn(named[0]?.urls[0]);
    const { code, output } = await runTurnClient('turnutils_stunclient', ['-p', String(port), address]);
    expect(output).toContain(`UDP reflexive addr: ${address}`);
    expect(code).toBe(0);
  });

  test('it accepts the credentials that a relay makes with its secret, and no others', async () => {
    const turn = await startTurnServer(SECRET);
    turnServers.push(turn);
    const { named } = await iceServersOf({
      flags: ['--ice-server', `turn:127.0.0.1:${turn.port}`],
      env: { CASTO_TURN_SECRET: SECRET },
    });
    const { urls, username = '', credential = '' } = named[1] ?? { urls: [] };
    expect(urls).toEqual([`turn:127.0.0.1:${turn.port}`]);

    const relayed = await uclient(turn, username, credential);
    expect(relayed.output).toContain('Total lost packets 0');
    expect(relayed.code).toBe(0);
    expect((await uclient(turn, username, `${credential}x`)).output).toContain('Cannot complete Allocation');
    const [expiry = '', id = ''] = username.split(':');
    const prolonged = `${Number(expiry) + 3_600}:${id}`;
    expect((await uclient(turn, prolonged, credential)).output).toContain('Cannot complete Allocation');
  });

  test('with the settings that come with the relay it passes on what clients send each other', async () => {
    const { turn, username, credential } = await shippedBeside(['--allowed-peer-ip=127.0.0.1']);
    const relayed = await uclient(turn, username, credential);
    expect(relayed.output).toContain('Total lost packets 0');
    expect(relayed.code).toBe(0);
    expect((await uclient(turn, username, `${credential}x`)).output).toContain('Cannot complete Allocation');
  });

  test('with those settings it is no way into the network behind it', async () => {
    const { turn, username, credential } = await shippedBeside([]);
    expect((await uclient(turn, username, credential)).output).toContain('403 (Forbidden IP)');
  });

  test('it refuses what a relay makes with another secret, which the relay prints nowhere', async () => {
    const turn = await startTurnServer(SECRET);
    turnServers.push(turn);
    const { relay, named } = await iceServersOf({
      flags: ['--ice-server', `turn:127.0.0.1:${turn.port}`],
      env: { CASTO_TURN_SECRET: 'south-by-southwest' },
    });
    const { username = '', credential = '' } = named[1] ?? {};
    const { code, output } = await uclient(turn, username, credential);
    expect(output).toContain('Cannot complete Allocation');
    expect(code).not.toBe(0);
    const printed = relay.stderr() + JSON.stringify(relay.events);
    expect(printed).not.toContain('south-by-southwest');
    expect(printed).not.toContain(credential);
  });
});

/** A TURN server as operators run it, and what a relay with the same secret names to a page. */
async function shippedBeside(
  settings: readonly string[],
): Promise<{ turn: TurnServer; username: string; credential: string }> {
  const turn = await startTurnServer(SECRET, [...SHIPPED_SETTINGS, ...settings]);
  turnServers.push(turn);
  const { named } = await iceServersOf({
    flags: ['--ice-server', `turn:127.0.0.1:${turn.port}`],
    env: { CASTO_TURN_SECRET: SECRET },
  });
  const { username = '', credential = '' } = named[1] ?? {};
  return { turn, username, credential };
}

/** Two clients send each other packets through the server. */
async function uclient(
  { port }: TurnServer,
  username: string,
  credential: string,
): Promise<{ code: number | null; output: string }> {
  const credentials = ['-u', username, '-w', credential];
  return runTurnClient('turnutils_uclient', [
    ...credentials,
    '-p',
    String(port),
    '-y',
    '-n',
    '3',
    '127.0.0.1',
  ]);
}
