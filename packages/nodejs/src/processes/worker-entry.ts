/** Finds the program of the media workers, which lies elsewhere in a bundle than in the source. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface WorkerEntry {
  readonly file: string;
  /** For Node. */
  readonly execArgv: readonly string[];
}

/** A bundler puts what two programs share one folder below them. */
const BUNDLED = ['./media-worker.js', '../media-worker.js'];

/** @throws {Error} When this is a bundle that was made without it. */
export function workerEntry(): WorkerEntry {
  const here = import.meta.url;
  if (here.endsWith('.ts')) {
    const file = fileURLToPath(new URL('media-worker.ts', here));
    return { file, execArgv: ['--conditions=casto-source'] };
  }
  const file = BUNDLED.map((path) => fileURLToPath(new URL(path, here))).find((path) => existsSync(path));
  if (file === undefined) throw new Error('media-worker.js is not beside the relay');
  // Not those of this process: among them may be a debugger's port, or a script to evaluate.
  return { file, execArgv: [] };
}
