/** Answers STUN Binding requests on a UDP port of its own (docs/decisions/stun.md). */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { refusalCounter, type Clock } from '@casto/host';
import { RelayStartError } from '../relay-options.ts';
import type { RelayLog } from '../relay-log.ts';
import { answerBinding } from './binding-response.ts';
import { SourceLimits } from './source-limits.ts';

/** What a flood may fill while the process does other things; the rest is dropped by the kernel, at no cost. */
const RECEIVE_BUFFER_BYTES = 128 * 1024;

export interface StunServer {
  readonly port: number;
  /** Answers so far. */
  readonly answered: number;
  /** Datagrams without an answer, counted by typed reason. */
  readonly counts: Readonly<Record<string, number>>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface StunServerOptions {
  /** IP address to bind. `::` takes IPv4 too. */
  host: string;
  /** 0: a free one. */
  port: number;
  clock: Clock;
  log: RelayLog;
}

/** @throws {RelayStartError} 'port-in-use' */
export async function openStunServer({ host, port, clock, log }: StunServerOptions): Promise<StunServer> {
  const type = host.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
  const refused = refusalCounter();
  const limits = new SourceLimits();
  let answered = 0;
  let isClosed = false;
  socket.on('message', (bytes, source) => {
    const answer = answerBinding(bytes, source, (address) => limits.take(address, clock.now()));
    if (typeof answer === 'string') return refused.count(answer);
    // A sender that cannot be reached may be forged.
    socket.send(answer, source.port, source.address, (error) => {
      if (error) refused.count('unreachable');
      else answered++;
    });
  });
  await bind(socket, host, port);
  socket.on('error', (error) => {
    refused.count('socket');
    log('warn', 'stun-failed', { error: String(error) });
  });
  return {
    port: socket.address().port,
    get answered() {
      return answered;
    },
    counts: refused.counts,
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

async function bind(socket: Socket, host: string, port: number): Promise<void> {
  const listening = once(socket, 'listening');
  socket.bind({ address: host, port, exclusive: true });
  try {
    await listening;
  } catch (error) {
    socket.close();
    throw new RelayStartError('port-in-use', `--stun-port ${port}: UDP ${port} cannot be bound on ${host}`, {
      cause: error,
    });
  }
}
