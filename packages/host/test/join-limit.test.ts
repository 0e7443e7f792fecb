import type { Connection } from '@libp2p/interface';
import { afterEach, describe, expect, test } from 'vitest';
import { LINK_PROTOCOL, PROTOCOL_VERSION, linkCodec, type LinkMessage } from '@casto/core';
import { freshId, TestPeers, until } from '../src/conformance/loopback-peers.ts';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import { messageChannel, refusalCounter, serveLinks } from '../src/index.ts';

const peers = new TestPeers();

afterEach(() => peers.stop());

interface World {
  readonly clock: VirtualClock;
  readonly refused: ReturnType<typeof refusalCounter>;
  readonly connection: Connection;
  /** Joins that were judged. */
  readonly judged: () => number;
  /** Connections of the parent. */
  readonly connections: () => number;
  /** Another peer's connection to the same parent. */
  readonly connect: () => Promise<Connection>;
}

async function world(): Promise<World> {
  const clock = new VirtualClock();
  const refused = refusalCounter();
  let judged = 0;
  const parent = await peers.create();
  await serveLinks(
    parent.libp2p,
    async () => {
      judged++;
      return { type: 'refuse', reason: 'full', retryAfterMs: 1_000 };
    },
    { refused, clock, maxInboundStreams: 64 },
  );
  const connect = async (): Promise<Connection> => peers.connect(await peers.create(), parent);
  const connections = (): number => parent.libp2p.getConnections().length;
  return { clock, refused, connection: await connect(), judged: () => judged, connections, connect };
}

/** @returns The parent's answer, `null` when it gave none. */
async function ask(connection: Connection): Promise<LinkMessage | null> {
  const join: LinkMessage = {
    type: 'join',
    version: PROTOCOL_VERSION,
    channel: await freshId(),
    kind: 'browser',
    layers: [0],
    audio: true,
    capabilities: {},
    offer: '',
    path: new Uint8Array(),
    standby: false,
    slots: 0,
    ageS: 0,
  };
  try {
    const stream = await connection.newStream(LINK_PROTOCOL);
    const channel = messageChannel(stream, linkCodec);
    await channel.write(join);
    const answer = await channel.read(AbortSignal.timeout(10_000));
    await channel.close();
    return answer;
  } catch {
    return null;
  }
}

async function askTimes(connection: Connection, times: number): Promise<number> {
  let answered = 0;
  for (let i = 0; i < times; i++) if ((await ask(connection)) !== null) answered++;
  return answered;
}

describe('joins over one connection', () => {
  test('[L1.4] are judged up to a burst, then at a rate; others are reset unread and counted', async () => {
    const { clock, refused, connection, judged } = await world();

    expect(await askTimes(connection, 90)).toBe(80);
    expect(judged()).toBe(80);
    expect(refused.counts).toMatchObject({ 'link:too-many-joins': 10 });
    expect(connection.status).toBe('open');

    clock.advance(1_000);
    expect(await askTimes(connection, 12)).toBe(10);
  }, 60_000);

  test('[L1.4] end with the connection when they do not end by themselves', async () => {
    const { connection, refused, connections } = await world();

    await askTimes(connection, 95);
    // Until then nothing has happened to it.
    expect(connections()).toBe(1);
    await askTimes(connection, 12);

    await until(() => connections() === 0, 'the end of the connection');
    await expect(connection.newStream(LINK_PROTOCOL)).rejects.toBeInstanceOf(Error);
    expect(refused.counts['link:too-many-joins']).toBeLessThanOrEqual(21);
  }, 60_000);

  test('[L1.4] do not count for other peers', async () => {
    const { connection, connect } = await world();
    await askTimes(connection, 85);

    expect(await ask(await connect())).toMatchObject({ type: 'refuse', reason: 'full' });
  }, 60_000);
});
