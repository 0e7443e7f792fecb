/**
 * The offer of a WHIP or WHEP client, whatever wrote it: OBS, GStreamer, a browser. Read, checked, and answered with a
 * description that is written anew (RFC 9725, section 4.2): one bundled transport, at most one section of each kind.
 */

import { CARRIED_CODECS, readDtlsIce, readOfferedSections, SessionDescriptionError } from '@casto/host';
import type { CodecName, CodecParameters, OfferedSection, SessionParameters } from '@casto/host';
import { readOfferedSimulcast, type OfferedSimulcast } from './offered-simulcast.ts';

/** A browser with every codec and extension it has writes about 12 KiB. */
export const MAX_OFFER_BYTES = 64 * 1024;
/** RFC 9143: a token. Text from a client, so kept short. */
const MID = /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}$/;
/** RFC 8839, section 5.4. */
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;
const FINGERPRINT = /^(?:[0-9A-F]{2}:){31,63}[0-9A-F]{2}$/;
const HASHES = ['sha-256', 'sha-384', 'sha-512'];
/** RFC 3551, section 3: dynamic numbers, and those that browsers take when these run out. */
const PAYLOAD_TYPES = { least: 35, most: 127 };

/** Who sends the media. */
export type ClientRole = 'publisher' | 'player';

/** One section as it is answered; without a codec it is turned off. */
export interface ClientSection {
  readonly mid: string;
  readonly kind: OfferedSection['kind'];
  readonly protocol: string;
  /** Under the client's own number. */
  readonly codec: CodecParameters | null;
  /** Of a publisher's video that comes as several streams; else `null`. */
  readonly simulcast: OfferedSimulcast | null;
}

export interface ClientOffer {
  readonly transport: Pick<SessionParameters, 'ice' | 'dtls'>;
  readonly sections: readonly ClientSection[];
  /** Unchecked. */
  readonly candidates: readonly string[];
}

/**
 * @param sdp - From a client.
 * @param carries - Whether a codec may be answered.
 * @throws {SessionDescriptionError} `bad-codec` when no section can be used, else what is wrong with it.
 */
export function readClientOffer(
  sdp: unknown,
  role: ClientRole,
  carries: (codec: CodecName) => boolean,
): ClientOffer {
  const { sections: offered, candidates } = readOfferedSections(sdp, MAX_OFFER_BYTES);
  if (offered.length === 0) throw new SessionDescriptionError('malformed', 'no media section');
  const transport = readDtlsIce(String(sdp), MAX_OFFER_BYTES);
  assertTransport(transport);
  const sections = offered.map((section, index) => {
    const read = readSection(section, role, carries);
    const { kind, codec } = read;
    if (role !== 'publisher' || kind !== 'video' || codec === null) return { ...read, simulcast: null };
    return { ...read, simulcast: readOfferedSimulcast(String(sdp), index, codec.payloadType) };
  });
  assertDistinct(sections);
  if (sections.every(({ codec }) => codec === null)) {
    throw new SessionDescriptionError('bad-codec', 'none that is carried here: VP8, H264 and Opus');
  }
  return { transport, sections, candidates };
}

/** Which codec a section is answered with; its number may be the client's own. */
export function nameOf({ mimeType }: CodecParameters): CodecName {
  const carried = CARRIED_CODECS.find((codec) => codec.mimeType === mimeType);
  if (carried === undefined) throw new TypeError('a codec that was read is carried');
  return carried.name;
}

function readSection(
  { mid, kind, protocol, direction, codecs }: OfferedSection,
  role: ClientRole,
  carries: (codec: CodecName) => boolean,
): Omit<ClientSection, 'simulcast'> {
  if (!MID.test(mid)) throw new SessionDescriptionError('bad-mid', 'a section without a usable mid');
  if (kind === 'application') {
    // It is turned off, so that it need not be understood; its protocol stands in the answer all the same.
    if (!/^[A-Z/]{1,32}$/.test(protocol))
      throw new SessionDescriptionError('malformed', 'protocol of a section');
    return { mid, kind, protocol, codec: null };
  }
  if (protocol !== 'UDP/TLS/RTP/SAVPF') {
    throw new SessionDescriptionError('unexpected-section', 'not SRTP keyed by DTLS');
  }
  const wanted = role === 'publisher' ? 'sendonly' : 'recvonly';
  if (direction !== wanted && direction !== 'sendrecv') {
    throw new SessionDescriptionError('bad-direction', `a ${role} offers ${wanted}`);
  }
  const codec = codecs.find((candidate) => carries(nameOf(candidate))) ?? null;
  if (codec !== null && !isPayloadType(codec.payloadType)) {
    throw new SessionDescriptionError('bad-codec', 'payload type out of range');
  }
  return { mid, kind, protocol, codec };
}

function isPayloadType(value: number): boolean {
  return Number.isInteger(value) && value >= PAYLOAD_TYPES.least && value <= PAYLOAD_TYPES.most;
}

function assertTransport({ ice, dtls }: Pick<SessionParameters, 'ice' | 'dtls'>): void {
  if (!UFRAG.test(ice.usernameFragment) || !PASSWORD.test(ice.password)) {
    throw new SessionDescriptionError('bad-ice', 'username fragment or password');
  }
  const { algorithm, value } = dtls.fingerprint;
  if (!HASHES.includes(algorithm)) throw new SessionDescriptionError('weak-fingerprint', 'sha-256 at least');
  if (!FINGERPRINT.test(value)) throw new SessionDescriptionError('bad-fingerprint', 'not hexadecimal bytes');
}

/** Media are told apart by their payload types, because an offer need not name its SSRCs. */
function assertDistinct(sections: readonly ClientSection[]): void {
  const mids = new Set(sections.map(({ mid }) => mid));
  if (mids.size < sections.length) throw new SessionDescriptionError('bad-mid', 'used twice');
  for (const kind of ['audio', 'video'] as const) {
    if (sections.filter((section) => section.kind === kind).length > 1) {
      throw new SessionDescriptionError('too-many-sections', `more than one of ${kind}`);
    }
  }
  const numbers = sections.flatMap(({ codec }) => codec?.payloadType ?? []);
  if (new Set(numbers).size < numbers.length) {
    throw new SessionDescriptionError('bad-codec', 'one payload type in two sections');
  }
}
