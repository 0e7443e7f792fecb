/** Addresses that an operator writes down for others to use. */
import { isIP } from 'node:net';

const longestNameChars = 253;
const namePattern = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,62}\.?$/i;

/** @returns The IP address or DNS name in its usual form, or `undefined` when the text is neither. */
export function parseAddress(text: string): string | undefined {
  if (isIP(text) > 0) return text;
  const isName = text.length <= longestNameChars && namePattern.test(text);
  return isName ? text.toLowerCase().replace(/\.$/, '') : undefined;
}
