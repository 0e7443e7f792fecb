/** Refused requests and connections, counted by reason and shown in /health. */

export type HttpRefusal =
  | 'http-malformed'
  | 'http-headers-too-large'
  | 'http-timed-out'
  | 'http-method'
  | 'http-body'
  | 'http-starting'
  | 'http-not-found'
  | 'http-too-many-connections'
  | 'http-too-many-requests'
  | 'http-too-many-connections-of-one'
  | 'http-unauthorized'
  | 'http-forbidden'
  | 'http-throttled'
  | 'http-failed';

export class HttpRefusals {
  readonly #counts = new Map<HttpRefusal, number>();

  count(refusal: HttpRefusal): void {
    this.#counts.set(refusal, (this.#counts.get(refusal) ?? 0) + 1);
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
