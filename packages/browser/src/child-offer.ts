/** What a streamer's page makes of a child's offer. */

import {
  CapabilitiesError,
  matchCapabilities,
  pageRtpCapabilities,
  parseRtpCapabilities,
  parseSessionDescription,
  type JoinRequest,
  type SessionParameters,
} from '@casto/host';
import { withStartBitrate } from './outgoing-media.ts';

/**
 * The child's offer, reduced to the codecs of this broadcast that both sides have.
 *
 * @returns `null` when there is no common codec.
 * @throws {SessionDescriptionError | CapabilitiesError} When offer or capabilities are malformed.
 */
export function reduceOffer(
  join: JoinRequest,
  wanted: { video: 'vp8' | 'h264' | null; audio: boolean },
): SessionParameters | null {
  const offer = parseSessionDescription('offer', join.offer);
  const common = commonCodecs(join.capabilities, wanted);
  if (common === null) return null;
  const media = offer.media.map((section) => ({
    ...section,
    codecs: section.codecs.filter(({ mimeType }) => mimeType === 'audio/opus' || common.has(mimeType)),
  }));
  if (media.some(({ codecs }) => codecs.length === 0)) return null;
  return withStartBitrate({ ...offer, media });
}

function commonCodecs(
  remote: unknown,
  wanted: { video: 'vp8' | 'h264' | null; audio: boolean },
): ReadonlySet<string> | null {
  const local = pageRtpCapabilities({
    audio: RTCRtpSender.getCapabilities('audio'),
    video: RTCRtpSender.getCapabilities('video'),
  });
  const videoCodecs = wanted.video === null ? [] : [wanted.video];
  try {
    const match = matchCapabilities(local, parseRtpCapabilities(remote), {
      video: videoCodecs,
      audio: wanted.audio,
    });
    return new Set(
      [...(match.audio?.codecs ?? []), ...(match.video?.codecs ?? [])].map(({ mimeType }) => mimeType),
    );
  } catch (error) {
    if (error instanceof CapabilitiesError && error.reason === 'no-common-codec') return null;
    throw error;
  }
}
