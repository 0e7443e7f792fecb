/**
 * Session descriptions between two peers: text that another peer wrote is parsed into session parameters, checked,
 * and rendered anew, so that nothing it wrote reaches a peer connection as it stands.
 *
 *   wire text ──parse──▶ SessionParameters ──render──▶ peer connection
 *   own native text ──rewriteOffer, rewriteAnswer──▶ SessionParameters ──render──▶ peer connection, wire
 */

import { MAX_CANDIDATES, MAX_DESCRIPTION_LENGTH } from '@casto/core';
import { canonicalCandidate } from './candidates.ts';
import { CARRIED_CODECS, findCodec, isSameFeedback } from './codecs.ts';
import { readSdpText } from './sdp-text.ts';
import { checkSessionParameters } from './session-check.ts';
import type { DescriptionType } from './session-check.ts';
import { SessionDescriptionError } from './session-description-error.ts';
import type { CodecParameters, MediaSection, SessionParameters } from './session-parameters.ts';
import { SCTP_PORT, readControlMid, readSection, readTransport } from './session-sections.ts';

/**
 * Bytes of one control message. A description that is forwarded to a third peer has to fit with its signature;
 * SCTP implementations without message interleaving (libdatachannel) stall on much more.
 */
export const MAX_CONTROL_MESSAGE_BYTES = 64 * 1024;

/**
 * @param sdp - Text from another peer, using our payload types.
 * @returns Parameters that {@link renderSessionDescription} takes. Codecs, extensions and attributes that are not
 *   carried here are left out.
 * @throws {SessionDescriptionError}
 */
export function parseSessionDescription(type: DescriptionType, sdp: unknown): SessionParameters {
  const { session, candidates } = readSdpText(sdp, MAX_DESCRIPTION_LENGTH);
  if (candidates.length > MAX_CANDIDATES) {
    throw new SessionDescriptionError('too-many-candidates', `more than ${MAX_CANDIDATES}`);
  }
  const controlMid = readControlMid(session);
  const parameters: SessionParameters = {
    ...readTransport(session),
    candidates: candidates.map(canonicalCandidate),
    media: session.media.slice(0, -1).map((section) => readSection(section, CARRIED_CODECS, 'ours')),
    controlMid,
  };
  checkSessionParameters(type, parameters);
  return parameters;
}

/**
 * Writes the description of one bundled transport. All sections are of one MediaStream, because browsers keep lips
 * in sync only within a stream.
 *
 * @throws {SessionDescriptionError} When a parameter does not follow its grammar.
 */
export function renderSessionDescription(type: DescriptionType, parameters: SessionParameters): string {
  checkSessionParameters(type, parameters);
  const { media, controlMid, candidates } = parameters;
  const mids = [...media.map((section) => section.mid), controlMid];
  const sections = [
    ...media.map((section) => renderMedia(section, parameters)),
    renderControl(controlMid, parameters),
  ].map((lines, index) => (type === 'offer' && index > 0 ? bundleOnly(lines) : lines));
  // A bundled transport has its candidates in the first section only (RFC 8843, section 7.1.3).
  sections[0]?.push(...candidates.map((candidate) => `a=${candidate}`));
  const head = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
    `a=msid-semantic:WMS ${STREAM_ID}`,
  ];
  return `${[...head, ...sections.flat()].join('\r\n')}\r\n`;
}

/**
 * Checks that an answer takes up the offer: the same sections, one codec of those offered in each, nothing new.
 *
 * @throws {SessionDescriptionError} `answer-mismatch`.
 */
export function assertAnswers(offer: SessionParameters, answer: SessionParameters): void {
  agree(answer.controlMid === offer.controlMid, 'mid of the control channel');
  agree(answer.media.length === offer.media.length, 'number of sections');
  agree(isAnsweringSetup(offer.dtls.setup, answer.dtls.setup), 'DTLS role');
  for (const [index, offered] of offer.media.entries()) {
    const answered = answer.media[index];
    if (answered === undefined) throw mismatch('section missing');
    assertSectionAnswers(offered, answered);
  }
}

const STREAM_ID = 'casto';

/** Without this mark Firefox gathers candidates for every section (RFC 8843, section 6). */
function bundleOnly(lines: readonly string[]): string[] {
  const [first = '', ...rest] = lines;
  return [first.replace(' 9 ', ' 0 '), ...rest, 'a=bundle-only'];
}

function renderMedia(section: MediaSection, parameters: SessionParameters): string[] {
  const { mid, kind, direction, codecs, headerExtensions, source } = section;
  const payloadTypes = codecs.map((codec) => codec.payloadType).join(' ');
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloadTypes}`,
    ...renderTransport(mid, parameters),
    `a=${direction}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...headerExtensions.map(({ uri, id }) => `a=extmap:${id} ${uri}`),
    ...codecs.flatMap(renderCodec),
    ...(source === undefined
      ? []
      : [`a=msid:${STREAM_ID} ${mid}`, `a=ssrc:${source.ssrc} cname:${source.cname}`]),
  ];
}

function renderControl(mid: string, parameters: SessionParameters): string[] {
  return [
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    ...renderTransport(mid, parameters),
    `a=sctp-port:${SCTP_PORT}`,
    `a=max-message-size:${MAX_CONTROL_MESSAGE_BYTES}`,
  ];
}

function renderTransport(mid: string, { ice, dtls }: SessionParameters): string[] {
  return [
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=ice-ufrag:${ice.usernameFragment}`,
    `a=ice-pwd:${ice.password}`,
    'a=ice-options:trickle',
    `a=fingerprint:${dtls.fingerprint.algorithm} ${dtls.fingerprint.value}`,
    `a=setup:${dtls.setup}`,
  ];
}

function renderCodec(codec: CodecParameters): string[] {
  const { payloadType, clockRate, channels, rtcpFeedback } = codec;
  const name = findCodec(codec.mimeType)?.sdpName ?? '';
  const parameters = Object.entries(codec.parameters).map(([key, value]) => `${key}=${value}`);
  return [
    `a=rtpmap:${payloadType} ${name}/${clockRate}${channels === undefined ? '' : `/${channels}`}`,
    ...(parameters.length === 0 ? [] : [`a=fmtp:${payloadType} ${parameters.join(';')}`]),
    ...rtcpFeedback.map(({ type, parameter }) =>
      parameter === undefined || parameter === ''
        ? `a=rtcp-fb:${payloadType} ${type}`
        : `a=rtcp-fb:${payloadType} ${type} ${parameter}`,
    ),
  ];
}

function isAnsweringSetup(
  offered: SessionParameters['dtls']['setup'],
  answered: SessionParameters['dtls']['setup'],
): boolean {
  if (offered === 'actpass') return answered !== 'actpass';
  return answered === (offered === 'active' ? 'passive' : 'active');
}

function assertSectionAnswers(offered: MediaSection, answered: MediaSection): void {
  agree(answered.mid === offered.mid, 'mid');
  agree(answered.kind === offered.kind, 'kind');
  agree(answered.direction !== 'recvonly', 'direction');
  const [codec, ...others] = answered.codecs;
  if (codec === undefined || others.length > 0) throw mismatch('not exactly one codec');
  const match = offered.codecs.find(
    ({ mimeType, payloadType }) => mimeType === codec.mimeType && payloadType === codec.payloadType,
  );
  if (match === undefined) throw mismatch('codec was not offered');
  for (const feedback of codec.rtcpFeedback) {
    agree(
      match.rtcpFeedback.some((other) => isSameFeedback(other, feedback)),
      'feedback was not offered',
    );
  }
  for (const { uri, id } of answered.headerExtensions) {
    const known = offered.headerExtensions.some((other) => other.uri === uri && other.id === id);
    agree(known, 'header extension was not offered');
  }
}

function agree(condition: boolean, detail: string): asserts condition {
  if (!condition) throw mismatch(detail);
}

function mismatch(detail: string): SessionDescriptionError {
  return new SessionDescriptionError('answer-mismatch', detail);
}
