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

const DIST = inRoot('packages/browser/dist');

await runTool(async () => {
  const chunks = readJson(join(DIST, '.vite/manifest.json'));
  if (!isRecord(chunks) || !existsSync(join(DIST, 'casto.js'))) {
    throw new ToolFailure('packages/browser/dist has no build; run npm run build sdk');
  }
  const seen = new Set();
  let isWithin = true;
  for (const { source, title, limitBytes } of ENTRIES) {
    if (entryOf(chunks, source)['isEntry'] !== true)
      throw new ToolFailure(`the manifest of packages/browser/dist names no entry ${source}`);
    const parts = withImports(chunks, source);
    const totalBytes = list(chunks, [...parts]);
    console.log(`${kilobytes(totalBytes)} gzip  ${title}, limit ${kilobytes(limitBytes).trim()}`);
    for (const part of parts) seen.add(part);
    isWithin &&= totalBytes <= limitBytes;
  }
  const rest = Object.keys(chunks).filter((key) => !seen.has(key));
  if (rest.length > 0) {
    console.log('lazy:');
    list(chunks, rest);
  }
  return isWithin ? 0 : 1;
});

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
 * Prints the chunks, the largest first.
 *
 * @param {Record<string, unknown>} chunks
 * @param {string[]} keys
 * @returns {number} Their bytes after gzip.
 */
function list(chunks, keys) {
  const sizes = keys.map((key) => {
    const file = String(entryOf(chunks, key)['file']);
    const content = readFileSync(join(DIST, file));
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
