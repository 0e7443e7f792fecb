/** The relay's answer to a WHIP or WHEP client. */

import { CARRIED_CODECS } from '@casto/host';
import type { CodecParameters, SessionParameters } from '@casto/host';
import type { ClientOffer, ClientRole, ClientSection } from './client-offer.ts';
import { EXTENSION_URIS, type OfferedSimulcast } from './offered-simulcast.ts';

/** The stream that is sent in a section. */
export interface AnsweredSource {
  readonly mid: string;
  readonly ssrc: number;
}

export interface ClientAnswer {
  readonly offer: ClientOffer;
  readonly role: ClientRole;
  readonly transport: Pick<SessionParameters, 'ice' | 'dtls'>;
  /** In canonical form, all there are: whoever has the answer needs no more. */
  readonly candidates: readonly string[];
  /** What is sent to a player. */
  readonly sources: readonly AnsweredSource[];
  readonly cname: string;
}

/** Feedback that needs a header extension is left out: the relay reads none but the names of simulcast. */
const WITHOUT_EXTENSIONS = new Set(['nack', 'ccm', 'goog-remb']);
const STREAM_ID = 'casto';

/** The feedback that is answered for a codec, of what was offered. */
export function answeredFeedback({ rtcpFeedback }: CodecParameters): CodecParameters['rtcpFeedback'] {
  return rtcpFeedback.filter(({ type }) => WITHOUT_EXTENSIONS.has(type));
}

export function renderClientAnswer(answer: ClientAnswer): string {
  const { offer, candidates } = answer;
  const used = offer.sections.filter(({ codec }) => codec !== null);
  const head = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${used.map(({ mid }) => mid).join(' ')}`,
    `a=msid-semantic:WMS ${STREAM_ID}`,
  ];
  const sections = offer.sections.flatMap((section) => {
    const lines = section.codec === null ? renderUnused(section) : renderUsed(section, section.codec, answer);
    // A bundled transport has its candidates in its first section only (RFC 9143, section 7.1.3).
    if (section === used[0]) lines.push(...candidates.map((text) => `a=${text}`), 'a=end-of-candidates');
    return lines;
  });
  return `${[...head, ...sections].join('\r\n')}\r\n`;
}

/** RFC 8866, section 5.14: a port of zero turns a section off; what else stands in it is without meaning. */
function renderUnused({ mid, kind, protocol }: ClientSection): string[] {
  const format = kind === 'application' ? 'webrtc-datachannel' : '0';
  return [`m=${kind} 0 ${protocol} ${format}`, 'c=IN IP4 0.0.0.0', `a=mid:${mid}`, 'a=inactive'];
}

function renderUsed(
  { mid, kind, protocol, simulcast }: ClientSection,
  codec: CodecParameters,
  answer: ClientAnswer,
): string[] {
  const { ice, dtls } = answer.transport;
  const source = answer.sources.find((other) => other.mid === mid);
  return [
    `m=${kind} 9 ${protocol} ${codec.payloadType}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=ice-ufrag:${ice.usernameFragment}`,
    `a=ice-pwd:${ice.password}`,
    `a=fingerprint:${dtls.fingerprint.algorithm} ${dtls.fingerprint.value}`,
    `a=setup:${dtls.setup}`,
    `a=${answer.role === 'publisher' ? 'recvonly' : 'sendonly'}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...renderCodec(codec),
    ...(simulcast === null ? [] : renderSimulcast(simulcast)),
    ...(source === undefined
      ? []
      : [`a=msid:${STREAM_ID} ${mid}`, `a=ssrc:${source.ssrc} cname:${answer.cname}`]),
  ];
}

/** All streams that can be told apart are wanted, so the order says nothing (RFC 8853, section 5.3.2). */
function renderSimulcast({ rids, ridExtension, midExtension }: OfferedSimulcast): string[] {
  return [
    ...(midExtension === null ? [] : [`a=extmap:${midExtension} ${EXTENSION_URIS.mid}`]),
    `a=extmap:${ridExtension} ${EXTENSION_URIS.rid}`,
    ...rids.map((rid) => `a=rid:${rid} recv`),
    `a=simulcast:recv ${rids.join(';')}`,
  ];
}

function renderCodec(codec: CodecParameters): string[] {
  const { mimeType, payloadType, clockRate, channels } = codec;
  const carried = CARRIED_CODECS.find((other) => other.mimeType === mimeType);
  // An answer says how the relay wants it: sound in stereo, H264 with any level.
  const parameters = Object.entries({ ...carried?.parameters, ...codec.parameters });
  return [
    `a=rtpmap:${payloadType} ${carried?.sdpName ?? ''}/${clockRate}${channels === undefined ? '' : `/${channels}`}`,
    ...(parameters.length === 0
      ? []
      : [`a=fmtp:${payloadType} ${parameters.map(([name, value]) => `${name}=${value}`).join(';')}`]),
    ...answeredFeedback(codec).map(({ type, parameter = '' }) =>
      `a=rtcp-fb:${payloadType} ${type} ${parameter}`.trimEnd(),
    ),
  ];
}
