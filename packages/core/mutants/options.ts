import { parseArgs } from 'node:util';

export const HELP = `Takes each rule of PROTOCOL.md out of the code and shows that a test which names the rule fails.

  npm run mutants                 all rules that packages/core keeps
  npm run mutants -- --rule J5.1  this rule alone; may be given several times

Exit code 0: each was noticed, 1: one was not, or could not be put in, 2: the command line is wrong.
`;

/** The command line cannot be understood; `message` is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Options {
  /** `null`: all. */
  readonly rules: ReadonlySet<string> | null;
}

/**
 * @param known - Rules that may be asked for.
 * @returns What to do, or `'help'`.
 * @throws {UsageError}
 */
export function parseOptions(args: readonly string[], known: ReadonlySet<string>): Options | 'help' {
  const { rule, help } = readFlags(args);
  if (help === true) return 'help';
  if (rule === undefined) return { rules: null };
  const unknown = rule.find((id) => !known.has(id));
  if (unknown !== undefined) throw new UsageError(`there are no mutants of a rule ${unknown}`);
  return { rules: new Set(rule) };
}

function readFlags(args: readonly string[]): { rule?: string[] | undefined; help?: boolean | undefined } {
  try {
    const options = { rule: { type: 'string', multiple: true }, help: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
