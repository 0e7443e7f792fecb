/**
 * What a peer can send and receive, in the ORTC form of mediasoup-client, whose types stop here and at
 * capability-match.ts.
 */

import type { RtpCapabilities as OrtcCapabilities } from 'mediasoup-client/types';
import { parseParams } from 'sdp-transform';
import {
  CARRIED_CODECS,
  HEADER_EXTENSIONS,
  TRANSPORT_WIDE_CC,
  acceptParameters,
  codecParameters,
} from './codecs.ts';
import type { CarriedCodec, HeaderExtension } from './codecs.ts';
import type { MediaKind } from './session-parameters.ts';

/** Plain data: it crosses the wire as JSON. */
export type RtpCapabilities = OrtcCapabilities;

/** What `RTCRtpSender.getCapabilities` and `RTCRtpReceiver.getCapabilities` return, as far as it is read. */
export interface NativeCapabilities {
  codecs: readonly { mimeType: string; clockRate: number; channels?: number; sdpFmtpLine?: string }[];
  headerExtensions: readonly { uri: string }[];
}

/**
 * What the headless relay forwards. It asks for no header extensions, because it strips them at its ingress, and
 * hence for no transport-wide feedback: it estimates by receiver reports and REMB.
 */
export function relayRtpCapabilities(): RtpCapabilities {
  return { codecs: CARRIED_CODECS.map((codec) => codecCapability(codec, [])), headerExtensions: [] };
}

/**
 * Turns a browser's own report into the form that peers exchange. Reports do not name RTCP feedback: every browser
 * has what the codecs' table lists, with transport-wide feedback where it has that header extension.
 *
 * @param native - The sender's report for what the page sends, the receiver's for what it receives; `null` where the
 *   browser has none.
 */
export function pageRtpCapabilities(native: Record<MediaKind, NativeCapabilities | null>): RtpCapabilities {
  const extensionsOf = (kind: MediaKind): readonly HeaderExtension[] =>
    HEADER_EXTENSIONS.filter(({ uri }) => native[kind]?.headerExtensions.some((other) => other.uri === uri));
  return {
    codecs: CARRIED_CODECS.filter((codec) =>
      native[codec.kind]?.codecs.some((other) => isCodec(codec, other)),
    ).map((codec) => codecCapability(codec, extensionsOf(codec.kind))),
    headerExtensions: KINDS.flatMap((kind) =>
      extensionsOf(kind).map((extension) => extensionCapability(kind, extension)),
    ),
  };
}

/** @internal */
export type CodecCapability = NonNullable<RtpCapabilities['codecs']>[number];
/** @internal */
export type ExtensionCapability = NonNullable<RtpCapabilities['headerExtensions']>[number];

const KINDS = ['audio', 'video'] as const;

/** @internal */
export function codecCapability(
  codec: CarriedCodec,
  extensions: readonly HeaderExtension[],
): CodecCapability {
  const hasTransportFeedback = extensions.some(({ uri }) => uri === TRANSPORT_WIDE_CC);
  const feedback = codec.feedback.filter(({ type }) => type !== 'transport-cc' || hasTransportFeedback);
  const { payloadType: preferredPayloadType, ...rest } = codecParameters(codec, codec.parameters, feedback);
  return { kind: codec.kind, preferredPayloadType, ...rest };
}

/** @internal */
export function extensionCapability(kind: MediaKind, { uri, id }: HeaderExtension): ExtensionCapability {
  return { kind, uri, preferredId: id, preferredEncrypt: false, direction: 'sendrecv' };
}

function isCodec(codec: CarriedCodec, native: NativeCapabilities['codecs'][number]): boolean {
  if (native.mimeType.toLowerCase() !== codec.mimeType || native.clockRate !== codec.clockRate) return false;
  if (codec.channels !== undefined && native.channels !== codec.channels) return false;
  return acceptParameters(codec, parseParams(native.sdpFmtpLine ?? '')) !== null;
}
