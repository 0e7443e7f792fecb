/** Serves small test pages on an origin of their own. */

import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { networkInterfaces } from 'node:os';

export interface PageServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** A page with one muted video, `#video`. Further markup goes into its head. */
export function testPage(head = ''): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>CASTO test page</title>
<link rel="icon" href="data:,">
${head}
<video id="video" autoplay muted playsinline width="320" height="180"></video>
</html>`;
}

/**
 * Starts a server on a free port. Each further server is a further origin.
 *
 * @param pages - Markup by path, e.g. `{ '/': testPage() }`. Modules are served by paths that end in `.js`.
 */
export async function startPageServer(
  pages: Readonly<Record<string, string>> = { '/': testPage() },
  options: { host?: string } = {},
): Promise<PageServer> {
  const host = options.host ?? 'localhost';
  const server = createServer((request, response) => {
    answer(response, pages[new URL(request.url ?? '/', 'http://page').pathname], request.url ?? '/');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the page server has no port');
  return {
    origin: `http://${host}:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An IPv4 address of this machine that is not loopback, or `null`. Firefox needs one to dial webrtc-direct. */
export function lanAddress(): string | null {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? null;
}

function answer(response: ServerResponse, page: string | undefined, path: string): void {
  if (page === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not here');
    return;
  }
  const type = path.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(page);
}
