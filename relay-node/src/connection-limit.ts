/**
 * Keeps the number of connections bounded without shutting the door: past the limit, the one that
 * has been waiting longest without a request is closed for the newcomer. A flood of connections
 * that send nothing so pushes out its own, while a browser asks within milliseconds.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export function limitConnections(server: Server, mostConnections: number, onEvicted: () => void): void {
  // Both in the order of entering.
  const waiting = new Set<Socket>();
  const serving = new Set<Socket>();

  server.on('connection', (socket: Socket) => {
    waiting.add(socket);
    socket.once('close', () => {
      waiting.delete(socket);
      serving.delete(socket);
    });
    if (waiting.size + serving.size <= mostConnections) return;
    const [longestWaiting] = waiting;
    const [longestServed] = serving;
    const evicted = waiting.size > 1 ? longestWaiting : (longestServed ?? socket);
    evicted?.destroy();
    onEvicted();
  });

  server.prependListener('request', ({ socket }, response) => {
    waiting.delete(socket);
    serving.add(socket);
    response.once('close', () => {
      if (serving.delete(socket) && !socket.destroyed) waiting.add(socket);
    });
  });
}
