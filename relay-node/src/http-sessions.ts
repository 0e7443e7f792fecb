/**
 * WHIP and WHEP below `/whip/` and `/whep/`: the one place where a body is read. What it says, and what the answer is,
 * is the relay's business.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_SESSION_BODY_BYTES, type Relay } from '@casto/nodejs';
import type { IceServer } from './ice-servers.ts';

export function isSessionPath(path: string): boolean {
  return path.startsWith('/whip/') || path.startsWith('/whep/');
}

/**
 * Answers a request for a session.
 *
 * @param target - The path, decoded and without the query, and the ICE servers that the requester is told of.
 * @returns Whether the request was answered; `false` when its body is too large and was not read.
 */
export async function answerSession(
  relay: Relay,
  { path, iceServers }: { path: string; iceServers: IceServer[] },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_SESSION_BODY_BYTES) return false;
  if (request.headers.expect !== undefined) response.writeContinue();
  const body = await readBody(request);
  if (body === 'cut-off') {
    response.destroy();
    return true;
  }
  if (body === null) return false;
  const { method = '', headers, socket } = request;
  const from = socket.remoteAddress ?? '';
  const answer = await relay.handleSession({ method, path, headers, body, from, iceServers });
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  const text = Buffer.from(answer.body);
  if (answer.status !== 204) response.setHeader('Content-Length', text.length);
  // Node leaves the body out when the request was HEAD.
  response.writeHead(answer.status).end(answer.status === 204 ? undefined : text);
  return true;
}

/** @returns `null` when it is too large. How long it may take is limited for every request. */
function readBody(request: IncomingMessage): Promise<Buffer | null | 'cut-off'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_SESSION_BODY_BYTES) return void chunks.push(chunk);
      // Whoever goes on sending is cut off after the answer.
      request.pause();
      resolve(null);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => resolve('cut-off'));
    request.once('error', () => resolve('cut-off'));
  });
}
