import type { Mutant } from './mutant.ts';

export interface Verdict {
  readonly mutant: Mutant;
  /** The test that failed; `null`: all passed. */
  readonly killedBy: string | null;
}

/** What became of the mutants of one rule; those that survived are spelled out. */
export function ruleLines(rule: string, verdicts: readonly Verdict[]): string[] {
  const survivors = verdicts.filter(({ killedBy }) => killedBy === null);
  const killers = new Set(verdicts.flatMap(({ killedBy }) => killedBy ?? []));
  return [
    ...[...killers].map((name, at) => `${at === 0 ? rule.padEnd(RULE_WIDTH) : BLANK}killed by ${name}`),
    ...survivors.map(({ mutant }, at) => {
      const head = at === 0 && killers.size === 0 ? rule.padEnd(RULE_WIDTH) : BLANK;
      return `${head}SURVIVED ${mutant.file}: ${oneLine(mutant.find)} -> ${oneLine(mutant.replace)}`;
    }),
  ];
}

export function totalLine(verdicts: readonly Verdict[]): string {
  const rules = new Set(verdicts.map(({ mutant }) => mutant.rule));
  const survivors = verdicts.filter(({ killedBy }) => killedBy === null);
  const weak = new Set(survivors.map(({ mutant }) => mutant.rule));
  return (
    `${rules.size} rules, ${verdicts.length} mutants: ` +
    `${verdicts.length - survivors.length} killed, ${survivors.length} survived (${weak.size} rules)`
  );
}

const RULE_WIDTH = 8;
const BLANK = ' '.repeat(RULE_WIDTH);

function oneLine(text: string): string {
  return text === '' ? '(nothing)' : text.replaceAll(/\s+/g, ' ');
}
