import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { assertUdpPortFree, assertP2pPortFree, chooseUdpPort, chooseP2pPort } from '../src/free-ports.ts';

const open: { close: (done: () => void) => unknown }[] = [];

afterEach(async () => {
  for (const socket of open.splice(0)) await new Promise<void>((resolve) => void socket.close(resolve));
});

async function takeTcp(host: string, port: number): Promise<void> {
  const server = createServer();
  open.push(server);
  await new Promise<void>((resolve) => server.listen({ host, port }, resolve));
}

async function takeUdp(address: string, port: number): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  open.push(socket);
  await new Promise<void>((resolve) => socket.bind({ address, port }, resolve));
}

const inUse = (text: string): unknown =>
  expect.objectContaining({
    name: 'RelayStartError',
    reason: 'port-in-use',
    message: expect.stringContaining(text) as unknown,
  });

describe.each(['127.0.0.1', '0.0.0.0', '::1'])('on %s', (host) => {
  test('a port of libp2p is one that can be taken, with the one after it', async () => {
    const port = await chooseP2pPort(host);
    await assertP2pPortFree(host, port);
    await takeTcp(host, port);
    await takeTcp(host, port + 1);
    await takeUdp(host, port);
  });

  test.each([
    ['TCP', (port: number) => takeTcp(host, port)],
    ['TCP after it', (port: number) => takeTcp(host, port + 1)],
    ['UDP', (port: number) => takeUdp(host, port)],
  ])('a port of libp2p whose %s is taken is in use', async (_, take) => {
    const port = await chooseP2pPort(host);
    await take(port);

    await expect(assertP2pPortFree(host, port)).rejects.toEqual(inUse(`--p2p-port ${port}`));
  });

  test('a media port is free, and in use once it is taken', async () => {
    const port = await chooseUdpPort(host);
    await assertUdpPortFree(host, port, '--media-port');
    await takeUdp(host, port);

    await expect(assertUdpPortFree(host, port, '--media-port')).rejects.toEqual(
      inUse(`--media-port ${port}`),
    );
  });
});

test('checking leaves nothing bound', async () => {
  const port = await chooseP2pPort('127.0.0.1');
  for (let i = 0; i < 20; i++) await assertP2pPortFree('127.0.0.1', port);
  await takeUdp('127.0.0.1', port);
});

test('an address that is not of this machine has no free port', async () => {
  await expect(assertUdpPortFree('192.0.2.1', 30_000, '--media-port')).rejects.toEqual(inUse('192.0.2.1'));
});
