import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { adviceOn, selfTest } from '../src/self-test.ts';
import type { Machine, SelfTestSubject } from '../src/self-test.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function tcpPort(): Promise<number> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A port that was free a moment ago. */
async function freeTcpPort(): Promise<number> {
  const port = await tcpPort();
  closers.pop()?.();
  return port;
}

async function boundUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  closers.push(() => socket.close());
  return socket.address().port;
}

/** @param answerTo - What comes back for a datagram; null: nothing. */
async function stunServer(answerTo: (request: Buffer) => Buffer | null): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (request, { address, port }) => {
    const answer = answerTo(request);
    if (answer !== null) socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  closers.push(() => socket.close());
  return socket.address().port;
}

async function subject(changes: Partial<SelfTestSubject> = {}): Promise<SelfTestSubject> {
  return {
    host: '127.0.0.1',
    announce: [],
    multiaddrs: [],
    mediaPort: await boundUdpPort(),
    stunPort: null,
    processes: 1,
    maxViewers: 0,
    maxMemoryBytes: null,
    ...changes,
  };
}

const machine: Machine = { openFileLimit: 524_288, memoryBytes: 4e9, now: Date.UTC(2027, 0, 1) };

describe('the self-test', () => {
  test('has nothing to say when all is well', async () => {
    const port = await tcpPort();
    const multiaddrs = [`/ip4/127.0.0.1/tcp/${port}/p2p/P`];
    expect(await selfTest(await subject({ announce: ['127.0.0.1'], multiaddrs }))).toEqual([]);
  });

  test('names an announced address that does not answer', async () => {
    const port = await freeTcpPort();
    const multiaddrs = [`/ip4/127.0.0.1/tcp/${port}/p2p/P`];
    const [found, ...others] = await selfTest(await subject({ announce: ['127.0.0.1'], multiaddrs }));
    expect(others).toEqual([]);
    expect(found?.check).toBe('announced-address');
    expect(found?.advice).toContain(`127.0.0.1 does not answer on TCP port ${port}`);
  });

  test('names an announced name without an address', async () => {
    const name = 'no-such-relay.invalid';
    const multiaddrs = [`/dns/${name}/tcp/4001/p2p/P`];
    const [found] = await selfTest(await subject({ announce: [name], multiaddrs }));
    expect(found).toMatchObject({ check: 'announced-address' });
    expect(found?.advice).toContain(name);
  });

  test('asks an announced address over UDP what pages ask it', async () => {
    const stunPort = await stunServer((request) => {
      const answer = Buffer.from(request);
      answer.writeUInt16BE(0x0101, 0);
      return answer;
    });
    expect(await selfTest(await subject({ announce: ['127.0.0.1', 'localhost'], stunPort }))).toEqual([]);
  });

  test.each<[string, (request: Buffer) => Buffer | null]>([
    ['nothing', () => null],
    ['something else', () => Buffer.from('hello')],
    ['what it was asked', (request) => request],
    ['what another one asked', () => Buffer.from(`010100002112a442${'2a'.repeat(12)}`, 'hex')],
  ])('names one that answers %s there', async (_, answerTo) => {
    const stunPort = await stunServer(answerTo);
    const [found, ...others] = await selfTest(await subject({ announce: ['127.0.0.1'], stunPort }));
    expect(others).toEqual([]);
    expect(found?.check).toBe('stun-port');
    expect(found?.advice).toContain(`127.0.0.1 does not answer on UDP port ${stunPort} (STUN)`);
  });

  test('names one where nobody listens over UDP', async () => {
    const stunPort = await boundUdpPort();
    closers.pop()?.();
    const found = await selfTest(await subject({ announce: ['127.0.0.1'], stunPort }));
    expect(found).toMatchObject([{ check: 'stun-port' }]);
  });

  test('notices that nobody holds the media port, and leaves it free', async () => {
    const mediaPort = await boundUdpPort();
    closers.pop()?.();
    for (let round = 0; round < 2; round += 1) {
      const [found] = await selfTest(await subject({ mediaPort }));
      expect(found).toMatchObject({ check: 'media-port' });
    }
  });
});

describe('advice on the machine', () => {
  test.each<[string, Partial<Machine>, Partial<SelfTestSubject>, RegExp]>([
    ['open-files', { openFileLimit: 1_024 }, { maxViewers: 600 }, /need 1900 open files, .* limit is 1024/],
    ['memory', { memoryBytes: 256e6 }, { maxViewers: 600 }, /need 330 MB, and there are 256 MB/],
    ['memory', { memoryBytes: 256e6 }, { processes: 3 }, /need 310 MB, and there are 256 MB/],
    ['memory', { memoryBytes: 1e9 }, { maxMemoryBytes: 2e9 }, /allows 2000 MB, and there are 1000 MB/],
    ['clock', { now: 0 }, {}, /the clock says 1970-01-01/],
    ['clock', { now: Date.UTC(2100, 0, 1) }, {}, /the clock says 2100/],
  ])('%s %j', async (check, what, changes, text) => {
    const [found, ...others] = adviceOn(await subject(changes), { ...machine, ...what });
    expect(others).toEqual([]);
    expect(found).toEqual({ check, advice: expect.stringMatching(text) as string });
  });

  test('is none where there is enough of everything, or nobody knows', async () => {
    expect(adviceOn(await subject({ maxViewers: 600 }), machine)).toEqual([]);
    expect(adviceOn(await subject({ maxViewers: 600 }), { ...machine, openFileLimit: null })).toEqual([]);
  });
});
