/**
 * What a relay says over HTTP: the demo, the SDK, how to reach it, and how it is.
 *
 *   /                          demo
 *   /embed                     player for frames of other sites
 *   /casto.js, /casto-player.js, /chunks/*
 *                              SDK and player, open to pages of every origin
 *   /.well-known/casto.json    peer id, multiaddrs and ICE servers, open to pages of every origin
 *   /health                    status; 503 while starting and draining
 *   /ready                     whether it takes joins; 503 while it does not
 *   /metrics                   counters for Prometheus, see metrics-access.ts
 *   /dashboard/*               what the relay does, for its operator, see dashboard-access.ts
 *   /whip/*, /whep/*           sessions of WHIP and WHEP clients, http-sessions.ts
 *
 * Elsewhere there is nothing to send to it: requests with a body are refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Relay } from '@casto/nodejs';
import { firstHost, interfaceAddresses, multiaddrsFor } from './addresses.ts';
import type { HttpRefusal, HttpRefusals } from './http-refusals.ts';
import { answerSession, isSessionPath } from './http-sessions.ts';
import { iceServersFor, stunUrl, type IceServer, type IceSettings } from './ice-servers.ts';
import { answerDashboard, isDashboardPath } from './dashboard-routes.ts';
import type { Dashboard } from './dashboard-routes.ts';
import { answerFile } from './file-answer.ts';
import { judgeMetricsAccess } from './metrics-access.ts';
import type { MetricsAccess } from './metrics-access.ts';
import type { RelayCondition } from './metric-families.ts';
import type { Metrics } from './metrics.ts';
import { demoHeaders, embedHeaders } from './page-headers.ts';
import type { StaticFiles } from './static-files.ts';

export type RelayState =
  { kind: 'starting' } | { kind: 'running'; relay: Relay } | { kind: 'draining'; relay: Relay };

export interface RouteContext {
  files: StaticFiles;
  /** Origins of pages that may read /health; `*` is all. */
  allowOrigins: readonly string[];
  ice: IceSettings;
  state: () => RelayState;
  /** Absent: /metrics is not found. */
  metrics?: Metrics & MetricsAccess;
  /** Absent: /dashboard is not found. */
  dashboard?: Dashboard;
  refusals: HttpRefusals;
  onError: (error: unknown) => void;
}

const preflightAgeS = 86_400;
const retryAfterS = 2;
/** The address that sites know, and the file of the demo's build behind it. */
const embedPath = '/embed';
const embedFile = '/embed.html';
const methods = 'GET, HEAD, OPTIONS';

/** Answers every request with something; never rejects. */
export async function handleRequest(
  context: RouteContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on('error', () => response.destroy());
  try {
    await route(context, request, response);
  } catch (error) {
    context.onError(error);
    if (response.headersSent) response.destroy();
    else refuse(context, response, 500, 'http-failed', 'The relay could not answer.');
  }
}

async function route(
  context: RouteContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  const path = pathOf(request);
  if (path !== null) allowCrossOrigin(context, path, request, response);
  if (path !== null && isSessionPath(path)) return routeSession(context, path, request, response);
  if (!methods.split(', ').includes(request.method ?? '')) {
    response.setHeader('Allow', methods);
    return refuse(context, response, 405, 'http-method', 'Only GET and HEAD are answered.');
  }
  if (hasBody(request)) return refuse(context, response, 413, 'http-body', 'A body is not accepted.');
  if (path === null) return refuse(context, response, 400, 'http-malformed', 'The address is not valid.');
  if (request.method === 'OPTIONS') return answerOptions(response);
  if (path === '/health') return answerHealth(context, request, response);
  if (path === '/ready') return answerReadiness(context, response);
  if (path === '/metrics' && context.metrics !== undefined) {
    return answerMetrics(context, context.metrics, request, response);
  }
  if (path === '/.well-known/casto.json') return answerDiscovery(context, request, response);
  if (context.dashboard !== undefined && isDashboardPath(path)) {
    const refusal = await answerDashboard(context.dashboard, context.files, { path, request, response });
    return refusal === null ? undefined : refuse(context, response, ...refusal);
  }
  const isEmbed = path === embedPath || path === embedFile;
  const file = context.files.get(isEmbed ? embedFile : path);
  if (file !== undefined) return answerFile(file, request, response, isEmbed ? embedHeaders : demoHeaders);
  const isUnbuilt = path === '/' && context.files.size === 0;
  const reason = isUnbuilt ? 'The demo is not built: run npm run build, then start again.' : 'Not found.';
  return refuse(context, response, 404, 'http-not-found', reason);
}

async function routeSession(
  context: RouteContext,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const current = context.state();
  if (current.kind === 'starting') {
    response.setHeader('Retry-After', retryAfterS);
    return refuse(context, response, 503, 'http-starting', 'The relay is starting.');
  }
  const { relay } = current;
  const iceServers = iceServersOf(relay, context.ice, request);
  if (await answerSession(relay, { path, iceServers }, request, response)) return;
  refuse(context, response, 413, 'http-body', 'The body is too large.');
}

/** @returns Null when it cannot be understood; `*` stays as it is (OPTIONS, RFC 9110, 9.3.7). */
function pathOf({ url = '' }: IncomingMessage): string | null {
  if (url === '*') return url;
  try {
    // Two slashes at the start would otherwise be read as another host.
    const target = url.startsWith('/') ? `http://relay${url}` : url;
    return decodeURIComponent(new URL(target).pathname);
  } catch {
    return null;
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) !== 0);
}

function isOpenToAll(path: string): boolean {
  return (
    path === '/casto.js' ||
    path === '/casto-player.js' ||
    path === '/.well-known/casto.json' ||
    path.startsWith('/chunks/') ||
    isSessionPath(path)
  );
}

function allowCrossOrigin(
  { allowOrigins }: RouteContext,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const openToAll = isOpenToAll(path);
  response.setHeader('Cross-Origin-Resource-Policy', openToAll ? 'cross-origin' : 'same-origin');
  if (openToAll || (path === '/health' && allowOrigins.includes('*'))) {
    response.setHeader('Access-Control-Allow-Origin', '*');
  } else if (path === '/health' && allowOrigins.length > 0) {
    response.setHeader('Vary', 'Origin');
    const { origin } = request.headers;
    if (origin !== undefined && allowOrigins.includes(origin)) {
      response.setHeader('Access-Control-Allow-Origin', origin);
    }
  }
}

function answerOptions(response: ServerResponse): void {
  response.setHeader('Allow', methods);
  if (response.hasHeader('Access-Control-Allow-Origin')) {
    response.setHeader('Access-Control-Allow-Methods', methods);
    response.setHeader('Access-Control-Allow-Headers', '*');
    response.setHeader('Access-Control-Max-Age', preflightAgeS);
  }
  response.writeHead(204).end();
}

function answerHealth(
  { state, refusals }: RouteContext,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const current = state();
  const status = current.kind === 'running' ? 'ok' : current.kind;
  const relay = current.kind === 'starting' ? null : current.relay.status();
  const isServing = current.kind === 'running' && relay?.draining === false;
  response.setHeader('Cache-Control', 'no-store');
  const body = {
    status,
    ...relay,
    ...(relay === null ? {} : { multiaddrs: multiaddrsOf(relay.multiaddrs, request) }),
    refused: { ...relay?.refused, ...refusals.toJSON() },
  };
  answerJson(response, isServing ? 200 : 503, body);
}

/** For load balancers and orchestrators: send nobody here while it answers 503. */
function answerReadiness({ state }: RouteContext, response: ServerResponse): void {
  const condition = conditionOf(state());
  const isReady = condition === 'ready';
  response.setHeader('Cache-Control', 'no-store');
  if (!isReady) response.setHeader('Retry-After', retryAfterS);
  answerJson(response, isReady ? 200 : 503, isReady ? { ready: true } : { ready: false, reason: condition });
}

async function answerMetrics(
  context: RouteContext,
  metrics: Metrics & MetricsAccess,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const verdict = judgeMetricsAccess(metrics, request);
  if (verdict === 'unauthorized') {
    response.setHeader('WWW-Authenticate', 'Bearer');
    return refuse(context, response, 401, 'http-unauthorized', 'The metrics ask for a bearer token.');
  }
  if (verdict === 'forbidden') {
    const text = 'The metrics are for this machine and private networks; see --metrics-token.';
    return refuse(context, response, 403, 'http-forbidden', text);
  }
  const state = context.state();
  const scrape = {
    condition: conditionOf(state),
    relay: state.kind === 'starting' ? null : state.relay.metrics(),
    httpRefused: context.refusals.toJSON(),
  };
  const body = Buffer.from(await metrics.render(scrape));
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Type', metrics.contentType);
  response.setHeader('Content-Length', body.length);
  response.writeHead(200).end(body);
}

/** The command leaves before the relay knows. */
export function conditionOf(state: RelayState): RelayCondition {
  return state.kind === 'running' ? state.relay.readiness : state.kind;
}

/** A page must not choose a relay that is about to leave. */
function answerDiscovery(
  { state, ice }: RouteContext,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const current = state();
  response.setHeader('Cache-Control', 'no-store');
  if (current.kind !== 'running') {
    response.setHeader('Retry-After', retryAfterS);
    return answerJson(response, 503, { version: 1, status: current.kind });
  }
  const { peerId, multiaddrs } = current.relay;
  answerJson(response, 200, {
    version: 1,
    peerId,
    multiaddrs: multiaddrsOf(multiaddrs, request),
    iceServers: iceServersOf(current.relay, ice, request),
  });
}

/** What this requester is told of ICE servers: the relay's own under the host that it was reached by. */
function iceServersOf(
  { multiaddrs, stunPort }: Relay,
  ice: IceSettings,
  request: IncomingMessage,
): IceServer[] {
  const host = firstHost(multiaddrsOf(multiaddrs, request));
  const ownStun = host === null || stunPort === null ? null : stunUrl(host, stunPort);
  return iceServersFor(ice, ownStun, Date.now());
}

function multiaddrsOf(multiaddrs: readonly string[], { headers, socket }: IncomingMessage): string[] {
  const requester = { host: headers.host, localAddress: socket.localAddress };
  return multiaddrsFor(multiaddrs, requester, interfaceAddresses());
}

function answerJson(response: ServerResponse, statusCode: number, value: object): void {
  const body = Buffer.from(JSON.stringify(value));
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', body.length);
  // Node leaves the body out when the request was HEAD.
  response.writeHead(statusCode).end(body);
}

/** Closes the connection too when the rest of the request would still have to be read. */
function refuse(
  context: RouteContext,
  response: ServerResponse,
  statusCode: number,
  refusal: HttpRefusal,
  text: string,
): void {
  context.refusals.count(refusal);
  const body = Buffer.from(`${text}\n`);
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Content-Length', body.length);
  response.setHeader('Cache-Control', 'no-store');
  if (hasBody(response.req)) response.setHeader('Connection', 'close');
  response.writeHead(statusCode).end(body);
}
