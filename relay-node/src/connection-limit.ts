/**
 * Keeps the number of connections bounded without shutting the door: past the limit, the one that
 * has been waiting longest without a request is closed for the newcomer. A flood of connections
 * that send nothing so pushes out its own, while a browser asks within milliseconds.
 *
 * One public address gets only so many of them.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { NetworkShare } from '@casto/nodejs/access/network-share';

export interface ConnectionLimits {
  /** In all. */
  connections: number;
  /** Of one public address. */
  connectionsPerIp: number;
}

export function limitConnections(
  server: Server,
  limits: ConnectionLimits,
  onRefused: (refusal: 'http-too-many-connections' | 'http-too-many-connections-of-one') => void,
): void {
  const share = new NetworkShare(limits.connectionsPerIp);
  // Both in the order of entering.
  const waiting = new Set<Socket>();
  const serving = new Set<Socket>();

  server.on('connection', (socket: Socket) => {
    const leave = share.enter(socket.remoteAddress ?? '');
    if (leave === null) {
      socket.destroy();
      return onRefused('http-too-many-connections-of-one');
    }
    waiting.add(socket);
    socket.once('close', () => {
      leave();
      waiting.delete(socket);
      serving.delete(socket);
    });
    if (waiting.size + serving.size <= limits.connections) return;
    const [longestWaiting] = waiting;
    const [longestServed] = serving;
    const evicted = waiting.size > 1 ? longestWaiting : (longestServed ?? socket);
    evicted?.destroy();
    onRefused('http-too-many-connections');
  });

  server.prependListener('request', ({ socket }, response) => {
    waiting.delete(socket);
    serving.add(socket);
    response.once('close', () => {
      if (serving.delete(socket) && !socket.destroyed) waiting.add(socket);
    });
  });
}
