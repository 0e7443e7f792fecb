/**
 * Descriptions of those who stand outside the tree and number their payload types themselves: the fields that a media
 * server needs of them. Nothing here is fit to be rendered before its reader has checked it.
 */

import { parseParams } from 'sdp-transform';
import type { ParsedMedia } from 'sdp-transform';
import { acceptParameters, CARRIED_CODECS, codecParameters } from './codecs.ts';
import { numberOf, readSdpText, textOf } from './sdp-text.ts';
import type { CodecParameters, MediaKind, SessionParameters } from './session-parameters.ts';
import { readTransport } from './session-sections.ts';

/** One media section as it was offered. */
export interface OfferedSection {
  /** Unchecked. */
  readonly mid: string;
  readonly kind: MediaKind | 'application';
  /** As in its `m=` line, unchecked. */
  readonly protocol: string;
  readonly direction: 'sendonly' | 'recvonly' | 'sendrecv' | 'inactive';
  /** Those that are carried here, most wanted first, under the numbers of the offer. */
  readonly codecs: readonly CodecParameters[];
}

/**
 * @param sdp - At most `maxChars` characters are read.
 * @returns The sections in their order, and all candidates, unchecked.
 * @throws {SessionDescriptionError} When it is no description, or has more sections than a link may have.
 */
export function readOfferedSections(
  sdp: unknown,
  maxChars: number,
): { sections: OfferedSection[]; candidates: string[] } {
  const { session, candidates } = readSdpText(sdp, maxChars);
  return { sections: session.media.map(readOfferedSection), candidates };
}

/** @throws {SessionDescriptionError} When ICE or DTLS parameters are missing, or differ between sections. */
export function readDtlsIce(sdp: string, maxChars: number): Pick<SessionParameters, 'ice' | 'dtls'> {
  return readTransport(readSdpText(sdp, maxChars).session);
}

function readOfferedSection(section: ParsedMedia): OfferedSection {
  const kind = textOf(section.type);
  return {
    mid: textOf(section.mid),
    kind: kind === 'audio' || kind === 'video' ? kind : 'application',
    protocol: textOf(section.protocol),
    direction: directionOf(section),
    codecs: textOf(section.payloads)
      .split(' ')
      .map((payloadType) => readOfferedCodec(section, Number(payloadType)))
      .filter((codec) => codec !== null),
  };
}

/** Without the attribute media flow both ways (RFC 8866, section 6.7). */
function directionOf({ direction }: ParsedMedia): OfferedSection['direction'] {
  return direction === 'sendonly' || direction === 'recvonly' || direction === 'inactive'
    ? direction
    : 'sendrecv';
}

function readOfferedCodec(section: ParsedMedia, payloadType: number): CodecParameters | null {
  const map = section.rtp.find(({ payload }) => numberOf(payload) === payloadType);
  const carried = CARRIED_CODECS.find(
    ({ sdpName, clockRate, channels, kind }) =>
      kind === section.type &&
      sdpName.toLowerCase() === textOf(map?.codec).toLowerCase() &&
      clockRate === map?.rate &&
      channels === map.encoding,
  );
  if (carried === undefined) return null;
  const config = section.fmtp.find(({ payload }) => numberOf(payload) === payloadType)?.config;
  const parameters = acceptParameters(carried, parseParams(textOf(config)));
  if (parameters === null) return null;
  const feedback = (section.rtcpFb ?? [])
    .filter(({ payload }) => payload === '*' || numberOf(payload) === payloadType)
    .map(({ type, subtype }) => ({
      type: textOf(type),
      ...(subtype === undefined ? {} : { parameter: textOf(subtype) }),
    }));
  return { ...codecParameters(carried, parameters, feedback), payloadType };
}
