import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** @param {string[]} parts - A path below the repository's top folder. */
export function inRoot(...parts) {
  return join(ROOT, ...parts);
}
