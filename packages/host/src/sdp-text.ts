/** From the text of a description to sdp-transform's fields, with limits on what the parser gets to see. */

import { parse } from 'sdp-transform';
import type { ParsedMedia, ParsedSession, Scalar } from 'sdp-transform';
import { SessionDescriptionError } from './session-description-error.ts';
import type { SessionDescriptionReason } from './session-description-error.ts';

/** One audio track, three layers of video (RFC 8843 bundles them), and the control channel. */
export const MAX_SECTIONS = { audio: 1, video: 3, application: 1 } as const;

/**
 * The longest line that is read is an `m=` line or a candidate. Some of sdp-transform's expressions take quadratic
 * time on long lines.
 */
const MAX_LINE_CHARS = 1024;

/**
 * Everything else (rid, simulcast, crypto, imageattr, bandwidth, ...) never reaches the parser: it has no meaning
 * between our peers.
 */
const KNOWN_LINE =
  /^(?:m=|a=(?:candidate|mid|sendrecv|sendonly|recvonly|inactive|bundle-only|ice-ufrag|ice-pwd|fingerprint|setup|sctp-port|rtpmap|fmtp|rtcp-fb|extmap|ssrc)(?::|$))/;

export interface SdpText {
  session: ParsedSession;
  /** Candidate attributes without the `a=`, of all sections. */
  candidates: string[];
}

/**
 * @param maxChars - SDP is ASCII here, so characters are bytes.
 * @throws {SessionDescriptionError} `too-large`, `malformed`, `too-many-sections` or `unexpected-section`.
 */
export function readSdpText(sdp: unknown, maxChars: number): SdpText {
  if (typeof sdp !== 'string') throw new SessionDescriptionError('malformed', 'not a string');
  if (sdp.length > maxChars)
    throw new SessionDescriptionError('too-large', `more than ${maxChars} characters`);
  if (!/^[\r\n\x20-\x7e]*$/.test(sdp)) {
    throw new SessionDescriptionError('malformed', 'characters other than printable ASCII');
  }
  const lines = sdp.split(/\r\n|\r|\n/).filter((line) => KNOWN_LINE.test(line));
  if (lines.some((line) => line.length > MAX_LINE_CHARS)) {
    throw new SessionDescriptionError('too-large', `a line has more than ${MAX_LINE_CHARS} characters`);
  }
  checkSectionCounts(lines);

  const isCandidate = (line: string): boolean => line.startsWith('a=candidate:');
  return {
    session: parse(lines.filter((line) => !isCandidate(line)).join('\r\n')),
    candidates: lines.filter(isCandidate).map((line) => line.slice('a='.length)),
  };
}

/** The field as text; `''` when it is missing. */
export function textOf(value: Scalar | undefined): string {
  return value === undefined ? '' : String(value);
}

/** The field as a whole number; `NaN` when it is missing or something else. */
export function numberOf(value: Scalar | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : Number.NaN;
}

/**
 * Reads an attribute of the one bundled transport, which may stand at session level, in the first section, or in all.
 *
 * @throws {SessionDescriptionError} With `reason`, when it is missing or two places disagree.
 */
export function bundledAttribute(
  session: ParsedSession,
  read: (place: ParsedSession | ParsedMedia) => Scalar | undefined,
  reason: SessionDescriptionReason,
): string {
  const values = new Set([session, ...session.media].map(read).filter((value) => value !== undefined));
  const [value] = values;
  if (value === undefined) throw new SessionDescriptionError(reason, 'attribute missing');
  if (values.size > 1)
    throw new SessionDescriptionError(reason, 'sections differ; only one transport is carried');
  return textOf(value);
}

function checkSectionCounts(lines: readonly string[]): void {
  const counts = { audio: 0, video: 0, application: 0 };
  for (const line of lines) {
    const [, kind] = /^m=(\w*)/.exec(line) ?? [];
    if (kind === undefined) continue;
    if (kind !== 'audio' && kind !== 'video' && kind !== 'application') {
      throw new SessionDescriptionError('unexpected-section', 'neither audio, video nor application');
    }
    counts[kind] += 1;
    if (counts[kind] > MAX_SECTIONS[kind]) {
      throw new SessionDescriptionError('too-many-sections', `more than ${MAX_SECTIONS[kind]} of ${kind}`);
    }
  }
}
