/** What a parent makes of a child's offer before it answers. */

import type { VideoCodec } from '@casto/core';
import type { RtpCapabilities } from './capabilities.ts';
import { CapabilitiesError, matchCapabilities, parseRtpCapabilities } from './capability-match.ts';
import type { JoinRequest } from './link-handshake.ts';
import { SessionDescriptionError } from './session-description-error.ts';
import { parseSessionDescription } from './session-description.ts';
import type { MediaSection, SessionParameters } from './session-parameters.ts';

/**
 * The offer of a join, with only the codecs that the broadcast has. Sections of a kind that is not broadcast stay
 * as they are; nothing will come in them.
 *
 * @param local - What the parent can send.
 * @returns `null` when the child cannot decode the broadcast.
 * @throws {SessionDescriptionError | CapabilitiesError} When the join is malformed.
 */
export function reduceChildOffer(
  join: JoinRequest,
  local: RtpCapabilities,
  broadcast: { video: VideoCodec | null; audio: boolean },
): SessionParameters | null {
  const offer = parseSessionDescription('offer', join.offer);
  assertSectionsOf(join, offer);
  try {
    matchCapabilities(local, parseRtpCapabilities(join.capabilities), broadcast);
  } catch (error) {
    if (error instanceof CapabilitiesError && error.reason === 'no-common-codec') return null;
    throw error;
  }
  const media = offer.media.map((section) => ({ ...section, codecs: carriedCodecs(section, broadcast) }));
  return media.some(({ codecs }) => codecs.length === 0) ? null : { ...offer, media };
}

/** L2.3: a section per layer of the join, and one for audio if it says so. */
function assertSectionsOf({ layers, audio }: JoinRequest, { media }: SessionParameters): void {
  const videoSections = media.filter(({ kind }) => kind === 'video').length;
  if (videoSections === layers.length && media.length - videoSections === Number(audio)) return;
  throw new SessionDescriptionError('unexpected-section', 'others than the join names');
}

function carriedCodecs(
  { kind, codecs }: MediaSection,
  { video }: { video: VideoCodec | null },
): MediaSection['codecs'] {
  if (kind === 'audio' || video === null) return codecs;
  return codecs.filter(({ mimeType }) => mimeType === `video/${video}`);
}
