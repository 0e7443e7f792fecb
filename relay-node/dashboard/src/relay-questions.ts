/** Asks the relay: with the token that this tab has, and not for what it has already. */

import type { DashboardState, DashboardTree } from '../../src/dashboard-state.ts';
import type { Outcome } from './polling.ts';

const WITHIN_MS = 10_000;
const OTHER_VERSION = 'The relay is of another version than this page: load the page anew.';
const TOKEN_KEY = 'casto-dashboard-token';

/** What was answered; `null`: the same as the last time. */
export type Answer<Value> =
  | { outcome: { type: 'answered' }; value: Value | null }
  | { outcome: Exclude<Outcome, { type: 'answered' }> };

/** One path of the relay, asked again and again. */
export class RelayQuestion<Value> {
  readonly #isValue: (value: unknown) => value is Value;
  #path = '';
  #etag: string | null = null;

  constructor(isValue: (value: unknown) => value is Value) {
    this.#isValue = isValue;
  }

  /** @param path - Below the dashboard, such as `state`. */
  async ask(path: string): Promise<Answer<Value>> {
    if (path !== this.#path) this.#etag = null;
    this.#path = path;
    try {
      const response = await fetch(new URL(path, location.href), {
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        headers: this.#headers(),
        signal: AbortSignal.timeout(WITHIN_MS),
      });
      if (response.status === 304) return { outcome: { type: 'answered' }, value: null };
      if (!response.ok) return { outcome: await refusalOf(response) };
      const value: unknown = await response.json();
      if (!this.#isValue(value))
        return { outcome: { type: 'refused', status: 200, text: OTHER_VERSION, retryAfterS: null } };
      this.#etag = response.headers.get('etag');
      return { outcome: { type: 'answered' }, value };
    } catch {
      return { outcome: { type: 'unreachable' } };
    }
  }

  #headers(): Record<string, string> {
    const token = sessionStorage.getItem(TOKEN_KEY);
    return {
      ...(this.#etag === null ? {} : { 'If-None-Match': this.#etag }),
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    };
  }
}

/** For this tab, until it is closed. */
export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** @returns Whether there was one. */
export function forgetToken(): boolean {
  const hadToken = sessionStorage.getItem(TOKEN_KEY) !== null;
  sessionStorage.removeItem(TOKEN_KEY);
  return hadToken;
}

async function refusalOf(response: Response): Promise<Exclude<Outcome, { type: 'answered' }>> {
  const { status, headers } = response;
  const isText = headers.get('content-type')?.startsWith('text/plain') === true;
  // What a proxy in between has to say is a page of its own. A relay that is gone looks like this behind one.
  if (!isText || status >= 500) return { type: 'unreachable' };
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
  const text = (await response.text()).trim();
  return { type: 'refused', status, text, retryAfterS: Number.isFinite(retryAfter) ? retryAfter : null };
}

/** The page and the relay are of one package, so their shapes differ only while one of them is updated. */
export function isState(value: unknown): value is DashboardState {
  return hasAll(value, [
    'at',
    'version',
    'condition',
    'processes',
    'advice',
    'history',
    'httpRefused',
    'relay',
  ]);
}

export function isTree(value: unknown): value is DashboardTree {
  return hasAll(value, ['at', 'tree']);
}

function hasAll(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}
