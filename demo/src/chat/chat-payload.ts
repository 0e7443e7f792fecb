/**
 * What this app writes into CASTO's messages: JSON with one letter for each kind.
 *
 *   {"c":"hello","n":"Ada"}    text, with the name that its writer goes by
 *   {"r":"👏"}                 a reaction
 *
 * Anything else came from another app on the same channel, and is shown as it is.
 */

export const REACTIONS = ['👏', '❤️', '😂', '😮', '🎉', '🔥'] as const;
export type Reaction = (typeof REACTIONS)[number];

/**
 * In characters, as form fields count them. However they are written, both fit into the 1000 characters and 2048 bytes
 * of a message: quotes take two characters in JSON, most scripts of Asia three bytes.
 */
export const MOST_TEXT = 400;
export const MOST_NAME = 24;

export type ChatPayload =
  { kind: 'text'; text: string; name: string } | { kind: 'reaction'; reaction: Reaction };

export function encodePayload(payload: ChatPayload): string {
  if (payload.kind === 'reaction') return JSON.stringify({ r: payload.reaction });
  const { text, name } = payload;
  return JSON.stringify(name === '' ? { c: text } : { c: text, n: name });
}

/**
 * @param data - Of a message: anybody on the channel may have written anything.
 * @returns `null` when there is nothing to show.
 */
export function decodePayload(data: string): ChatPayload | null {
  const fields = parsed(data);
  if (fields === null) return textPayload(data, '');
  const reaction = REACTIONS.find((one) => one === fields['r']);
  if (reaction !== undefined) return { kind: 'reaction', reaction };
  const { c: text, n: name } = fields;
  return typeof text === 'string' ? textPayload(text, typeof name === 'string' ? name : '') : null;
}

function textPayload(text: string, name: string): ChatPayload | null {
  const shown = tidy(text, MOST_TEXT);
  return shown === '' ? null : { kind: 'text', text: shown, name: tidy(name, MOST_NAME) };
}

/** Without the characters that would turn the direction of the text around it, or put marks on other lines. */
function tidy(text: string, most: number): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu, ' ');
  const calm = plain.replaceAll(/(\p{M}{4})\p{M}+/gu, '$1').trim();
  return Array.from(calm).slice(0, most).join('');
}

function parsed(data: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
