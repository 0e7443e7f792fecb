/** The tarballs that would go to the registry, made anew, and what is in them. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { pack } from '../../packages/workspace/src/packing.js';
import { runInstalled } from '../../packages/workspace/src/processes.js';
import { publishedPackages } from '../../packages/workspace/src/published-packages.js';

export interface Tarball {
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  /** What is in it, by path below the package's folder. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** The package.json in it. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

export interface Tarballs {
  readonly all: readonly Tarball[];
  remove(): void;
}

/** Known without packing, so that there can be tests for each. */
export const PUBLISHED_NAMES: readonly string[] = publishedPackages().map(({ name }) => name);

/** Those that are imported; the others are commands. */
export const LIBRARY_NAMES: readonly string[] = publishedPackages()
  .filter(({ manifest }) => manifest['exports'] !== undefined)
  .map(({ name }) => name);

/** Packs all published packages, whose code has been built. Their types are here. */
export async function makeTarballs(): Promise<Tarballs> {
  const folders = publishedPackages().map((workspace) => workspace.path);
  const code = await runInstalled('typescript/bin/tsc', ['-b', ...folders]);
  if (code !== 0) throw new Error('the types could not be built');
  const folder = mkdtempSync(join(tmpdir(), 'casto-packs-'));
  const all: Tarball[] = [];
  try {
    for (const workspace of publishedPackages()) {
      const path = await pack(workspace, folder);
      const bytes = readFileSync(path);
      const files = filesOf(gunzipSync(bytes));
      const manifest = JSON.parse(String(files.get('package.json'))) as Record<string, unknown>;
      all.push({ name: workspace.name, path, bytes, files, manifest });
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return { all, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const BLOCK_BYTES = 512;
/** Fields of a header, see POSIX.1-1988 ustar: name, size in octal, type, and what stands before the name. */
const NAME = { at: 0, bytes: 100 };
const SIZE = { at: 124, bytes: 12 };
const TYPE_AT = 156;
const PREFIX = { at: 345, bytes: 155 };
/** A regular file; npm writes longer names into extended headers, which these packages do not need. */
const FILE_TYPES = ['0', '\0'];

function filesOf(tar: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK_BYTES <= tar.length && tar[at] !== 0;) {
    const text = ({ at: from, bytes }: { at: number; bytes: number }): string =>
      tar.toString('utf8', at + from, at + from + bytes).replace(/\0.*$/s, '');
    const path = [text(PREFIX), text(NAME)].filter((part) => part !== '').join('/');
    const size = Number.parseInt(text(SIZE), 8);
    const type = String.fromCodePoint(tar[at + TYPE_AT] ?? 0);
    if (!FILE_TYPES.includes(type)) throw new Error(`${path} in the tarball is no file, but of type ${type}`);
    const begin = at + BLOCK_BYTES;
    files.set(path.replace(/^package\//, ''), tar.subarray(begin, begin + size));
    at = begin + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}
