/** With sockets that say to come from the internet, which a test on loopback cannot. */
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { limitConnections } from '../src/connection-limit.ts';

class DistantSocket extends Duplex {
  readonly remoteAddress: string;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  override _read(): void {}
  setTimeout(): void {}
}

function limited(connectionsPerIp: number): {
  arrive: (address: string) => DistantSocket;
  refused: string[];
} {
  const refused: string[] = [];
  const server = createServer();
  // Node's own listener wants a real socket.
  server.removeAllListeners('connection');
  limitConnections(server, { connections: 1_000, connectionsPerIp }, (reason) => refused.push(reason));
  const arrive = (address: string): DistantSocket => {
    const socket = new DistantSocket(address);
    server.emit('connection', socket);
    return socket;
  };
  return { arrive, refused };
}

test('one public address gets so many connections, and another when one is closed', async () => {
  const { arrive, refused } = limited(2);
  const [first, second, third] = [1, 2, 3].map(() => arrive('203.0.113.9'));
  expect([first?.destroyed, second?.destroyed, third?.destroyed]).toEqual([false, false, true]);
  expect(refused).toEqual(['http-too-many-connections-of-one']);
  expect(arrive('203.0.113.10').destroyed).toBe(false);
  first?.destroy();
  await new Promise((resolve) => first?.once('close', resolve));
  expect(arrive('::ffff:203.0.113.9').destroyed).toBe(false);
  expect(arrive('203.0.113.9').destroyed).toBe(true);
});

test('a subscriber cannot get more with the many addresses of its IPv6 network', () => {
  const { arrive } = limited(1);
  expect(arrive('2001:db8:1:2::1').destroyed).toBe(false);
  expect(arrive('2001:db8:1:2:ffff::2').destroyed).toBe(true);
  expect(arrive('2001:db8:1:3::1').destroyed).toBe(false);
});

test.each(['127.0.0.1', '::1', '192.168.1.2', '172.17.0.1', 'fd00::1'])(
  'behind %s may be anybody, so it is not limited',
  (address) => {
    const { arrive, refused } = limited(1);
    expect([1, 2, 3].map(() => arrive(address).destroyed)).toEqual([false, false, false]);
    expect(refused).toEqual([]);
  },
);
