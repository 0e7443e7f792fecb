/**
 * The demo and the SDK, read into memory once at start: a few megabytes.
 *
 * So a request touches no file: nothing to escape from the folder with, no descriptor to run out
 * of under a flood, no half-written build. And entity tags are hashes: npm gives every packed file
 * the same date, so tags made of size and date, as static servers make them, would keep an old
 * page in the cache after an update.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { lookup } from 'mrmime';

export interface StaticFile {
  readonly type: string;
  readonly body: Buffer;
  /** Weak, since the compressed body has the same one. */
  readonly etag: string;
  /** Its name changes with its content. */
  readonly immutable: boolean;
  /** Sources for `script-src` of a page: the hashes of its own inline scripts. */
  readonly inlineScripts: readonly string[];
  /** Null when compressing does not pay. */
  gzipped(): Promise<Buffer | null>;
}

/** By URL path. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

const mostFiles = 2_000;
const mostBytes = 64 * 1024 * 1024;
/** Below this a response fits one packet anyway. */
const leastGzipBytes = 1_024;
const indexName = 'index.html';

const compress = promisify(gzip);

/** @returns An empty map when the folder does not exist. */
export async function loadStaticFiles(folder: string): Promise<StaticFiles> {
  const files = new Map<string, StaticFile>();
  let bytes = 0;
  for (const path of await listFiles(folder)) {
    const body = await readFile(join(folder, path));
    bytes += body.length;
    if (files.size >= mostFiles || bytes > mostBytes) {
      throw new Error(`${folder} holds more than ${mostFiles} files or ${mostBytes} bytes`);
    }
    const url = `/${path.split(sep).join('/')}`;
    const file = describe(url, body);
    files.set(url, file);
    if (url.endsWith(`/${indexName}`)) files.set(url.slice(0, -indexName.length), file);
  }
  return files;
}

/** Regular files, without dot files and what lies in dot folders. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split(sep).some((part) => part.startsWith('.')));
}

function describe(url: string, body: Buffer): StaticFile {
  const mime = lookup(url) ?? 'application/octet-stream';
  const isText = /^text\/|javascript|json|xml/.test(mime);
  let compressed: Promise<Buffer | null> | undefined;
  return {
    type: isText ? `${mime}; charset=utf-8` : mime,
    body,
    etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    immutable: isHashedName(url),
    inlineScripts: mime === 'text/html' ? hashInlineScripts(body.toString()) : [],
    gzipped() {
      compressed ??= isText && body.length >= leastGzipBytes ? compress(body) : Promise.resolve(null);
      return compressed;
    },
  };
}

/** Pages are our own build, so a pattern finds their scripts. Browsers hash with line feeds only. */
function hashInlineScripts(html: string): string[] {
  const scripts = html.replaceAll(/\r\n?/g, '\n').matchAll(/<script(?![^>]*\ssrc=)[^>]*>(.*?)<\/script>/gis);
  return Array.from(scripts, ([, text = '']) => {
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  });
}

/**
 * The bundler ends names of assets and chunks in eight characters of base64url, such as
 * `dht-CkQ9x_1b.js`. A word of eight letters is taken for a part of the name, to be safe.
 */
function isHashedName(url: string): boolean {
  const hash = /^\/(?:dashboard\/)?(?:assets|chunks)\/(?:.*[-.])?([A-Za-z0-9_-]{8})\.\w+$/.exec(url)?.[1];
  return hash !== undefined && /[0-9A-Z]/.test(hash);
}
