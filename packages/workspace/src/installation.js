import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { inRoot } from './paths.js';
import { runNpm } from './processes.js';
import { progress, ToolFailure } from './tool-failure.js';

/** Tells which lockfile node_modules was made from. Inside it, so that the two vanish together. */
const STAMP = inRoot('node_modules/.casto-lockfile');

/**
 * Brings node_modules in line with package-lock.json, and does nothing when it is already.
 *
 * @throws {ToolFailure} When npm fails.
 */
export async function ensureInstalled() {
  const wanted = createHash('sha256')
    .update(readFileSync(inRoot('package-lock.json')))
    .digest('hex');
  if (readStamp() === wanted) return;

  const isFirst = !existsSync(inRoot('node_modules'));
  progress(isFirst ? 'installing packages, about a minute the first time' : 'updating packages');
  // `npm ci` would first empty a folder that other terminals may be running from.
  const args = isFirst ? ['ci'] : ['install', '--no-save'];
  const code = await runNpm([...args, '--no-audit', '--no-fund', '--loglevel=error']);
  if (code !== 0) throw new ToolFailure(`npm ${args.join(' ')} failed with code ${code}`);
  writeFileSync(STAMP, wanted);
}

function readStamp() {
  try {
    return readFileSync(STAMP, 'utf8');
  } catch {
    return null;
  }
}
