/** Answers with a file of the build: from the cache of whoever asks where that has it, compressed where that pays. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StaticFile } from './static-files.ts';

const immutableAgeS = 31_536_000;

/** @param pageHeaders - What to say besides when it is a page. */
export async function answerFile(
  file: StaticFile,
  request: IncomingMessage,
  response: ServerResponse,
  pageHeaders: (file: StaticFile) => Record<string, string>,
): Promise<void> {
  response.setHeader('ETag', file.etag);
  response.setHeader('Vary', 'Accept-Encoding');
  response.setHeader(
    'Cache-Control',
    file.immutable ? `public, max-age=${immutableAgeS}, immutable` : 'no-cache',
  );
  if (matches(request.headers['if-none-match'], file.etag)) {
    response.writeHead(304).end();
    return;
  }
  if (file.type.startsWith('text/html')) {
    for (const [name, value] of Object.entries(pageHeaders(file))) response.setHeader(name, value);
  }
  const gzipped = acceptsGzip(request.headers['accept-encoding']) ? await file.gzipped() : null;
  if (gzipped !== null) response.setHeader('Content-Encoding', 'gzip');
  const body = gzipped ?? file.body;
  response.setHeader('Content-Type', file.type);
  response.setHeader('Content-Length', body.length);
  response.writeHead(200).end(body);
}

/** Weak comparison, RFC 9110, section 8.8.3.2. */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const bare = (tag: string): string => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((tag) => bare(tag) === '*' || bare(tag) === bare(etag));
}

export function acceptsGzip(header: string | undefined): boolean {
  return (header ?? '').split(',').some((item) => {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    return coding === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}
