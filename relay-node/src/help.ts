/** Renders the option table for the terminal and for the README. */
import { commands, environmentName, options } from './options.ts';

interface Row {
  flag: string;
  placeholder: string | null;
  repeatable?: boolean;
  short?: string;
  fallbackText?: string;
  help: string;
}

const rows: readonly Row[] = [...Object.values(options), ...Object.values(commands)];

const helpWidth = 100;

export function renderHelp(version: string): string {
  const lines = rows.map((row) => [usageOf(row), describe(row)] as const);
  const width = Math.max(...lines.map(([usage]) => usage.length));
  return [
    `casto-relay ${version}: introduces peers and forwards live video`,
    '',
    'Usage: casto-relay [flags]',
    '',
    ...lines.flatMap(([usage, text]) => {
      const [first = '', ...rest] = wrap(text, helpWidth - width - 4);
      return [`  ${usage.padEnd(width)}  ${first}`, ...rest.map((line) => ' '.repeat(width + 4) + line)];
    }),
    '',
    'Each flag can also be set in the environment (--max-viewers is CASTO_MAX_VIEWERS) or in the',
    '--config file ({ "max-viewers": 100 }). A flag wins over the environment, that over the file.',
    'Ctrl-C tells viewers to go elsewhere, waits up to --drain-seconds for them, and exits.',
    '',
  ].join('\n');
}

/** The table in README.md. */
export function renderMarkdownTable(): string {
  const lines = rows.map((row) => {
    const usage = row.placeholder === null ? `--${row.flag}` : `--${row.flag} ${row.placeholder}`;
    const variable = row.flag in environmentless ? '' : `\`${environmentName(row.flag)}\``;
    const help = row.repeatable === true ? `${row.help} (repeatable)` : row.help;
    return `| \`${usage}\` | ${variable} | ${row.fallbackText ?? ''} | ${help.replaceAll('|', '\\|')} |`;
  });
  return ['| Flag | Environment | Default | Meaning |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

const environmentless: Readonly<Record<string, true>> = {
  [commands.help.flag]: true,
  [commands.version.flag]: true,
};

function usageOf({ flag, short, placeholder }: Row): string {
  const names = short === undefined ? `--${flag}` : `--${flag}, -${short}`;
  return placeholder === null ? names : `${names} ${placeholder}`;
}

function describe({ help, repeatable, fallbackText, placeholder }: Row): string {
  const notes = [
    ...(repeatable === true ? ['repeatable'] : []),
    ...(placeholder !== null && fallbackText !== undefined ? [`default: ${fallbackText}`] : []),
  ];
  return notes.length === 0 ? help : `${help} (${notes.join('; ')})`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
