/**
 * The codecs and RTP header extensions that links carry. Their numbers are the same on every link of every tree, so
 * a relay forwards a packet or an encoded frame without renumbering it.
 */

import type { VideoCodec } from '@casto/core';
import type { CodecParameters, MediaKind } from './session-parameters.ts';

export type CodecName = VideoCodec | 'opus';

/** What a child wants from a channel, or a parent has to give. */
export interface WantedMedia {
  /** One codec, or several of which one will do. */
  video: VideoCodec | readonly VideoCodec[] | null;
  audio: boolean;
}

/** Chromium's own numbers where it has stable ones, so that most of its offers need no renumbering. */
export const PAYLOAD_TYPES = { opus: 111, vp8: 96, h264: 102 } as const;

export interface CarriedCodec {
  readonly name: CodecName;
  readonly kind: MediaKind;
  /** As written in an `rtpmap` line. */
  readonly sdpName: string;
  readonly mimeType: string;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly channels?: number;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Parameters taken over from another peer, each with the values it may have; all others are dropped. */
  readonly accepted: Readonly<Record<string, RegExp>>;
  /** Without these the payload type means another packetization or profile (RFC 6184, section 8.1). */
  readonly required: readonly string[];
  readonly feedback: readonly { readonly type: string; readonly parameter?: string }[];
}

const BIT = /^[01]$/;

/** No retransmission codec (RTX): lost packets are sent again on their own SSRC, as RFC 4585 had it. */
const VIDEO_FEEDBACK = [
  { type: 'nack' },
  { type: 'nack', parameter: 'pli' },
  { type: 'ccm', parameter: 'fir' },
  { type: 'goog-remb' },
  { type: 'transport-cc' },
];

const OPUS: CarriedCodec = {
  name: 'opus',
  kind: 'audio',
  sdpName: 'opus',
  mimeType: 'audio/opus',
  payloadType: PAYLOAD_TYPES.opus,
  clockRate: 48_000,
  channels: 2,
  parameters: { minptime: 10, stereo: 1, useinbandfec: 1 },
  accepted: { minptime: /^\d{1,3}$/, stereo: BIT, useinbandfec: BIT, usedtx: BIT },
  required: [],
  // Browsers that do not offer it by themselves take it when it is offered to them.
  feedback: [{ type: 'nack' }, { type: 'transport-cc' }],
};

const VP8: CarriedCodec = {
  name: 'vp8',
  kind: 'video',
  sdpName: 'VP8',
  mimeType: 'video/vp8',
  payloadType: PAYLOAD_TYPES.vp8,
  clockRate: 90_000,
  parameters: {},
  accepted: {},
  required: [],
  feedback: VIDEO_FEEDBACK,
};

/**
 * Constrained baseline, the one profile that every browser decodes. RFC 6184, section 8.1: profile 42 with
 * constraint_set1 (bit 6 of the second byte) set.
 */
const CONSTRAINED_BASELINE = /^42[4-7c-f][0-9a-f]{3}$/i;

const H264: CarriedCodec = {
  name: 'h264',
  kind: 'video',
  sdpName: 'H264',
  mimeType: 'video/h264',
  payloadType: PAYLOAD_TYPES.h264,
  clockRate: 90_000,
  parameters: { 'level-asymmetry-allowed': 1, 'packetization-mode': 1, 'profile-level-id': '42e01f' },
  accepted: {
    'level-asymmetry-allowed': BIT,
    'packetization-mode': /^1$/,
    'profile-level-id': CONSTRAINED_BASELINE,
  },
  required: ['packetization-mode', 'profile-level-id'],
  feedback: VIDEO_FEEDBACK,
};

export const CARRIED_CODECS: readonly CarriedCodec[] = [OPUS, VP8, H264];

export const TRANSPORT_WIDE_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';

/**
 * Both feed the sender's bandwidth estimate. `urn:3gpp:video-orientation` must stay out: with it a phone sends
 * pictures unrotated and says so in packets whose extensions relays strip. `sdes:mid` is not needed either, since
 * every answer names its SSRCs.
 */
export const HEADER_EXTENSIONS = [
  { uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time', id: 2 },
  { uri: TRANSPORT_WIDE_CC, id: 3 },
] as const;

export type HeaderExtension = (typeof HEADER_EXTENSIONS)[number];

export function findCodec(mimeType: string): CarriedCodec | undefined {
  const wanted = mimeType.toLowerCase();
  return CARRIED_CODECS.find((codec) => codec.mimeType === wanted);
}

export function findHeaderExtension(uri: string): HeaderExtension | undefined {
  return HEADER_EXTENSIONS.find((extension) => extension.uri === uri);
}

function wantedVideo({ video }: WantedMedia): readonly VideoCodec[] {
  return video === null ? [] : typeof video === 'string' ? [video] : video;
}

/** The carried codecs of one kind that are wanted. */
export function wantedCodecs(kind: MediaKind, wanted: WantedMedia): CarriedCodec[] {
  const names: readonly CodecName[] = kind === 'audio' ? (wanted.audio ? ['opus'] : []) : wantedVideo(wanted);
  return CARRIED_CODECS.filter(({ name }) => names.includes(name));
}

/**
 * Picks the parameters that the codec takes over from elsewhere.
 *
 * @param written - By another peer, or by the platform.
 * @returns `null` when a value makes it another codec than ours, such as another H264 profile.
 */
export function acceptParameters(
  codec: CarriedCodec,
  written: Readonly<Record<string, unknown>>,
): Record<string, string | number> | null {
  const parameters: Record<string, string | number> = {};
  for (const [name, grammar] of Object.entries(codec.accepted)) {
    const value = Object.hasOwn(written, name) ? written[name] : undefined;
    if (value === undefined) {
      if (codec.required.includes(name)) return null;
      continue;
    }
    if (typeof value !== 'string' && typeof value !== 'number') return null;
    if (!grammar.test(String(value))) return null;
    parameters[name] = value;
  }
  return parameters;
}

/** Parameters for a link, with the feedback that both the codec's table entry and `available` hold. */
export function codecParameters(
  codec: CarriedCodec,
  parameters: Readonly<Record<string, string | number>>,
  available: readonly { type: string; parameter?: string }[],
): CodecParameters {
  return {
    mimeType: codec.mimeType,
    payloadType: codec.payloadType,
    clockRate: codec.clockRate,
    ...(codec.channels === undefined ? {} : { channels: codec.channels }),
    parameters: { ...parameters },
    rtcpFeedback: codec.feedback
      .filter((feedback) => available.some((other) => isSameFeedback(feedback, other)))
      .map((feedback) => ({ ...feedback })),
  };
}

export function isSameFeedback(
  a: { type: string; parameter?: string },
  b: { type: string; parameter?: string },
): boolean {
  return a.type === b.type && (a.parameter ?? '') === (b.parameter ?? '');
}
