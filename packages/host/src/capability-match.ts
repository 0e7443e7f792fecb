/**
 * Reads what another peer can do, and matches it with what this one can. It is the parent that does so, before the two
 * open a link: a page that only watches loads nothing of this.
 */

import {
  getExtendedRtpCapabilities,
  getSendingRtpParameters,
  validateAndNormalizeRtpCapabilities,
} from 'mediasoup-client/ortc';
import {
  extensionCapability,
  type CodecCapability,
  type ExtensionCapability,
  type RtpCapabilities,
} from './capabilities.ts';
import {
  acceptParameters,
  codecParameters,
  findCodec,
  findHeaderExtension,
  HEADER_EXTENSIONS,
  wantedCodecs,
  type WantedMedia,
} from './codecs.ts';
import type { MediaKind, MediaSection } from './session-parameters.ts';

/** Codecs and header extensions for the sections of one kind. */
export type LinkMedia = Pick<MediaSection, 'codecs' | 'headerExtensions'>;

/** `null` for a kind that is not wanted. */
export interface LinkCapabilities {
  audio: LinkMedia | null;
  video: LinkMedia | null;
}

export type CapabilitiesReason = 'malformed' | 'too-large' | 'no-common-codec';

/** Branch on `reason`; `message` is for people. */
export class CapabilitiesError extends Error {
  override readonly name = 'CapabilitiesError';
  readonly reason: CapabilitiesReason;

  constructor(reason: CapabilitiesReason, detail: string, options?: ErrorOptions) {
    super(`capabilities refused (${reason}): ${detail}`, options);
    this.reason = reason;
  }
}

/** Chromium reports 13 video codecs and 11 header extensions. */
const MAX_ENTRIES = 64;
const MAX_STRING_CHARS = 128;

/**
 * @param value - From another peer. Codecs and extensions that are not carried here are left out.
 * @throws {CapabilitiesError} `malformed` or `too-large`.
 */
export function parseRtpCapabilities(value: unknown): RtpCapabilities {
  const { codecs, headerExtensions } = recordOf(value, 'capabilities');
  const capabilities: RtpCapabilities = {
    codecs: listOf(codecs, MAX_ENTRIES, 'codecs')
      .map(readCodec)
      .filter((codec) => codec !== null),
    headerExtensions: listOf(headerExtensions, MAX_ENTRIES, 'header extensions')
      .map(readExtension)
      .filter((extension) => extension !== null),
  };
  try {
    validateAndNormalizeRtpCapabilities(capabilities);
  } catch (cause) {
    throw new CapabilitiesError('malformed', 'refused by mediasoup-client', { cause });
  }
  return capabilities;
}

/**
 * Matches what one side can send with what the other can receive.
 *
 * @throws {CapabilitiesError} `no-common-codec`.
 */
export function matchCapabilities(
  local: RtpCapabilities,
  remote: RtpCapabilities,
  wanted: WantedMedia,
): LinkCapabilities {
  // The match writes the H264 level that both sides have into its arguments.
  const extended = getExtendedRtpCapabilities(structuredClone(local), structuredClone(remote), true);
  const match = (kind: MediaKind): LinkMedia => {
    const { codecs, headerExtensions = [] } = getSendingRtpParameters(kind, extended);
    const common = wantedCodecs(kind, wanted).flatMap((codec) => {
      const found = codecs.find(({ mimeType }) => mimeType.toLowerCase() === codec.mimeType);
      return found === undefined
        ? []
        : [codecParameters(codec, plainParameters(found.parameters), found.rtcpFeedback ?? [])];
    });
    if (common.length === 0) throw new CapabilitiesError('no-common-codec', `for ${kind}`);
    return {
      codecs: common,
      headerExtensions: HEADER_EXTENSIONS.filter(({ uri }) =>
        headerExtensions.some((extension) => extension.uri === uri),
      ).map(({ uri, id }) => ({ uri, id })),
    };
  };
  return {
    audio: wantedCodecs('audio', wanted).length > 0 ? match('audio') : null,
    video: wantedCodecs('video', wanted).length > 0 ? match('video') : null,
  };
}

function readCodec(value: unknown): CodecCapability | null {
  const { mimeType, clockRate, channels, parameters, rtcpFeedback } = recordOf(value, 'a codec');
  const codec = findCodec(shortString(mimeType, 'mimeType'));
  if (codec === undefined || clockRate !== codec.clockRate || channels !== codec.channels) return null;
  const accepted = acceptParameters(codec, recordOf(parameters, 'codec parameters'));
  if (accepted === null) return null;
  const feedback = listOf(rtcpFeedback, MAX_ENTRIES, 'feedback').map((entry) => {
    const { type, parameter } = recordOf(entry, 'feedback');
    return {
      type: shortString(type, 'feedback type'),
      parameter: parameter === undefined ? '' : shortString(parameter, 'feedback parameter'),
    };
  });
  const { payloadType: preferredPayloadType, ...rest } = codecParameters(codec, accepted, feedback);
  return { kind: codec.kind, preferredPayloadType, ...rest };
}

function readExtension(value: unknown): ExtensionCapability | null {
  const { kind, uri } = recordOf(value, 'a header extension');
  const extension = findHeaderExtension(shortString(uri, 'uri'));
  if (kind !== 'audio' && kind !== 'video') throw new CapabilitiesError('malformed', 'kind of an extension');
  return extension === undefined ? null : extensionCapability(kind, extension);
}

function plainParameters(parameters: Record<string, unknown> | undefined): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(parameters ?? {}).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[name, value]] : [],
    ),
  );
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CapabilitiesError('malformed', `${what}: not an object`);
  }
  return { ...value };
}

function listOf(value: unknown, limit: number, what: string): unknown[] {
  if (!isList(value)) throw new CapabilitiesError('malformed', `${what}: not a list`);
  if (value.length > limit) throw new CapabilitiesError('too-large', `${what}: more than ${limit}`);
  return [...value];
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function shortString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new CapabilitiesError('malformed', `${what}: not a string`);
  if (value.length > MAX_STRING_CHARS) throw new CapabilitiesError('too-large', `${what}: too long`);
  return value;
}
