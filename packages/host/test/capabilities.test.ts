import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pageRtpCapabilities, relayRtpCapabilities } from '../src/capabilities.ts';
import { CapabilitiesError, matchCapabilities, parseRtpCapabilities } from '../src/capability-match.ts';
import type { NativeCapabilities, RtpCapabilities } from '../src/capabilities.ts';
import { HEADER_EXTENSIONS, PAYLOAD_TYPES } from '../src/codecs.ts';
import { chromiumAudio, chromiumVideo, firefoxAudio, firefoxVideo } from './fixtures/native-capabilities.ts';

const chromium = pageRtpCapabilities({ audio: chromiumAudio, video: chromiumVideo });
const firefox = pageRtpCapabilities({ audio: firefoxAudio, video: firefoxVideo });
const relay = relayRtpCapabilities();

/** As another peer gets it. */
function overTheWire(capabilities: RtpCapabilities): RtpCapabilities {
  return parseRtpCapabilities(JSON.parse(JSON.stringify(capabilities)));
}

describe('own capabilities', () => {
  test('use the numbers of every link', () => {
    const numbers = chromium.codecs?.map(({ mimeType, preferredPayloadType }) => [
      mimeType,
      preferredPayloadType,
    ]);
    expect(numbers).toEqual([
      ['audio/opus', PAYLOAD_TYPES.opus],
      ['video/vp8', PAYLOAD_TYPES.vp8],
      ['video/h264', PAYLOAD_TYPES.h264],
    ]);
  });

  test('of a browser without H264 leave it out', () => {
    expect(firefox.codecs?.map(({ mimeType }) => mimeType)).toEqual(['audio/opus', 'video/vp8']);
  });

  test('leave out H264 profiles that are not constrained baseline', () => {
    const main: NativeCapabilities = {
      codecs: [
        {
          mimeType: 'video/H264',
          clockRate: 90_000,
          sdpFmtpLine: 'packetization-mode=1;profile-level-id=4d001f',
        },
        {
          mimeType: 'video/H264',
          clockRate: 90_000,
          sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f',
        },
        { mimeType: 'video/H264', clockRate: 90_000 },
      ],
      headerExtensions: [],
    };
    expect(pageRtpCapabilities({ audio: null, video: main }).codecs).toEqual([]);
  });

  test('of the relay ask for neither header extensions nor transport-wide feedback', () => {
    expect(relay.headerExtensions).toEqual([]);
    expect(
      relay.codecs?.flatMap(({ rtcpFeedback = [] }) => rtcpFeedback.map(({ type }) => type)),
    ).not.toContain('transport-cc');
  });

  test('survive the wire', () => {
    for (const capabilities of [chromium, firefox, relay]) {
      expect(overTheWire(overTheWire(capabilities))).toEqual(overTheWire(capabilities));
    }
  });
});

describe('matching', () => {
  test('two pages share transport-wide feedback', () => {
    const { audio, video } = matchCapabilities(chromium, overTheWire(chromium), {
      video: 'vp8',
      audio: true,
    });
    expect(audio?.codecs.map(({ payloadType }) => payloadType)).toEqual([PAYLOAD_TYPES.opus]);
    expect(video?.codecs.map(({ payloadType }) => payloadType)).toEqual([PAYLOAD_TYPES.vp8]);
    expect(video?.codecs[0]?.rtcpFeedback).toContainEqual({ type: 'transport-cc' });
    expect(video?.headerExtensions).toEqual(HEADER_EXTENSIONS);
  });

  test('a page and a relay do without', () => {
    for (const [local, remote] of [
      [chromium, relay],
      [relay, chromium],
    ] as const) {
      const { video } = matchCapabilities(local, overTheWire(remote), { video: 'h264', audio: true });
      expect(video).toEqual({
        codecs: [
          {
            mimeType: 'video/h264',
            payloadType: PAYLOAD_TYPES.h264,
            clockRate: 90_000,
            parameters: {
              'level-asymmetry-allowed': 1,
              'packetization-mode': 1,
              'profile-level-id': '42e01f',
            },
            rtcpFeedback: [
              { type: 'nack' },
              { type: 'nack', parameter: 'pli' },
              { type: 'ccm', parameter: 'fir' },
              { type: 'goog-remb' },
            ],
          },
        ],
        headerExtensions: [],
      });
    }
  });

  test('gives nothing for what is not wanted', () => {
    expect(matchCapabilities(relay, relay, { video: null, audio: true }).video).toBeNull();
    expect(matchCapabilities(relay, relay, { video: 'vp8', audio: false }).audio).toBeNull();
  });

  test('without a common codec is refused', () => {
    expect(() => matchCapabilities(chromium, overTheWire(firefox), { video: 'h264', audio: true })).toThrow(
      expect.objectContaining({ name: 'CapabilitiesError', reason: 'no-common-codec' }),
    );
    expect(() =>
      matchCapabilities(relay, { codecs: [], headerExtensions: [] }, { video: null, audio: true }),
    ).toThrow(expect.objectContaining({ reason: 'no-common-codec' }));
  });

  test('leaves its arguments as they are', () => {
    const before = structuredClone([relay, chromium]);
    matchCapabilities(relay, chromium, { video: 'h264', audio: true });
    expect([relay, chromium]).toEqual(before);
  });
});

describe('capabilities from another peer', () => {
  const opus = { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, parameters: {}, rtcpFeedback: [] };
  const withCodec = (codec: unknown) => ({ codecs: [codec], headerExtensions: [] });

  test('lose what is not carried', () => {
    const parsed = parseRtpCapabilities({
      codecs: [
        {
          ...opus,
          preferredPayloadType: -5,
          parameters: { stereo: 1, 'x-google-min-bitrate': 9 },
          extra: 'x',
        },
        { ...opus, mimeType: 'audio/PCMU', clockRate: 8000, channels: 1 },
        { ...opus, clockRate: 16_000 },
      ],
      headerExtensions: [
        { kind: 'video', uri: 'urn:3gpp:video-orientation', preferredId: 4 },
        { kind: 'video', uri: HEADER_EXTENSIONS[0].uri, preferredId: 99, preferredEncrypt: true },
      ],
    });
    expect(parsed.codecs).toEqual([
      {
        kind: 'audio',
        mimeType: 'audio/opus',
        preferredPayloadType: PAYLOAD_TYPES.opus,
        clockRate: 48_000,
        channels: 2,
        parameters: { stereo: 1 },
        rtcpFeedback: [],
      },
    ]);
    expect(parsed.headerExtensions).toEqual([
      {
        kind: 'video',
        uri: HEADER_EXTENSIONS[0].uri,
        preferredId: HEADER_EXTENSIONS[0].id,
        preferredEncrypt: false,
        direction: 'sendrecv',
      },
    ]);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'malformed'],
    ['null', null, 'malformed'],
    ['a list', [], 'malformed'],
    ['no lists', {}, 'malformed'],
    ['a codec that is none', withCodec(7), 'malformed'],
    ['a codec without a type', withCodec({}), 'malformed'],
    ['a codec without feedback', withCodec({ ...opus, rtcpFeedback: undefined }), 'malformed'],
    ['a codec without parameters', withCodec({ ...opus, parameters: null }), 'malformed'],
    ['feedback that is none', withCodec({ ...opus, rtcpFeedback: [null] }), 'malformed'],
    ['an extension of no kind', { codecs: [], headerExtensions: [{ uri: 'urn:x' }] }, 'malformed'],
    [
      'thousands of codecs',
      { codecs: Array.from({ length: 5000 }, () => opus), headerExtensions: [] },
      'too-large',
    ],
    [
      'thousands of feedbacks',
      withCodec({ ...opus, rtcpFeedback: Array.from({ length: 5000 }, () => ({ type: 'nack' })) }),
      'too-large',
    ],
    ['a long type', withCodec({ ...opus, mimeType: 'audio/'.padEnd(5000, 'x') }), 'too-large'],
  ])('are refused: %s', (_, value, reason) => {
    expect(() => parseRtpCapabilities(value)).toThrow(
      expect.objectContaining({ name: 'CapabilitiesError', reason }),
    );
  });

  test('are refused with a reason or match without throwing anything else, whatever comes', () => {
    const codec = fc.record(
      {
        mimeType: fc.oneof(fc.constantFrom('audio/opus', 'video/VP8', 'video/H264'), fc.string()),
        clockRate: fc.oneof(fc.constantFrom(48_000, 90_000), fc.anything()),
        channels: fc.oneof(fc.constantFrom(undefined, 2), fc.anything()),
        parameters: fc.oneof(
          fc.dictionary(
            fc.constantFrom('packetization-mode', 'profile-level-id', '__proto__', 'stereo'),
            fc.anything(),
          ),
          fc.constant({ 'packetization-mode': 1, 'profile-level-id': '42c00a' }),
          fc.anything(),
        ),
        rtcpFeedback: fc.oneof(fc.array(fc.record({ type: fc.string() })), fc.anything()),
      },
      { requiredKeys: [] },
    );
    const shaped = fc.record({
      codecs: fc.array(codec),
      headerExtensions: fc.oneof(fc.constant([]), fc.anything()),
    });
    expect(() => {
      fc.assert(
        fc.property(fc.oneof(shaped, fc.anything()), (value) => outcomeOf(value) !== 'another error'),
        { numRuns: 2000 },
      );
    }).not.toThrow();
  });

  function outcomeOf(value: unknown): 'matched' | 'refused' | 'another error' {
    try {
      matchCapabilities(relay, parseRtpCapabilities(value), { video: 'h264', audio: true });
      return 'matched';
    } catch (error) {
      return error instanceof CapabilitiesError ? 'refused' : 'another error';
    }
  }
});
