/**
 * A bad link in front of one page: its connections lead through UDP sockets here, which carry no more than a given
 * rate each way, lose a share of the packets towards the page and let others overtake some. What waits longer than a
 * router's queue is dropped.
 */

import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createRandom, type Random } from '@casto/core';

const HOST = '127.0.0.1';
/** What a router keeps before it drops. */
const QUEUE_MS = 300;
/** How far a packet falls behind that others overtake. */
const OVERTAKEN_MS = 25;
/** Connections of one page, each with a few candidates. */
const MAX_WAYS = 256;

export interface LinkProxy {
  /** Where the page asks for a way to a port; see page/candidate-proxy.ts. */
  readonly url: string;
  /** Bits per second towards the page, `null` for no limit. */
  setRate(bps: number | null): void;
  /** The same from the page. */
  setUplink(bps: number | null): void;
  /** Shares of the packets towards the page, 0 to 1. The same seed loses the same ones. */
  setFaults(faults: { lost: number; overtaken: number; seed: number }): void;
  /** Packets that were dropped so far either way, for want of room or as lost ones. */
  readonly dropped: number;
  close(): Promise<void>;
}

export async function startLinkProxy(): Promise<LinkProxy> {
  const ways = new Map<string, Promise<number>>();
  const sockets: Socket[] = [];
  const link: Link = { ...goodWay(), up: goodWay() };
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://proxy');
    const remote = { address: searchParams.get('address') ?? '', port: Number(searchParams.get('port')) };
    const key = `${remote.address} ${remote.port}`;
    const way = ways.get(key) ?? (ways.size < MAX_WAYS ? openWay(remote, link, sockets) : Promise.resolve(0));
    ways.set(key, way);
    void way.then((local) =>
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end(String(local)),
    );
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://${HOST}:${address.port}/`,
    setRate: (bps) => (link.bps = bps),
    setUplink: (bps) => (link.up.bps = bps),
    setFaults: ({ lost, overtaken, seed }) =>
      Object.assign(link, { lost, overtaken, random: createRandom(seed) }),
    get dropped() {
      return link.dropped + link.up.dropped;
    },
    close: async () => {
      for (const socket of sockets) socket.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface OneWay {
  bps: number | null;
  /** When the last packet will have left. */
  freeAt: number;
  dropped: number;
  lost: number;
  overtaken: number;
  random: Random;
}

/** What goes towards the page, and what comes from it. */
interface Link extends OneWay {
  readonly up: OneWay;
}

function goodWay(): OneWay {
  return { bps: null, freeAt: 0, dropped: 0, lost: 0, overtaken: 0, random: createRandom(1) };
}

/**
 * A page has several sockets for one connection, and each is a way of its own: replies to one that come to another
 * would end the connection.
 *
 * @returns The port that stands for the remote one, at the same address: that of this machine.
 */
async function openWay(
  remote: { address: string; port: number },
  link: Link,
  sockets: Socket[],
): Promise<number> {
  const near = await openSocket(sockets);
  const fars = new Map<number, Promise<Socket>>();
  near.on('message', (packet, { port: page, address }) => {
    const known = fars.get(page) ?? openSocket(sockets);
    if (!fars.has(page)) {
      fars.set(page, known);
      void known.then((far) =>
        far.on('message', (reply) => carry(link, reply.length, () => near.send(reply, page, address))),
      );
    }
    void known.then((far) =>
      carry(link.up, packet.length, () => far.send(packet, remote.port, remote.address)),
    );
  });
  return near.address().port;
}

async function openSocket(sockets: Socket[]): Promise<Socket> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.bind(0);
  await once(socket, 'listening');
  return socket;
}

function carry(link: OneWay, bytes: number, send: () => void): void {
  if (link.lost > 0 && link.random.next() < link.lost) {
    link.dropped++;
    return;
  }
  const behindMs = link.overtaken > 0 && link.random.next() < link.overtaken ? OVERTAKEN_MS : 0;
  const waitMs = link.bps === null ? 0 : queue(link, link.bps, bytes);
  if (waitMs === null) link.dropped++;
  else if (waitMs + behindMs === 0) send();
  else sendLater(send, waitMs + behindMs);
}

/** @returns How long the packet waits, in milliseconds; `null`: there is no room for it. */
function queue(link: OneWay, bps: number, bytes: number): number | null {
  const now = performance.now();
  link.freeAt = Math.max(link.freeAt, now);
  if (link.freeAt - now > QUEUE_MS) return null;
  link.freeAt += (bytes * 8_000) / bps;
  return link.freeAt - now;
}

function sendLater(send: () => void, delayMs: number): void {
  setTimeout(() => {
    try {
      send();
    } catch {
      // The proxy was closed while the packet was on its way.
    }
  }, delayMs);
}
