/**
 * Keeps the number of connections bounded without shutting the door: past the limit, the one that
 * has been waiting longest without a request is closed for the newcomer. A flood of connections
 * that send nothing so pushes out its own, while a browser asks within milliseconds.
 *
 * One public address gets only so many of them. Private ones are not told apart: they may be a reverse proxy, or the
 * gateway of a container, and so anybody.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { networkOf, reachOf } from './addresses.ts';

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
  const perIp = new Map<string, number>();
  // Both in the order of entering.
  const waiting = new Set<Socket>();
  const serving = new Set<Socket>();

  server.on('connection', (socket: Socket) => {
    if (!admit(socket)) {
      socket.destroy();
      return onRefused('http-too-many-connections-of-one');
    }
    waiting.add(socket);
    socket.once('close', () => {
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

  function admit(socket: Socket): boolean {
    const address = socket.remoteAddress?.replace(/^::ffff:/i, '') ?? '';
    if (reachOf(address) !== 'public') return true;
    const ip = networkOf(address);
    const open = (perIp.get(ip) ?? 0) + 1;
    if (open > limits.connectionsPerIp) return false;
    perIp.set(ip, open);
    socket.once('close', () => {
      const left = (perIp.get(ip) ?? 1) - 1;
      if (left > 0) perIp.set(ip, left);
      else perIp.delete(ip);
    });
    return true;
  }

  server.prependListener('request', ({ socket }, response) => {
    waiting.delete(socket);
    serving.add(socket);
    response.once('close', () => {
      if (serving.delete(socket) && !socket.destroyed) waiting.add(socket);
    });
  });
}
