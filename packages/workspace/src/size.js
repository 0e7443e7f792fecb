/** `npm run size`: what pages load before anything lazy, against its limit. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { isRecord, readJson } from './json-file.js';
import { inRoot } from './paths.js';
import { runTool, ToolFailure } from './tool-failure.js';

/**
 * What loads at once for each entry, in bytes after gzip: 174 kB are a third of a second at 4 Mbps. The player comes
 * before the SDK, which it loads when there is something to watch.
 */
const ENTRIES = [
  { source: 'src/index.ts', title: "the viewer's part", limitBytes: 174_000 },
  { source: 'src/player.ts', title: 'the player', limitBytes: 12_000 },
];

/** In bytes after gzip: everything that the demo's start page asks for, the SDK that fills its list included. */
const FIRST_LOAD_LIMIT_BYTES = 200_000;

/** What the start page loads of the SDK: the viewer's part, and the list of channels. */
const LISTS_CHANNELS = /packages\/browser\/dist\/(?:casto|chunks\/channel-follower-[^/]+)\.js$/;

const SDK = inRoot('packages/browser/dist');
const DEMO = inRoot('demo/dist');

await runTool(async () => {
  const isSdkSmall = measureSdk();
  const isDemoSmall = measureDemo();
  return isSdkSmall && isDemoSmall ? 0 : 1;
});

/** @returns {boolean} Whether it keeps its limits. */
function measureSdk() {
  const chunks = manifestOf(SDK, 'casto.js', 'sdk');
  const seen = new Set();
  let isWithin = true;
  for (const { source, title, limitBytes } of ENTRIES) {
    if (entryOf(chunks, source)['isEntry'] !== true)
      throw new ToolFailure(`the manifest of packages/browser/dist names no entry ${source}`);
    const parts = withImports(chunks, source);
    const isSmall = judge(list(SDK, filesOf(chunks, parts)), limitBytes, title);
    for (const part of parts) seen.add(part);
    isWithin &&= isSmall;
  }
  const rest = Object.keys(chunks).filter((key) => !seen.has(key));
  if (rest.length > 0) {
    console.log('lazy:');
    list(SDK, filesOf(chunks, rest));
  }
  return isWithin;
}

/** @returns {boolean} Whether it keeps its limit. */
function measureDemo() {
  const chunks = manifestOf(DEMO, 'index.html', 'demo');
  const sdk = Object.keys(chunks).filter((key) => LISTS_CHANNELS.test(key));
  if (sdk.length !== 2) throw new ToolFailure('the demo has no chunks of the SDK that list channels');
  const first = ['index.html', ...sdk].flatMap((key) => [...withImports(chunks, key)]);
  const totalBytes = list(DEMO, new Set(['index.html', ...filesOf(chunks, first)]));
  return judge(totalBytes, FIRST_LOAD_LIMIT_BYTES, "the demo's first load");
}

/**
 * @param {string} dist
 * @param {string} built - A file that every build has.
 * @param {string} target - For the advice.
 * @returns {Record<string, unknown>}
 */
function manifestOf(dist, built, target) {
  const chunks = readJson(join(dist, '.vite/manifest.json'));
  if (isRecord(chunks) && existsSync(join(dist, built))) return chunks;
  throw new ToolFailure(`${dist} has no build; run npm run build ${target}`);
}

/**
 * @param {number} totalBytes
 * @param {number} limitBytes
 * @param {string} title
 */
function judge(totalBytes, limitBytes, title) {
  console.log(`${kilobytes(totalBytes)} gzip  ${title}, limit ${kilobytes(limitBytes).trim()}`);
  return totalBytes <= limitBytes;
}

/**
 * @param {Record<string, unknown>} chunks
 * @param {string} entry
 * @returns {Set<string>} The entry, and all that it imports at once.
 */
function withImports(chunks, entry) {
  const found = new Set([entry]);
  for (const key of found) {
    const { imports } = entryOf(chunks, key);
    if (Array.isArray(imports)) for (const one of imports) found.add(String(one));
  }
  return found;
}

/**
 * @param {Record<string, unknown>} chunks
 * @param {string} key
 * @returns {Record<string, unknown>}
 */
function entryOf(chunks, key) {
  const entry = chunks[key];
  return isRecord(entry) ? entry : {};
}

/**
 * @param {Record<string, unknown>} chunks
 * @param {Iterable<string>} keys
 * @returns {Set<string>} Scripts, and the style sheets that come with them.
 */
function filesOf(chunks, keys) {
  /** @type {Set<string>} */
  const files = new Set();
  for (const key of keys) {
    const { file, css } = entryOf(chunks, key);
    files.add(String(file));
    if (Array.isArray(css)) for (const sheet of css) files.add(String(sheet));
  }
  return files;
}

/**
 * Prints the files, the largest first.
 *
 * @param {string} dist
 * @param {Iterable<string>} files
 * @returns {number} Their bytes after gzip.
 */
function list(dist, files) {
  const sizes = Array.from(files, (file) => {
    const content = readFileSync(join(dist, file));
    // The level that the relay serves with, zlib's default.
    return { file, rawBytes: content.length, gzipBytes: gzipSync(content).length };
  });
  sizes.sort((a, b) => b.gzipBytes - a.gzipBytes);
  for (const { file, rawBytes, gzipBytes } of sizes) {
    console.log(`${kilobytes(gzipBytes)} gzip ${kilobytes(rawBytes)} raw  ${file}`);
  }
  return sizes.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0);
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1).padStart(7)} kB`;
}
