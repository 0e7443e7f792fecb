import { readFileSync } from 'node:fs';

/**
 * @param {string} path
 * @returns {unknown} What the file holds, or `null` when there is none.
 * @throws {SyntaxError} When the file is not JSON.
 */
export function readJson(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  return JSON.parse(text);
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isRecord(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
