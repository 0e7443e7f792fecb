/** Reads PROTOCOL.md: its rules and its tables, as the tests compare them with the sources. */

import document from '../PROTOCOL.md?raw';

export interface DocumentedField {
  readonly name: string;
  /** How the value is written, e.g. `text ≤ 64 or null`. */
  readonly value: string;
}

export interface DocumentedMessage {
  /** The type's number, or `null` in a table of lists without one. */
  readonly code: number | null;
  readonly name: string;
  readonly fields: readonly DocumentedField[];
}

export interface Rule {
  readonly id: string;
  readonly keptByHost: boolean;
}

export const rules: readonly Rule[] = [...document.matchAll(/^- \*\*([A-Z]\d+\.\d+)\*\*( \(host\))?/gm)].map(
  ([, id = '', host]) => ({ id, keptByHost: host !== undefined }),
);

/** The text of one rule without its line breaks. */
export function ruleText(id: string): string {
  const begin = document.indexOf(`- **${id}**`);
  if (begin < 0) throw new Error(`no rule ${id}`);
  const [text = ''] = document.slice(begin + 2).split(/\n(?:- |\n|#)/, 1);
  return text.replaceAll(/\s+/g, ' ');
}

/** All body rows of the section's tables whose header begins with these cells. */
export function tableRows(section: string, header: readonly string[]): string[][] {
  const lines = sectionText(section).split('\n');
  const tables: string[][][] = [];
  lines.forEach((line, i) => {
    if (!line.startsWith('|')) return;
    if (!lines[i - 1]?.startsWith('|')) tables.push([]);
    tables.at(-1)?.push(cellsOf(line));
  });
  const found = tables.filter(([first]) => header.every((cell, i) => first?.[i] === cell));
  if (found.length !== 1) throw new Error(`${found.length} tables ${header.join()} in section ${section}`);
  return found.flatMap((table) => table.slice(2));
}

/** Messages of a table with a row per field; rows without a message's name continue the one above. */
export function messageTable(section: string): DocumentedMessage[] {
  return groupFields(
    tableRows(section, ['no.', 'message', 'field', 'value']).map(
      ([code = '', name = '', field = '', value = '']) => ({
        head: name === '' ? null : { code: Number(code), name: unquote(name) },
        field: [field, spelledOut(section, value)],
      }),
    ),
  );
}

export function listTable(section: string): DocumentedMessage[] {
  return groupFields(
    tableRows(section, ['list', 'field', 'value']).map(([name = '', ...field]) => ({
      head: name === '' ? null : { code: null, name: unquote(name) },
      field,
    })),
  );
}

/** What stands in backticks in a cell. */
export function unquote(cell: string): string {
  return cell.replaceAll('`', '');
}

/** The words of a table of the section, where a value is written as `a refusal, below`. */
function spelledOut(section: string, value: string): string {
  const [, table] = /^an? ([a-z]+), below$/.exec(value) ?? [];
  if (table === undefined) return value;
  return tableRows(section, [table, 'meaning'])
    .map(([word]) => word)
    .join(' or ');
}

function groupFields(
  rows: { head: { code: number | null; name: string } | null; field: string[] }[],
): DocumentedMessage[] {
  const messages: { code: number | null; name: string; fields: DocumentedField[] }[] = [];
  for (const { head, field } of rows) {
    if (head) messages.push({ ...head, fields: [] });
    const [name = '', value = ''] = field;
    if (name !== '') messages.at(-1)?.fields.push({ name: unquote(name), value });
  }
  return messages;
}

function sectionText(section: string): string {
  const found = document.split(/^## /m).find((text) => text.startsWith(section));
  if (found === undefined) throw new Error(`no section ${section}`);
  return found;
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
