import { bearsToken } from '../access/bearer-token.ts';
import { SessionRefusal } from './session-refusal.ts';

const CHALLENGE = 'Bearer realm="casto"';

/**
 * Checks the token of a request (RFC 6750; RFC 9725, section 4.7).
 *
 * @param expected - `null`: anybody may come.
 * @param authorization - The header field, `undefined` when it was not sent.
 * @throws {SessionRefusal} 401, with a challenge that says whether a token was missing or wrong.
 */
export function assertBearer(expected: string | null, authorization: string | undefined): void {
  if (expected === null) return;
  if (authorization === undefined) {
    throw new SessionRefusal(401, 'This relay asks for its publish token.', {
      'WWW-Authenticate': CHALLENGE,
    });
  }
  if (bearsToken(authorization, expected)) return;
  throw new SessionRefusal(401, 'The token is not the publish token of this relay.', {
    'WWW-Authenticate': `${CHALLENGE}, error="invalid_token"`,
  });
}
