/**
 * The HTTP server around the routes: what it takes to stay up when those who connect send
 * garbage, too much, too slowly, or nothing at all.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { limitConnections } from './connection-limit.ts';
import { HttpRefusals } from './http-refusals.ts';
import type { HttpRefusal } from './http-refusals.ts';
import { handleRequest } from './http-routes.ts';
import type { RouteContext } from './http-routes.ts';
import { UsageError } from './usage-error.ts';

export interface HttpOptions extends Omit<RouteContext, 'refusals'> {
  /** Where refusals are counted, for whoever else wants to know them. */
  refusals?: HttpRefusals;
  host: string;
  /** 0 takes a free one. */
  port: number;
  limits?: Partial<HttpLimits>;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface HttpLimits {
  connections: number;
  /** Of one public address. */
  connectionsPerIp: number;
  /** From the connection, or the first byte of a later request, to the end of the headers. */
  headersMs: number;
  requestMs: number;
  /** Without a byte in either direction while a response is under way. */
  stalledMs: number;
  /** Longer than the 60 s of common reverse proxies, which must be the ones to close. */
  keepAliveMs: number;
  requestsPerConnection: number;
  /** Node's own default; on localhost, cookies of everything else that runs there come along. */
  headerBytes: number;
  headerCount: number;
}

const defaultLimits: HttpLimits = {
  connections: 1_024,
  connectionsPerIp: 64,
  headersMs: 5_000,
  requestMs: 10_000,
  stalledMs: 30_000,
  keepAliveMs: 65_000,
  requestsPerConnection: 1_000,
  headerBytes: 16 * 1024,
  headerCount: 100,
};

const overdueCheckMs = 1_000;
const acceptBacklog = 1_024;

/** @throws {UsageError} When the address cannot be bound. */
export async function openHttpServer(options: HttpOptions): Promise<HttpServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const context: RouteContext = { ...options, refusals: options.refusals ?? new HttpRefusals() };
  const server = createServer({
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: overdueCheckMs,
    maxHeaderSize: limits.headerBytes,
  });
  server.timeout = limits.stalledMs;
  server.maxHeadersCount = limits.headerCount;
  server.maxRequestsPerSocket = limits.requestsPerConnection;
  limitConnections(server, limits, (refusal) => context.refusals.count(refusal));
  server.on('request', (request, response) => void handleRequest(context, request, response));
  // Without this listener Node would invite the body with 100 Continue.
  server.on('checkContinue', (request, response) => void handleRequest(context, request, response));
  server.on('timeout', (socket: Socket) => {
    context.refusals.count('http-timed-out');
    socket.destroy();
  });
  // The last answer said `Connection: close`; Node itself would go on answering 503.
  server.on('dropRequest', (_request, socket) => {
    context.refusals.count('http-too-many-requests');
    socket.destroy();
  });
  server.on('clientError', (error, socket) => refuseConnection(context.refusals, error, socket));
  await listen(server, options.host, options.port);
  server.on('error', options.onError);
  return { port: portOf(server), close: () => close(server) };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, backlog: acceptBacklog });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new UsageError(explainBindError(error, host, port), { cause: error });
  }
}

function explainBindError(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  switch (code) {
    case 'EADDRINUSE':
      return `TCP port ${port} of ${host} is in use; choose another with --port`;
    case 'EACCES':
      return `TCP port ${port} may not be used by this user; choose another with --port`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; choose another with --host`;
    default:
      return `cannot listen on TCP port ${port} of ${host} (${code})`;
  }
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** What did not become a request: garbage, too large, or too slow. */
function refuseConnection(refusals: HttpRefusals, error: Error, socket: Duplex): void {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNRESET' || code === 'EPIPE' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [refusal, status] = describeClientError(code);
  refusals.count(refusal);
  const answer = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  socket.end(answer, () => socket.destroy());
}

function describeClientError(code: unknown): [HttpRefusal, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['http-headers-too-large', '431 Request Header Fields Too Large'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['http-timed-out', '408 Request Timeout'];
    default:
      return ['http-malformed', '400 Bad Request'];
  }
}
