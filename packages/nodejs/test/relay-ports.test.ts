/** Ports of a relay, the further ones of its processes among them. */

import { createSocket, type Socket } from 'node:dgram';
import { afterEach, expect, test } from 'vitest';
import { chooseP2pPort, chooseUdpPorts } from '../src/free-ports.ts';
import { choosePorts, mediaPorts } from '../src/relay-ports.ts';

const HOST = '127.0.0.1';
const open: Socket[] = [];

afterEach(async () => {
  for (const socket of open.splice(0)) await new Promise<void>((resolve) => void socket.close(resolve));
});

async function take(port: number): Promise<void> {
  const socket = createSocket('udp4');
  open.push(socket);
  await new Promise<void>((resolve) => socket.bind({ address: HOST, port }, resolve));
}

function folderOf(ports: { p2p?: number; media?: number; stun?: number } = {}) {
  return { ports: { p2p: 0, media: 0, stun: 0, ...ports } };
}

test('of the processes are one after the other, from the one that is remembered', () => {
  expect(mediaPorts(4_005, 1)).toEqual([4_005]);
  expect(mediaPorts(4_005, 4)).toEqual([4_005, 4_006, 4_007, 4_008]);
});

test('that are chosen are free for all processes, and none has two uses', async () => {
  const { p2p, media, stun } = await choosePorts(HOST, {}, { folder: folderOf(), processes: 8 });
  const all = [p2p, stun, ...mediaPorts(media, 8)];
  expect(new Set(all).size).toBe(all.length);
  for (const port of all) await take(port);
});

test('in a row skip those that are taken, in use or not', async () => {
  for (let round = 0; round < 20; round++) {
    const first = await chooseUdpPorts(HOST, 3, [20_001, 20_007]);
    for (const port of [20_001, 20_007]) expect(mediaPorts(first, 3)).not.toContain(port);
  }
});

test('of a process that are in use are named', async () => {
  const media = await chooseUdpPorts(HOST, 3, []);
  await take(media + 2);
  const chosen = choosePorts(HOST, { mediaPort: media }, { folder: folderOf(), processes: 3 });
  await expect(chosen).rejects.toMatchObject({
    reason: 'port-in-use',
    message: expect.stringContaining(`--media-port ${media}, process 3: port ${media + 2}`) as unknown,
  });

  await choosePorts(HOST, { mediaPort: media }, { folder: folderOf(), processes: 2 });
});

test.each([
  ['stunPort', 'STUN and media'],
  ['p2pPort', 'libp2p and media'],
])('of a process that are told for %s too are refused', async (name, uses) => {
  const p2p = await chooseP2pPort(HOST);
  const media = await chooseUdpPorts(HOST, 3, [p2p]);
  const options = { p2pPort: p2p, mediaPort: media, [name]: media + 1 };

  await expect(choosePorts(HOST, options, { folder: folderOf(), processes: 3 })).rejects.toMatchObject({
    reason: 'bad-option',
    message: `${uses} cannot share the UDP port ${media + 1}`,
  });
});

test('beyond the last one there is are refused', async () => {
  const chosen = choosePorts(HOST, { mediaPort: 65_534 }, { folder: folderOf(), processes: 3 });
  await expect(chosen).rejects.toMatchObject({ reason: 'bad-option' });
});

test('of STUN move out of the way when more processes need the one that is remembered', async () => {
  const media = await chooseUdpPorts(HOST, 3, []);
  const folder = folderOf({ media, stun: media + 2 });

  expect(await choosePorts(HOST, {}, { folder, processes: 2 })).toMatchObject({ media, stun: media + 2 });
  const { stun } = await choosePorts(HOST, {}, { folder, processes: 3 });
  expect(mediaPorts(media, 3)).not.toContain(stun);
});
