/**
 * What session parameters must look like, wherever they come from. The parser and the renderer both ask here, so no
 * string can carry a line break, or anything but its own grammar, into a description that is rendered.
 */

import { MAX_CANDIDATES } from '@casto/core';
import { canonicalCandidate } from './candidates.ts';
import { CARRIED_CODECS, findHeaderExtension } from './codecs.ts';
import { MAX_SECTIONS } from './sdp-text.ts';
import { SessionDescriptionError } from './session-description-error.ts';
import type { SessionDescriptionReason } from './session-description-error.ts';
import type { CodecParameters, MediaSection, SessionParameters } from './session-parameters.ts';

export type DescriptionType = 'offer' | 'answer';

/** @throws {SessionDescriptionError} Naming what is wrong. */
export function checkSessionParameters(type: DescriptionType, parameters: SessionParameters): void {
  const { ice, dtls, candidates, media, controlMid } = parameters;
  demand(UFRAG.test(ice.usernameFragment), 'bad-ice', 'username fragment');
  demand(PASSWORD.test(ice.password), 'bad-ice', 'password');
  checkDtls(type, dtls);

  demand(candidates.length <= MAX_CANDIDATES, 'too-many-candidates', `more than ${MAX_CANDIDATES}`);
  for (const candidate of candidates) {
    demand(canonicalCandidate(candidate) === candidate, 'bad-candidate', 'not in canonical form');
  }

  for (const kind of ['audio', 'video'] as const) {
    const count = media.filter((section) => section.kind === kind).length;
    demand(count <= MAX_SECTIONS[kind], 'too-many-sections', `more than ${MAX_SECTIONS[kind]} of ${kind}`);
  }
  const mids = [...media.map((section) => section.mid), controlMid];
  demand(
    mids.every((mid) => MID.test(mid)),
    'bad-mid',
    'not 1 to 16 letters, digits, - or _',
  );
  demand(new Set(mids).size === mids.length, 'bad-mid', 'used twice');
  for (const section of media) checkSection(type, section);
  const ssrcs = media.flatMap((section) => (section.source === undefined ? [] : [section.source.ssrc]));
  demand(new Set(ssrcs).size === ssrcs.length, 'bad-source', 'SSRC used twice');
}

/** RFC 8839, section 5.4: 4 to 256 and 22 to 256 of `ice-char`. */
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;

/** A browser numbers its sections, libdatachannel takes the names that we give. */
const MID = /^[A-Za-z0-9_-]{1,16}$/;

/** RFC 7022 asks for 96 random bits as text; Firefox writes a UUID in braces. */
const CNAME = /^[A-Za-z0-9+/=_.@{}:-]{1,64}$/;

const PARAMETER_NAME = /^[a-z][a-z0-9-]{0,31}$/;
const PARAMETER_VALUE = /^[A-Za-z0-9.+-]{1,32}$/;
const PARAMETER_NUMBER = /^\d{1,10}$/;
const MAX_PARAMETERS = 16;
const MAX_SSRC = 2 ** 32 - 1;

/** Bytes of each hash. Anything weaker (RFC 8122 still lists SHA-1 and MD5) could be forged. */
const FINGERPRINT_BYTES = new Map([
  ['sha-256', 32],
  ['sha-384', 48],
  ['sha-512', 64],
]);

function checkDtls(type: DescriptionType, dtls: SessionParameters['dtls']): void {
  const { setup, fingerprint } = dtls;
  demand(['actpass', 'active', 'passive'].includes(setup), 'bad-setup', 'unknown role');
  demand(type === 'offer' || setup !== 'actpass', 'bad-setup', 'an answer must choose a role');
  const bytes = FINGERPRINT_BYTES.get(fingerprint.algorithm);
  if (bytes === undefined) throw new SessionDescriptionError('weak-fingerprint', 'sha-256 at least');
  const hash = new RegExp(`^[0-9A-F]{2}(?::[0-9A-F]{2}){${bytes - 1}}$`);
  demand(hash.test(fingerprint.value), 'bad-fingerprint', `not ${bytes} upper-case hexadecimal bytes`);
}

function checkSection(type: DescriptionType, section: MediaSection): void {
  const { kind, direction, codecs, headerExtensions, source } = section;
  demand(kind === 'audio' || kind === 'video', 'unexpected-section', 'neither audio nor video');
  const directions = type === 'offer' ? ['recvonly'] : ['sendonly', 'inactive'];
  demand(directions.includes(direction), 'bad-direction', `not ${directions.join(' or ')}`);

  demand(codecs.length > 0, 'bad-codec', 'none that is carried here');
  const payloadTypes = new Set(codecs.map((codec) => codec.payloadType));
  demand(payloadTypes.size === codecs.length, 'bad-codec', 'payload type used twice');
  for (const codec of codecs) {
    demand(codec.mimeType.startsWith(`${kind}/`), 'bad-codec', 'of another kind than its section');
    checkCodec(codec);
  }
  for (const { uri, id } of headerExtensions) {
    demand(findHeaderExtension(uri)?.id === id, 'bad-header-extension', 'not one that is carried here');
  }
  const ids = new Set(headerExtensions.map((extension) => extension.id));
  demand(ids.size === headerExtensions.length, 'bad-header-extension', 'id used twice');

  demand(
    (source !== undefined) === (direction === 'sendonly'),
    'bad-source',
    'a source is named when it is sent',
  );
  if (source === undefined) return;
  const { ssrc, cname } = source;
  demand(Number.isInteger(ssrc) && ssrc >= 1 && ssrc <= MAX_SSRC, 'bad-source', 'SSRC out of range');
  demand(CNAME.test(cname), 'bad-source', 'canonical name');
}

function checkCodec(codec: CodecParameters): void {
  const carried = CARRIED_CODECS.find((entry) => entry.mimeType === codec.mimeType);
  if (carried === undefined) throw new SessionDescriptionError('bad-codec', 'not one that is carried here');
  demand(codec.payloadType === carried.payloadType, 'bad-codec', 'payload type');
  demand(codec.clockRate === carried.clockRate, 'bad-codec', 'clock rate');
  demand(codec.channels === carried.channels, 'bad-codec', 'channels');

  const parameters = Object.entries(codec.parameters);
  demand(parameters.length <= MAX_PARAMETERS, 'bad-codec', `more than ${MAX_PARAMETERS} parameters`);
  for (const [name, value] of parameters) {
    demand(PARAMETER_NAME.test(name), 'bad-codec', 'parameter name');
    const grammar = typeof value === 'string' ? PARAMETER_VALUE : PARAMETER_NUMBER;
    demand(grammar.test(String(value)), 'bad-codec', 'parameter value');
  }
  for (const { type, parameter } of codec.rtcpFeedback) {
    const known = carried.feedback.some(
      (feedback) => feedback.type === type && (feedback.parameter ?? '') === (parameter ?? ''),
    );
    demand(known, 'bad-codec', 'feedback');
  }
}

function demand(condition: boolean, reason: SessionDescriptionReason, detail: string): asserts condition {
  if (!condition) throw new SessionDescriptionError(reason, detail);
}
