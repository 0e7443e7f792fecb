/**
 * A failing input as text, for a corpus and for `--replay`: a header of `name: value`, then each input in hexadecimal
 * on a line of its own, in the order in which they are fed.
 */

import type { Failure } from './fuzz-run.ts';

export function renderFailure({ target, seed, index, error, inputs, isReproduced }: Failure): string {
  return [
    `target: ${target}`,
    `seed: ${seed}`,
    `index: ${index}`,
    `reproduced: ${isReproduced}`,
    ...error.split('\n').map((line) => `# ${line}`),
    ...inputs.map((input) => Buffer.from(input).toString('hex') || '-'),
    '',
  ].join('\n');
}

/** @throws {Error} When the text names no target, or a line is neither header, comment nor hexadecimal. */
export function readFailure(text: string): { target: string; inputs: Uint8Array[] } {
  let target = '';
  const inputs: Uint8Array[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, name, value = ''] = /^([a-z]+): (.*)$/.exec(line) ?? [];
    if (line === '' || line.startsWith('#')) continue;
    if (name === 'target') target = value;
    if (name !== undefined) continue;
    if (!/^(?:-|(?:[0-9a-f]{2})+)$/.test(line)) throw new Error(`not hexadecimal: ${line.slice(0, 40)}`);
    inputs.push(Uint8Array.from(Buffer.from(line === '-' ? '' : line, 'hex')));
  }
  if (target === '') throw new Error('the file names no target');
  return { target, inputs };
}
