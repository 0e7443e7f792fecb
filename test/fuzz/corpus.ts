/** Inputs worth keeping: each was once a failure, or reaches a place that drawn inputs seldom do. */

import { readdirSync, readFileSync } from 'node:fs';
import { readFailure } from './failure-file.ts';

const FOLDER = new URL('corpus/', import.meta.url);

export interface CorpusFile {
  readonly name: string;
  readonly target: string;
  readonly inputs: readonly Uint8Array[];
}

/** @param targets - Of these only. */
export function corpusOf(targets: readonly string[]): CorpusFile[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => ({ name, ...readFailure(readFileSync(new URL(name, FOLDER), 'utf8')) }))
    .filter(({ target }) => targets.includes(target));
}
