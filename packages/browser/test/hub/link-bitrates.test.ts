import { describe, expect, test } from 'vitest';
import type { MediaSection, SessionParameters } from '@casto/host';
import { ENCODING_BITRATES, FORWARDING_BITRATES, withBitrates } from '../../src/link-bitrates.ts';

const VP8 = { mimeType: 'video/vp8', payloadType: 96, clockRate: 90_000, parameters: {}, rtcpFeedback: [] };
const H264 = { ...VP8, mimeType: 'video/h264', payloadType: 98, parameters: { 'packetization-mode': 1 } };
const OPUS = { ...VP8, mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 };

function section(mid: string, kind: MediaSection['kind'], codecs: MediaSection['codecs']): MediaSection {
  return { mid, kind, direction: 'recvonly', codecs, headerExtensions: [] };
}

function description(): SessionParameters {
  return {
    ice: { usernameFragment: 'abcd', password: '0123456789012345678901' },
    dtls: { setup: 'actpass', fingerprint: { algorithm: 'sha-256', value: 'AA' } },
    candidates: [],
    media: [section('0', 'audio', [OPUS]), section('1', 'video', [VP8, H264])],
    controlMid: '2',
  };
}

describe('the bitrates of a link', () => {
  test('are parameters of every codec of the video, beside its own, and of no other', () => {
    const bitrates = {
      'x-google-start-bitrate': 500,
      'x-google-min-bitrate': 30,
      'x-google-max-bitrate': 4_000,
    };
    expect(withBitrates(description(), { start: 500, least: 30, most: 4_000 })).toEqual({
      ...description(),
      media: [
        section('0', 'audio', [OPUS]),
        section('1', 'video', [
          { ...VP8, parameters: bitrates },
          { ...H264, parameters: { 'packetization-mode': 1, ...bitrates } },
        ]),
      ],
    });
  });

  test('leave the description alone from which the other is made', () => {
    const original = description();
    withBitrates(original, FORWARDING_BITRATES);
    expect(original).toEqual(description());
  });

  test('start between their bounds', () => {
    for (const { start, least, most } of [FORWARDING_BITRATES, ENCODING_BITRATES]) {
      expect(least).toBeLessThan(start);
      expect(start).toBeLessThan(most);
    }
  });
});
