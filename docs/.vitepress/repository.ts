import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the whole repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** @param path - In the repository. */
export function inRoot(path: string): string {
  return join(ROOT, path);
}
