/** Raw sockets, for what a proper HTTP client would not send. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  // Being cut off is what many of the tests provoke.
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

export async function openSockets(port: number, amount: number): Promise<Socket[]> {
  return Promise.all(Array.from({ length: amount }, () => openSocket(port)));
}

/** @returns All that came back until the server closed. */
export async function sendRaw(port: number, ...parts: (string | Buffer)[]): Promise<string> {
  const socket = await openSocket(port);
  const received = readToEnd(socket);
  for (const part of parts) socket.write(part);
  return received;
}

export async function readToEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.resume();
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')));
  // `once` would reject when the server resets the connection.
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return text;
}
