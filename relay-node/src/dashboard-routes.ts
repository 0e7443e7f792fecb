/**
 * The dashboard over HTTP.
 *
 *   /dashboard/                the page; holds nothing that is anybody's business
 *   /dashboard/state           DashboardState
 *   /dashboard/tree/CHANNEL    DashboardTree
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DashboardAccess } from './dashboard-access.ts';
import type { DashboardFeed, Snapshot } from './dashboard-feed.ts';
import { acceptsGzip, answerFile, matches } from './file-answer.ts';
import type { HttpRefusal } from './http-refusals.ts';
import { dashboardHeaders } from './page-headers.ts';
import type { StaticFiles } from './static-files.ts';

export interface Dashboard {
  access: DashboardAccess;
  feed: DashboardFeed;
}

export interface DashboardRequest {
  /** Decoded, without the query. */
  path: string;
  request: IncomingMessage;
  response: ServerResponse;
}

/** Status, reason to count, and words for people. */
type Refusal = [statusCode: number, refusal: HttpRefusal, text: string];

const folder = '/dashboard/';
const treeFolder = `${folder}tree/`;
const retryAfterS = 2;

const forbidden: Refusal = [
  403,
  'http-forbidden',
  'The dashboard is for this machine, at http://localhost:PORT/dashboard. To open it from elsewhere start the relay with ' +
    'the environment variable CASTO_DASHBOARD_TOKEN (or --dashboard-token) set to a secret, which the page then asks for.',
];
const unauthorized: Refusal = [401, 'http-unauthorized', 'The dashboard asks for its bearer token.'];
const throttled: Refusal = [
  429,
  'http-throttled',
  'Too many requests, or too many wrong tokens: wait a moment.',
];
const unbuilt: Refusal = [
  404,
  'http-not-found',
  'The dashboard is not built: run npm run build, then start again.',
];
const notFound: Refusal = [404, 'http-not-found', 'Not found.'];

export function isDashboardPath(path: string): boolean {
  return path === folder.slice(0, -1) || path.startsWith(folder);
}

/** @returns Null when it was answered. */
export async function answerDashboard(
  { access, feed }: Dashboard,
  files: StaticFiles,
  { path, request, response }: DashboardRequest,
): Promise<Refusal | null> {
  const isData = path === `${folder}state` || path.startsWith(treeFolder);
  if (!isData) {
    // The page itself asks for the token.
    return access.isOpenTo(request) ? answerPage(files, { path, request, response }) : forbidden;
  }
  const verdict = access.judge(request);
  response.setHeader('Cache-Control', 'no-store');
  if (verdict === 'forbidden') return forbidden;
  if (verdict === 'unauthorized') {
    response.setHeader('WWW-Authenticate', 'Bearer');
    return unauthorized;
  }
  if (verdict === 'throttled') {
    response.setHeader('Connection', 'close');
    return tooMany(response);
  }
  if (!feed.admit()) return tooMany(response);
  const snapshot = path.startsWith(treeFolder) ? feed.tree(path.slice(treeFolder.length)) : feed.state();
  if (snapshot === 'none') return notFound;
  if (snapshot === 'busy') return tooMany(response);
  await answerSnapshot(snapshot, request, response);
  return null;
}

function tooMany(response: ServerResponse): Refusal {
  response.setHeader('Retry-After', retryAfterS);
  return throttled;
}

async function answerPage(
  files: StaticFiles,
  { path, request, response }: DashboardRequest,
): Promise<Refusal | null> {
  if (path === folder.slice(0, -1)) {
    // Relative, because a proxy may serve the relay below another path (RFC 9110, section 10.2.2).
    response.setHeader('Location', 'dashboard/');
    response.setHeader('Content-Length', 0);
    response.writeHead(308).end();
    return null;
  }
  const file = files.get(path);
  if (file === undefined) return path === folder ? unbuilt : notFound;
  await answerFile(file, request, response, dashboardHeaders);
  return null;
}

async function answerSnapshot(
  snapshot: Snapshot,
  { headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('ETag', snapshot.etag);
  if (matches(headers['if-none-match'], snapshot.etag)) {
    response.writeHead(304).end();
    return;
  }
  const isGzipped = acceptsGzip(headers['accept-encoding']);
  const body = isGzipped ? await snapshot.gzipped() : snapshot.body;
  if (isGzipped) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', body.length);
  response.writeHead(200).end(body);
}
