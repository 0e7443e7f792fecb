/** The server over real sockets. */

import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { until } from '@casto/host/conformance/loopback-peers';
import { openStunServer, type StunServer } from '../../src/stun/stun-server.ts';
import { mappedAddress, sampleMessage, VECTORS } from './stun-samples.ts';

const servers: StunServer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) await new Promise<void>((done) => void socket.close(() => done()));
  for (const server of servers.splice(0)) await server.close();
});

async function open(host: string): Promise<StunServer> {
  const server = await openStunServer({ host, port: 0, clock: new VirtualClock(), log: () => {} });
  servers.push(server);
  return server;
}

interface Client {
  readonly port: number;
  readonly answers: Buffer[];
  readonly send: (bytes: Buffer) => void;
}

async function client(address: string, server: StunServer): Promise<Client> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  sockets.push(socket);
  await new Promise<void>((bound) => socket.bind(0, address, bound));
  const answers: Buffer[] = [];
  socket.on('message', (bytes) => answers.push(bytes));
  return {
    port: socket.address().port,
    answers,
    send: (bytes) => socket.send(bytes, server.port, address),
  };
}

describe.each([
  ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1', '127.0.0.1'],
  ['::', '127.0.0.1', '127.0.0.1'],
  ['::1', '::1', '0000:0000:0000:0000:0000:0000:0000:0001'],
])('on %s', (host, address, seen) => {
  test(`a client at ${address} learns its address and port`, async () => {
    const server = await open(host);
    const { port, answers, send } = await client(address, server);
    send(sampleMessage());
    await until(() => answers.length === 1, 'the answer');
    expect(answers.map(mappedAddress)).toEqual([`${seen} ${port}`]);
    expect(server.answered).toBe(1);
    expect(server.counts).toEqual({});
  });
});

test('what is no request is counted, and the next request is answered', async () => {
  const server = await open('127.0.0.1');
  const { answers, send } = await client('127.0.0.1', server);
  send(Buffer.from('hello'));
  send(VECTORS.ipv4Response);
  send(sampleMessage([], { type: 0x0011 }));
  send(Buffer.alloc(0));
  send(Buffer.alloc(9_000));
  send(sampleMessage());
  await until(() => answers.length === 1, 'the answer');
  expect(server.counts).toEqual({ 'not-stun': 2, response: 1, indication: 1, 'too-long': 1 });
});

test('who asks more than its share gets no more answers, until time has passed', async () => {
  const clock = new VirtualClock();
  const server = await openStunServer({ host: '127.0.0.1', port: 0, clock, log: () => {} });
  servers.push(server);
  const { answers, send } = await client('127.0.0.1', server);
  const seen = (): number => server.answered + (server.counts['network-limit'] ?? 0);
  for (let sent = 0; sent < 500;) {
    // In turns: the kernel drops what does not fit its buffer.
    for (let i = 0; i < 50; i++, sent++) send(sampleMessage());
    await until(() => seen() === sent, 'the server');
  }
  await until(() => answers.length === 400, 'the answers');
  expect(server.counts).toEqual({ 'network-limit': 100 });

  clock.advance(1_000);
  send(sampleMessage());
  await until(() => answers.length === 401, 'the answer');
});

test('a port that is taken is told in one line', async () => {
  const server = await open('127.0.0.1');
  const second = openStunServer({
    host: '127.0.0.1',
    port: server.port,
    clock: new VirtualClock(),
    log: () => {},
  });
  await expect(second).rejects.toMatchObject({
    name: 'RelayStartError',
    reason: 'port-in-use',
    message: expect.stringContaining(`--stun-port ${server.port}`) as unknown,
  });
});

test('a closed server has let go of its port', async () => {
  const server = await open('127.0.0.1');
  await server.close();
  await server.close();
  const next = await openStunServer({
    host: '127.0.0.1',
    port: server.port,
    clock: new VirtualClock(),
    log: () => {},
  });
  servers.push(next);
  expect(next.port).toBe(server.port);
});
