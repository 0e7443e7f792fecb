import { describe, expect, test } from 'vitest';
import { HEADER_EXTENSIONS, PAYLOAD_TYPES } from '../src/codecs.ts';
import { needsSecondRound, rewriteAnswer, rewriteOffer } from '../src/native-description.ts';
import {
  assertAnswers,
  parseSessionDescription,
  renderSessionDescription,
} from '../src/session-description.ts';
import { chromiumAnswer, chromiumOffer } from './fixtures/chromium.ts';
import { firefoxAnswer, firefoxOffer } from './fixtures/firefox.ts';
import { libdatachannelAnswer, libdatachannelOffer } from './fixtures/libdatachannel.ts';

const VP8 = { video: 'vp8', audio: true } as const;
const H264 = { video: 'h264', audio: true } as const;

const NATIVE = [
  ['Chromium', chromiumOffer, chromiumAnswer],
  ['Firefox', firefoxOffer, firefoxAnswer],
  ['libdatachannel', libdatachannelOffer, libdatachannelAnswer],
] as const;

describe.each(NATIVE)('%s', (name, nativeOffer, nativeAnswer) => {
  test('an offer is reduced to what is wanted, under our numbers', () => {
    const offer = rewriteOffer(nativeOffer, VP8);
    expect(offer.media.map(({ kind, direction }) => [kind, direction])).toEqual([
      ['audio', 'recvonly'],
      ['video', 'recvonly'],
    ]);
    expect(offer.media.flatMap(({ codecs }) => codecs.map(({ payloadType }) => payloadType))).toEqual([
      PAYLOAD_TYPES.opus,
      PAYLOAD_TYPES.vp8,
    ]);
    expect(offer.dtls.setup).toBe('actpass');
    const sdp = renderSessionDescription('offer', offer);
    expect(sdp).not.toMatch(/rtx|video-orientation|rid|simulcast|red|ulpfec/);
    expect(parseSessionDescription('offer', sdp)).toEqual(offer);
  });

  test.each(NATIVE)('its offer is answered by %s', (_, __, otherAnswer) => {
    const offer = rewriteOffer(nativeOffer, VP8);
    const answer = rewriteAnswer(otherAnswer, offer);
    expect(answer.media.every(({ source }) => source !== undefined)).toBe(true);
    const received = parseSessionDescription('answer', renderSessionDescription('answer', answer));
    expect(received).toEqual(answer);
    expect(() => {
      assertAnswers(offer, received);
    }).not.toThrow();
  });

  test('an answer keeps audio and video in one stream', () => {
    const answer = rewriteAnswer(nativeAnswer, rewriteOffer(nativeOffer, VP8));
    const sdp = renderSessionDescription('answer', answer);
    expect(sdp.match(/^a=msid:.*$/gm)).toEqual(['a=msid:casto 0', 'a=msid:casto 1']);
    expect(sdp.match(/^a=ssrc:\d+ cname:\S+$/gm)).toHaveLength(2);
  });

  test('media that is not wanted is refused', () => {
    expect(() => rewriteOffer(nativeOffer, { video: 'vp8', audio: false })).toThrow(
      expect.objectContaining({ reason: 'unexpected-section' }),
    );
    expect(() => rewriteOffer(nativeOffer, { video: null, audio: true })).toThrow(
      expect.objectContaining({ reason: 'unexpected-section' }),
    );
  });

  test(`${name === 'Firefox' ? 'a' : 'no'} second round is needed for VP8`, () => {
    expect(needsSecondRound(nativeOffer, rewriteOffer(nativeOffer, VP8))).toBe(name === 'Firefox');
  });
});

test('of the H264 variants in an offer, constrained baseline in packetization mode 1 is taken', () => {
  const [, video] = rewriteOffer(chromiumOffer, H264).media;
  expect(video?.codecs).toEqual([
    {
      mimeType: 'video/h264',
      payloadType: PAYLOAD_TYPES.h264,
      clockRate: 90_000,
      parameters: { 'level-asymmetry-allowed': 1, 'packetization-mode': 1, 'profile-level-id': '42e01f' },
      rtcpFeedback: [
        { type: 'nack' },
        { type: 'nack', parameter: 'pli' },
        { type: 'ccm', parameter: 'fir' },
        { type: 'goog-remb' },
        { type: 'transport-cc' },
      ],
    },
  ]);
});

test('a codec that the platform lacks is refused', () => {
  expect(() => rewriteOffer(firefoxOffer, H264)).toThrow(expect.objectContaining({ reason: 'bad-codec' }));
});

test('header extensions get our numbers, as far as the platform has them', () => {
  const [audio, video] = rewriteOffer(chromiumOffer, VP8).media;
  expect(audio?.headerExtensions).toEqual(HEADER_EXTENSIONS);
  expect(video?.headerExtensions).toEqual(HEADER_EXTENSIONS);
  expect(rewriteOffer(libdatachannelOffer, VP8).media[1]?.headerExtensions).toEqual([]);
});

test('feedback that was not offered is left out of the answer', () => {
  const answer = rewriteAnswer(chromiumAnswer, rewriteOffer(libdatachannelOffer, VP8));
  expect(answer.media[1]?.codecs[0]?.rtcpFeedback).toEqual([
    { type: 'nack' },
    { type: 'nack', parameter: 'pli' },
    { type: 'goog-remb' },
  ]);
  expect(answer.media[1]?.headerExtensions).toEqual([]);
});

test('lost sound is asked for, though no browser offers that by itself', () => {
  const offer = rewriteOffer(chromiumOffer, VP8);
  const answer = rewriteAnswer(chromiumAnswer, offer);
  for (const { media } of [offer, answer]) {
    expect(media[0]?.codecs[0]?.rtcpFeedback).toEqual([{ type: 'nack' }, { type: 'transport-cc' }]);
  }
  const own = rewriteOffer(renderSessionDescription('offer', offer), VP8);
  expect(own.media[0]?.codecs).toEqual(offer.media[0]?.codecs);
});

test('candidates repeated in each section are kept once', () => {
  const twice = libdatachannelOffer.replace(
    /^a=mid:1$/m,
    `a=mid:1\n${/^a=candidate.*$/m.exec(libdatachannelOffer)?.[0]}`,
  );
  expect(rewriteOffer(twice, VP8).candidates).toEqual(rewriteOffer(libdatachannelOffer, VP8).candidates);
});

test('of several wanted codecs, those that the platform has are offered', () => {
  const wanted = { video: ['vp8', 'h264'], audio: true } as const;
  const mimeTypes = (sdp: string) =>
    rewriteOffer(sdp, wanted).media[1]?.codecs.map(({ mimeType }) => mimeType);
  expect(mimeTypes(chromiumOffer)).toEqual(['video/vp8', 'video/h264']);
  expect(mimeTypes(firefoxOffer)).toEqual(['video/vp8']);
});
