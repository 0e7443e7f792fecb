/** Asks a STUN server whether it is there, as pages do: a Binding request over UDP (RFC 8489, sections 5 and 6.1). */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const bindingRequest = 0x0001;
const bindingSuccess = 0x0101;
const magicCookie = 0x21_12_a4_42;
const headerBytes = 20;
const transactionOffset = 8;
const transactionBytes = 12;
/** A datagram may get lost. */
const attempts = 4;
const attemptMs = 500;

/**
 * @param host - An IP address, or a name, of which one address has to answer.
 * @returns `unknown` for a name without an address.
 */
export async function askStun(host: string, port: number): Promise<'answered' | 'silent' | 'unknown'> {
  const addresses = await lookup(host, { all: true }).catch(() => []);
  if (addresses.length === 0) return 'unknown';
  const asked = addresses.map(({ address, family }) => ask(address, family, port));
  return (await Promise.all(asked)).includes(true) ? 'answered' : 'silent';
}

async function ask(address: string, family: number, port: number): Promise<boolean> {
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  const transactionId = randomBytes(transactionBytes);
  let isAnswered = false;
  const over = new AbortController();
  const end = (): void => over.abort();
  socket.on('message', (message) => {
    if (!isAnswer(message, transactionId)) return;
    isAnswered = true;
    end();
  });
  // Nobody listens there, or no way leads there.
  socket.on('error', end);
  try {
    socket.connect(port, address);
    await once(socket, 'connect', { signal: over.signal });
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      socket.send(requestOf(transactionId));
      await delay(attemptMs, undefined, { signal: over.signal });
    }
  } catch {
    // It was answered, or will not be.
  } finally {
    socket.close();
  }
  return isAnswered;
}

function requestOf(transactionId: Buffer): Buffer {
  const message = Buffer.alloc(headerBytes);
  message.writeUInt16BE(bindingRequest, 0);
  message.writeUInt32BE(magicCookie, 4);
  transactionId.copy(message, transactionOffset);
  return message;
}

/** Whether these bytes are the answer to that request. */
function isAnswer(message: Buffer, transactionId: Buffer): boolean {
  return (
    message.length >= headerBytes &&
    message.readUInt16BE(0) === bindingSuccess &&
    message.subarray(transactionOffset, headerBytes).equals(transactionId)
  );
}
