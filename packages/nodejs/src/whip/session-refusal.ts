/** Why a WHIP or WHEP request is refused, as HTTP says it. */

/** The status codes that a client may see instead of success (RFC 9725, sections 4.2 to 4.6). */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 406 | 409 | 412 | 413 | 415 | 422 | 428 | 503;

export class SessionRefusal extends Error {
  override readonly name = 'SessionRefusal';
  readonly status: RefusalStatus;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message - One sentence for people, without text from the request. */
  constructor(status: RefusalStatus, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** There is no room just now. @param retryAfterS - When it is worth asking again, in seconds. */
export function overloaded(message: string, retryAfterS: number): SessionRefusal {
  return new SessionRefusal(503, message, { 'Retry-After': String(retryAfterS) });
}
