/**
 * Descriptions that the own peer connection wrote (Chromium, Firefox, Safari, libdatachannel), brought into the form
 * that every link has: our codecs only, under our payload types and extension numbers, without retransmission codecs,
 * rids and `urn:3gpp:video-orientation`.
 */

import { MAX_CANDIDATES } from '@casto/core';
import { canonicalCandidate } from './candidates.ts';
import { CARRIED_CODECS, isSameFeedback, wantedCodecs } from './codecs.ts';
import type { WantedMedia } from './codecs.ts';
import { readSdpText } from './sdp-text.ts';
import { checkSessionParameters } from './session-check.ts';
import { assertAnswers } from './session-description.ts';
import { SessionDescriptionError } from './session-description-error.ts';
import type { CodecParameters, MediaSection, SessionParameters } from './session-parameters.ts';
import { readControlMid, readSection, readTransport } from './session-sections.ts';

/** A browser lists every codec it has in every section: about 7 KiB each for video. */
const MAX_NATIVE_CHARS = 256 * 1024;
/** Lost packets are asked for (RFC 4585, section 6.2.1). */
const NACK = { type: 'nack' };

/**
 * For the child: the native offer, reduced to what is wanted and renumbered. Render it and give it to the own
 * `setLocalDescription` before sending it: decoders take the payload types from there.
 *
 * @throws {SessionDescriptionError} `bad-codec` when the platform has none of the wanted codecs, `unexpected-section` when a
 *   section stands for media that is not wanted.
 */
export function rewriteOffer(nativeSdp: string, wanted: WantedMedia): SessionParameters {
  const native = readNative(nativeSdp, (kind) => wantedCodecs(kind, wanted), 'native');
  const parameters = { ...native, media: native.media.map(withAudioRepair) };
  for (const { kind } of parameters.media) {
    if (wantedCodecs(kind, wanted).length === 0) {
      throw new SessionDescriptionError('unexpected-section', `${kind} is not wanted`);
    }
  }
  checkSessionParameters('offer', parameters);
  return parameters;
}

/**
 * For the child, after it has applied the answer: whether it must apply offer and answer once more, locally.
 *
 * Firefox takes a renumbered offer and still expects its native payload types, so that nothing is decoded. It
 * remembers the numbers of the answer, though, and uses them in its next offer: a second round of `createOffer`,
 * {@link rewriteOffer}, `setLocalDescription` and `setRemoteDescription` of the same answer settles it. Nothing is
 * sent for it, and it is harmless elsewhere.
 *
 * @param nativeSdp - What `createOffer` gave at first.
 */
export function needsSecondRound(nativeSdp: string, offer: SessionParameters): boolean {
  const { session } = readSdpText(nativeSdp, MAX_NATIVE_CHARS);
  return offer.media.some(({ codecs }, index) => {
    const section = session.media[index];
    const carried = CARRIED_CODECS.filter(({ mimeType }) =>
      codecs.some((codec) => codec.mimeType === mimeType),
    );
    return section === undefined || readSection(section, carried, 'ours').codecs.length < carried.length;
  });
}

/**
 * For the parent: the native answer to a rendered offer, reduced to what that offer holds.
 *
 * @throws {SessionDescriptionError} `answer-mismatch` when the platform did not answer what was offered.
 */
export function rewriteAnswer(nativeSdp: string, offer: SessionParameters): SessionParameters {
  const native = readNative(nativeSdp, () => CARRIED_CODECS, 'ours');
  const media = native.media.map(withAudioRepair).map((section, index) => {
    const offered = offer.media[index];
    return offered === undefined ? section : reduceSection(section, offered);
  });
  const answer = { ...native, media };
  checkSessionParameters('answer', answer);
  assertAnswers(offer, answer);
  return answer;
}

function readNative(
  sdp: string,
  carried: (kind: MediaSection['kind']) => readonly (typeof CARRIED_CODECS)[number][],
  numbering: 'ours' | 'native',
): SessionParameters {
  const { session, candidates } = readSdpText(sdp, MAX_NATIVE_CHARS);
  const controlMid = readControlMid(session);
  return {
    ...readTransport(session),
    candidates: nativeCandidates(candidates),
    media: session.media
      .slice(0, -1)
      .map((section) =>
        readSection(section, carried(section.type === 'audio' ? 'audio' : 'video'), numbering),
      ),
    controlMid,
  };
}

/** Each bundled section may repeat the candidates, and some are of no use to the other side (RTCP's own component). */
function nativeCandidates(candidates: readonly string[]): string[] {
  const usable = candidates.flatMap((candidate) => {
    try {
      return [canonicalCandidate(candidate)];
    } catch {
      return [];
    }
  });
  return [...new Set(usable)].slice(0, MAX_CANDIDATES);
}

/**
 * Browsers on libwebrtc ask for lost sound, and send it again, when it is negotiated; none of them says so by itself.
 * Where an end cannot, nothing comes of it.
 */
function withAudioRepair(section: MediaSection): MediaSection {
  if (section.kind !== 'audio') return section;
  const codecs = section.codecs.map((codec) => {
    const { rtcpFeedback } = codec;
    if (rtcpFeedback.some((feedback) => isSameFeedback(feedback, NACK))) return codec;
    return { ...codec, rtcpFeedback: [NACK, ...rtcpFeedback] };
  });
  return { ...section, codecs };
}

function reduceSection(section: MediaSection, offered: MediaSection): MediaSection {
  const codec = section.codecs.find(({ mimeType }) =>
    offered.codecs.some((other) => other.mimeType === mimeType),
  );
  const match = offered.codecs.find(({ mimeType }) => mimeType === codec?.mimeType);
  return {
    ...section,
    codecs: codec === undefined || match === undefined ? [] : [reduceFeedback(codec, match)],
    headerExtensions: section.headerExtensions.filter(({ uri }) =>
      offered.headerExtensions.some((other) => other.uri === uri),
    ),
  };
}

function reduceFeedback(codec: CodecParameters, offered: CodecParameters): CodecParameters {
  return {
    ...codec,
    rtcpFeedback: codec.rtcpFeedback.filter((feedback) =>
      offered.rtcpFeedback.some((other) => isSameFeedback(feedback, other)),
    ),
  };
}
