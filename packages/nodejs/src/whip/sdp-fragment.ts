/** What a client trickles: the body of a PATCH, `application/trickle-ice-sdpfrag` (RFC 8840, section 9). */

import { SessionRefusal } from './session-refusal.ts';

/** A few dozen candidates. */
const MAX_CHARS = 16 * 1024;
/** As many lines as a fragment of {@link MAX_CHARS} with the shortest candidates has. */
const MAX_LINES = 512;

export interface SdpFragment {
  /** Of the ICE session that the fragment belongs to; `null` when it does not say. */
  readonly usernameFragment: string | null;
  /** Unchecked, without `a=`. */
  readonly candidates: readonly string[];
}

/** @throws {SessionRefusal} 400, when it is none. */
export function readSdpFragment(body: Uint8Array): SdpFragment {
  const text = Buffer.from(body).toString('latin1');
  if (text.length > MAX_CHARS || !/^[\r\n\x20-\x7e]*$/.test(text)) throw malformed();
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line !== '');
  if (lines.length === 0 || lines.length > MAX_LINES) throw malformed();
  if (lines.some((line) => !/^[a-z]=/.test(line))) throw malformed();
  const valuesOf = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(`a=${name}:`.length));
  const [usernameFragment = null, ...others] = new Set(valuesOf('ice-ufrag'));
  if (others.length > 0) throw malformed();
  return { usernameFragment, candidates: valuesOf('candidate').map((value) => `candidate:${value}`) };
}

function malformed(): SessionRefusal {
  return new SessionRefusal(400, 'The body is no SDP fragment.');
}
