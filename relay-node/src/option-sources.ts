/** Reads options as texts from the command line, the environment and the config file. */
import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findNearest } from './nearest-name.ts';
import { commands, environmentName, options, quote } from './options.ts';
import type { RawValue } from './options.ts';
import { UsageError } from './usage-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** By flag, without the dashes. */
export type RawValues = ReadonlyMap<string, RawValue>;

const configLimitBytes = 64 * 1024;
const optionFlags = Object.values(options).map(({ flag }) => flag);
const commandFlags = Object.values(commands).map(({ flag }) => flag);

export function readFlags(argv: readonly string[]): RawValues {
  const all = [...Object.values(options), ...Object.values(commands)];
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      all.map((option) => [
        option.flag,
        {
          type: option.placeholder === null ? ('boolean' as const) : ('string' as const),
          ...('short' in option ? { short: option.short } : {}),
        },
      ]),
    ),
  });
  const values = new Map<string, { label: string; texts: string[] }>();
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw new UsageError(`unexpected argument ${quote(token.value)}`);
    const option = all.find(({ flag }) => flag === token.name);
    if (option === undefined) throw unknownName('flag', token.rawName, token.name, '--');
    const label = `--${option.flag}`;
    const entry = values.get(option.flag) ?? { label, texts: [] };
    entry.texts.push(flagText(label, option.placeholder, token));
    values.set(option.flag, entry);
  }
  return values;
}

function flagText(
  label: string,
  placeholder: string | null,
  token: { value?: string | undefined; inlineValue?: boolean | undefined },
): string {
  if (placeholder === null) return token.value ?? 'true';
  const isNextFlag = token.inlineValue !== true && token.value?.startsWith('--') === true;
  if (token.value === undefined || isNextFlag)
    throw new UsageError(`${label} needs a value: ${label} ${placeholder}`);
  return token.value;
}

/** An empty variable counts as unset, as compose files and service managers leave them. */
export function readEnvironment(env: Environment): RawValues {
  const values = new Map<string, RawValue>();
  for (const flag of [...optionFlags, commands.config.flag]) {
    const label = environmentName(flag);
    const text = env[label];
    if (text !== undefined && text !== '') values.set(flag, { label, texts: [text] });
  }
  return values;
}

export function readConfigFile(file: string): RawValues {
  const name = quote(file);
  const content = parseJson(name, readConfigText(file, name));
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UsageError(`the config file ${name} must hold one JSON object`);
  }
  const values = new Map<string, RawValue>();
  for (const [key, value] of Object.entries(content)) {
    if (!optionFlags.includes(key)) throw unknownName(`option in ${name}:`, quote(key), key, '');
    const label = `${quote(key)} in ${name}`;
    values.set(key, { label, texts: textsOf(label, value) });
  }
  return values;
}

function readConfigText(file: string, name: string): string {
  try {
    const { size } = statSync(file);
    if (size > configLimitBytes) throw new UsageError(`the config file ${name} is larger than 64 KiB`);
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`the config file ${name} cannot be read (${reason})`);
  }
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const problem = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : 'not JSON';
    throw new UsageError(`the config file ${name} is not valid JSON: ${problem}`);
  }
}

function textsOf(label: string, value: unknown): string[] {
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number' || typeof item === 'boolean') return String(item);
    throw new UsageError(`${label} must be a text, a number, true or false, or a list of texts`);
  });
}

function unknownName(what: string, written: string, name: string, prefix: string): UsageError {
  const known = prefix === '' ? optionFlags : [...optionFlags, ...commandFlags];
  const nearest = findNearest(name, known);
  const hint = nearest === null ? '; see casto-relay --help' : `; did you mean ${prefix}${nearest}?`;
  return new UsageError(`unknown ${what} ${written.slice(0, 80)}${hint}`);
}
