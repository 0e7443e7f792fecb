/**
 * What libdatachannel is told of a link: one video section and the control channel, whatever the link really
 * carries. Only the transport (ICE, DTLS, candidates) passes between these descriptions and the real ones.
 */

import {
  matchCapabilities,
  relayRtpCapabilities,
  renderSessionDescription,
  rewriteAnswer,
  rewriteOffer,
} from '@casto/host';
import type { LinkMedia, MediaSection, SessionParameters } from '@casto/host';
import { Video } from 'node-datachannel';

export const NATIVE_MID = 'media';
const NATIVE_CONTROL_MID = 'control';
const VP8_PAYLOAD_TYPE = 96;
/** Never seen on the wire: packets carry the SSRCs of their sections. */
const NATIVE_SOURCE = { ssrc: 1, cname: 'native' };

export function nativeTrack(direction: 'SendOnly' | 'RecvOnly'): Video {
  const media = new Video(NATIVE_MID, direction);
  media.addVP8Codec(VP8_PAYLOAD_TYPE);
  if (direction === 'SendOnly') media.addSSRC(NATIVE_SOURCE.ssrc, NATIVE_SOURCE.cname);
  return media;
}

/** The library's own offer, reduced to what describes its transport. */
export function readNativeOffer(sdp: string): SessionParameters {
  return rewriteOffer(sdp, { video: 'vp8', audio: false });
}

/** An answer to the library's own offer, on the transport of the real answer. */
export function renderNativeAnswer(native: SessionParameters, answer: SessionParameters): string {
  const { ice, dtls } = answer;
  const media = native.media.map((section) => ({
    ...section,
    direction: 'sendonly' as const,
    source: NATIVE_SOURCE,
  }));
  return renderSessionDescription('answer', { ...native, ice, dtls, candidates: [], media });
}

/**
 * An offer to the library, on the transport of the real offer.
 *
 * Where the child leaves the choice, the parent becomes DTLS server: Chromium as server picks AES-CM, as client it
 * gets AES-GCM, which costs the relay a third less.
 */
export function renderNativeOffer(offer: SessionParameters): { sdp: string; parameters: SessionParameters } {
  const { ice, dtls } = offer;
  const setup = dtls.setup === 'actpass' ? 'active' : dtls.setup;
  const section: MediaSection = { mid: NATIVE_MID, kind: 'video', direction: 'recvonly', ...nativeMedia() };
  const parameters: SessionParameters = {
    ice,
    dtls: { ...dtls, setup },
    candidates: [],
    media: [section],
    controlMid: NATIVE_CONTROL_MID,
  };
  return { sdp: renderSessionDescription('offer', parameters), parameters };
}

/** The library's own answer, reduced to what describes its transport. */
export function readNativeAnswer(sdp: string, offer: SessionParameters): SessionParameters {
  return rewriteAnswer(sdp, offer);
}

function nativeMedia(): LinkMedia {
  const capabilities = relayRtpCapabilities();
  const { video } = matchCapabilities(capabilities, capabilities, { video: 'vp8', audio: false });
  if (video === null) throw new TypeError('a relay carries VP8');
  return video;
}
