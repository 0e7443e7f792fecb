/** Finds and checks the ports of a relay before libp2p and libdatachannel bind them, so that errors are clear. */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { RelayStartError } from './relay-options.ts';

/** Above the registered services that people run, below the ephemeral range that Linux starts at 32768. */
const FIRST_CHOICE = 20_000;
const LAST_CHOICE = 32_000;
const ATTEMPTS = 50;

/** A port P whose TCP P, TCP P + 1 (WebSocket) and UDP P (webrtc-direct) are all free. */
export async function chooseP2pPort(host: string): Promise<number> {
  return choosePort((port) => isP2pPortFree(host, port));
}

/** @param taken - UDP ports of the relay that nobody has bound yet. */
export async function chooseUdpPort(host: string, taken: readonly number[] = []): Promise<number> {
  return chooseUdpPorts(host, 1, taken);
}

/**
 * @param taken - UDP ports of the relay that nobody has bound yet.
 * @returns The first of `count` ports in a row.
 */
export async function chooseUdpPorts(host: string, count: number, taken: readonly number[]): Promise<number> {
  const isFree = async (port: number): Promise<boolean> => !taken.includes(port) && isUdpFree(host, port);
  return choosePort(async (first) => {
    for (let port = first; port < first + count; port++) if (!(await isFree(port))) return false;
    return true;
  });
}

/** @throws {RelayStartError} When one of the three is taken. */
export async function assertP2pPortFree(host: string, port: number): Promise<void> {
  if (await isP2pPortFree(host, port)) return;
  throw new RelayStartError(
    'port-in-use',
    `--p2p-port ${port}: TCP ${port}, TCP ${port + 1} or UDP ${port} is already in use on ${host}`,
  );
}

/**
 * @param flag - What chooses the port, such as `--media-port`.
 * @throws {RelayStartError} When it is taken.
 */
export async function assertUdpPortFree(host: string, port: number, flag: string): Promise<void> {
  if (await isUdpFree(host, port)) return;
  throw new RelayStartError('port-in-use', `${flag} ${port}: UDP ${port} is already in use on ${host}`);
}

async function choosePort(isFree: (port: number) => Promise<boolean>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_CHOICE, LAST_CHOICE) & ~1;
    if (await isFree(port)) return port;
  }
  throw new RelayStartError('port-in-use', `no free port found between ${FIRST_CHOICE} and ${LAST_CHOICE}`);
}

async function isP2pPortFree(host: string, port: number): Promise<boolean> {
  const free = await Promise.all([isTcpFree(host, port), isTcpFree(host, port + 1), isUdpFree(host, port)]);
  return free.every(Boolean);
}

function isTcpFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function isUdpFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
