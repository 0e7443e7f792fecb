/** An edit of one source file that takes a rule of PROTOCOL.md, or a part of it, out of the code. */
export interface Mutant {
  readonly rule: string;
  /** From the package's folder. */
  readonly file: string;
  /** What is edited; it occurs once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** A mutant's `find` does not say which place of the file is meant. */
export class MisplacedError extends Error {
  override readonly name = 'MisplacedError';

  constructor({ rule, file, find }: Mutant, occurrences: number) {
    super(`${rule}: found ${occurrences} times instead of once in ${file}: ${find}`);
  }
}

/** @throws {MisplacedError} */
export function mutate(source: string, mutant: Mutant): string {
  const parts = source.split(mutant.find);
  if (parts.length !== 2) throw new MisplacedError(mutant, parts.length - 1);
  return parts.join(mutant.replace);
}
