/**
 * From sdp-transform's fields to session parameters. A description from the wire must use our numbers; one that the
 * own peer connection wrote has its numbers replaced by ours.
 */

import { parseParams } from 'sdp-transform';
import type { ParsedMedia, ParsedSession } from 'sdp-transform';
import { HEADER_EXTENSIONS, acceptParameters, codecParameters } from './codecs.ts';
import type { CarriedCodec } from './codecs.ts';
import { bundledAttribute, numberOf, textOf } from './sdp-text.ts';
import { SessionDescriptionError } from './session-description-error.ts';
import type { CodecParameters, MediaSection, SessionParameters } from './session-parameters.ts';

/** Whose numbers a description uses for payload types and header extensions. */
export type Numbering = 'ours' | 'native';

export function readTransport(session: ParsedSession): Pick<SessionParameters, 'ice' | 'dtls'> {
  const hash = bundledAttribute(session, ({ fingerprint }) => fingerprint?.hash, 'bad-fingerprint');
  const algorithm = bundledAttribute(session, ({ fingerprint }) => fingerprint?.type, 'bad-fingerprint');
  const setup = bundledAttribute(session, (place) => place.setup, 'bad-setup');
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') {
    throw new SessionDescriptionError('bad-setup', 'unknown role');
  }
  return {
    ice: {
      usernameFragment: bundledAttribute(session, (place) => place.iceUfrag, 'bad-ice'),
      password: bundledAttribute(session, (place) => place.icePwd, 'bad-ice'),
    },
    dtls: {
      setup,
      fingerprint: { algorithm: algorithm.toLowerCase(), value: hash.toUpperCase() },
    },
  };
}

/** @throws {SessionDescriptionError} Unless the control channel's section is there and comes last. */
export function readControlMid(session: ParsedSession): string {
  const last = session.media.at(-1);
  const count = session.media.filter((section) => section.type === 'application').length;
  if (last?.type !== 'application' || count !== 1) {
    throw new SessionDescriptionError('unexpected-section', 'the control channel must be the last section');
  }
  checkLive(last);
  if (last.protocol !== 'UDP/DTLS/SCTP' || textOf(last.payloads) !== 'webrtc-datachannel') {
    throw new SessionDescriptionError('unexpected-section', 'not a data channel');
  }
  if (last.sctpPort !== undefined && numberOf(last.sctpPort) !== SCTP_PORT) {
    throw new SessionDescriptionError('unexpected-section', `SCTP port is not ${SCTP_PORT}`);
  }
  return textOf(last.mid);
}

/** RFC 8841 lets peers choose; every implementation uses this one. */
export const SCTP_PORT = 5000;

/** @param carried - The codecs to look for; all others of the section are left out. */
export function readSection(
  section: ParsedMedia,
  carried: readonly CarriedCodec[],
  numbering: Numbering,
): MediaSection {
  checkLive(section);
  const { type: kind, protocol } = section;
  if (kind !== 'audio' && kind !== 'video') {
    throw new SessionDescriptionError('unexpected-section', 'neither audio nor video');
  }
  if (protocol !== 'UDP/TLS/RTP/SAVPF') {
    throw new SessionDescriptionError('unexpected-section', 'not SRTP keyed by DTLS');
  }
  const direction = readDirection(section);
  const codecs = carried
    .filter((codec) => codec.kind === kind)
    .map((codec) => readCodec(section, codec, numbering))
    .filter((codec) => codec !== null);
  const source = direction === 'sendonly' ? readSource(section) : null;
  return {
    mid: textOf(section.mid),
    kind,
    direction,
    codecs,
    headerExtensions: readHeaderExtensions(section, numbering),
    ...(source === null ? {} : { source }),
  };
}

/** Port 0 turns a section off, unless it only says that the section has no transport of its own (RFC 8843). */
function checkLive(section: ParsedMedia): void {
  if (numberOf(section.port) === 0 && section.bundleOnly === undefined) {
    throw new SessionDescriptionError('unexpected-section', 'turned off');
  }
}

function readDirection({ direction }: ParsedMedia): MediaSection['direction'] {
  if (direction === 'sendonly' || direction === 'recvonly' || direction === 'inactive') return direction;
  throw new SessionDescriptionError('bad-direction', 'media flows one way on a link');
}

function readCodec(section: ParsedMedia, codec: CarriedCodec, numbering: Numbering): CodecParameters | null {
  const listed = new Set(textOf(section.payloads).split(' ').map(Number));
  for (const { payload, codec: name, rate, encoding } of section.rtp) {
    const payloadType = numberOf(payload);
    if (!listed.has(payloadType) || (numbering === 'ours' && payloadType !== codec.payloadType)) continue;
    if (textOf(name).toLowerCase() !== codec.sdpName.toLowerCase() || rate !== codec.clockRate) continue;
    if (encoding !== codec.channels) continue;
    const config = section.fmtp.find((entry) => numberOf(entry.payload) === payloadType)?.config;
    const parameters = acceptParameters(codec, parseParams(textOf(config)));
    if (parameters === null) continue;
    const used = numbering === 'ours' ? parameters : codec.parameters;
    return codecParameters(codec, used, readFeedback(section, payloadType));
  }
  return null;
}

function readFeedback(section: ParsedMedia, payloadType: number): { type: string; parameter?: string }[] {
  return (section.rtcpFb ?? [])
    .filter(({ payload }) => payload === '*' || numberOf(payload) === payloadType)
    .map(({ type, subtype }) => ({
      type: textOf(type),
      ...(subtype === undefined ? {} : { parameter: textOf(subtype) }),
    }));
}

function readHeaderExtensions(section: ParsedMedia, numbering: Numbering): MediaSection['headerExtensions'] {
  const offered = section.ext ?? [];
  return HEADER_EXTENSIONS.filter(({ uri, id }) =>
    offered.some((other) => other.uri === uri && (numbering === 'native' || numberOf(other.value) === id)),
  ).map(({ uri, id }) => ({ uri, id }));
}

function readSource(section: ParsedMedia): NonNullable<MediaSection['source']> {
  const lines = section.ssrcs ?? [];
  const named = lines.find(({ attribute }) => attribute === 'cname');
  if (named === undefined) throw new SessionDescriptionError('bad-source', 'no SSRC with a canonical name');
  if (lines.some(({ id }) => id !== named.id)) {
    throw new SessionDescriptionError('bad-source', 'more than one SSRC in a section');
  }
  return { ssrc: numberOf(named.id), cname: textOf(named.value) };
}
