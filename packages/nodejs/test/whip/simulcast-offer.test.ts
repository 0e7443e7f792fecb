/** Offers of publishers with several encodings of one picture, and what they are answered with. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderClientAnswer } from '../../src/whip/client-answer.ts';
import { readClientOffer } from '../../src/whip/client-offer.ts';
import { readOfferedSimulcast } from '../../src/whip/offered-simulcast.ts';

const HASH = Array.from({ length: 32 }, () => 'AB').join(':');
const HEAD = [
  'v=0',
  'o=- 1 1 IN IP4 0.0.0.0',
  's=-',
  't=0 0',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:0123456789abcdef01234567',
  `a=fingerprint:sha-256 ${HASH}`,
  'a=setup:actpass',
];
const AUDIO = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=sendonly', 'a=rtpmap:111 opus/48000/2'];
const VIDEO = ['m=video 9 UDP/TLS/RTP/SAVPF 96 97', 'a=mid:1', 'a=sendonly', 'a=rtpmap:96 VP8/90000'];
const EXTENSIONS = [
  'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:10/sendonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
];
const RIDS = ['a=rid:lo send', 'a=rid:mid send', 'a=rid:hi send', 'a=simulcast:send lo;mid;hi'];

function offer(...video: string[][]): string {
  return `${[...HEAD, ...AUDIO, ...VIDEO, ...video.flat()].join('\r\n')}\r\n`;
}

/** Of the second section, that of the video, with VP8 as 96. */
function read(...video: string[][]): ReturnType<typeof readOfferedSimulcast> {
  return readOfferedSimulcast(offer(...video), 1, 96);
}

function ridsOf(...lines: string[]): readonly string[] | null {
  return read(EXTENSIONS, lines)?.rids ?? null;
}

describe('an offer of simulcast', () => {
  test('is answered with its rids, and with the header extensions that name them, under their own numbers', () => {
    const sdp = renderClientAnswer({
      offer: readClientOffer(offer(EXTENSIONS, RIDS), 'publisher', () => true),
      role: 'publisher',
      transport: {
        ice: { usernameFragment: 'efgh', password: 'x'.repeat(22) },
        dtls: { setup: 'passive', fingerprint: { algorithm: 'sha-256', value: HASH } },
      },
      candidates: [],
      sources: [],
      cname: 'relay',
    });
    const [, audio = '', video = ''] = sdp.split('m=');
    expect(audio).not.toMatch(/rid|extmap|simulcast/);
    expect(video.match(/a=(?:rid|extmap|simulcast).*/g)).toEqual([
      'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
      'a=rid:lo recv',
      'a=rid:mid recv',
      'a=rid:hi recv',
      'a=simulcast:recv lo;mid;hi',
    ]);
  });

  test('may put header extensions above all sections, and leave the mid out', () => {
    const sdp = offer(RIDS).replace(
      'm=audio',
      'a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\nm=audio',
    );
    expect(readOfferedSimulcast(sdp, 1, 96)).toMatchObject({ ridExtension: 2, midExtension: null });
  });

  test('is read for the first of alternatives, those that begin paused, and three streams at most', () => {
    const rid = (name: string): string => `a=rid:${name} send`;
    expect(ridsOf(rid('a'), rid('b'), rid('c'), 'a=simulcast:send a,b;~c')).toEqual(['a', 'c']);
    expect(ridsOf(rid('a'), rid('b'), 'a=simulcast:recv x send a;b')).toEqual(['a', 'b']);
    expect(ridsOf(...'abcd'.split('').map(rid), 'a=simulcast:send a;b;c;d')).toEqual(['a', 'b', 'c']);
    expect(ridsOf(rid('a'), rid('b'), 'a=simulcast:send a;a;b;a')).toEqual(['a', 'b']);
  });

  test('has the rids that are sent with the codec that is answered', () => {
    expect(
      ridsOf(
        'a=rid:a send pt=96,97;max-width=640',
        'a=rid:b send max-fps=30',
        'a=rid:c send pt=97',
        'a=simulcast:send a;b;c',
      ),
    ).toEqual(['a', 'b']);
  });

  const single: Record<string, string[]> = {
    'without simulcast': RIDS.slice(0, 3),
    'without rids': RIDS.slice(3),
    'of one rid': ['a=rid:lo send', 'a=simulcast:send lo'],
    'of rids to receive': ['a=rid:lo recv', 'a=rid:hi recv', 'a=simulcast:recv lo;hi'],
    'of rids that no packet can carry': [
      'a=rid:muchtoolongforapacket send',
      'a=rid:lo send',
      'a=rid:ü send',
      'a=simulcast:send lo;muchtoolongforapacket;ü',
    ],
    'of rids that nobody offered': ['a=rid:lo send', 'a=simulcast:send lo;__proto__;constructor'],
    'in an older form': ['a=rid:lo send', 'a=rid:hi send', 'a=simulcast: send rid=lo;hi'],
  };
  test.each(Object.entries(single))('%s is one of a single stream', (_, lines) => {
    expect(read(EXTENSIONS, lines)).toBeNull();
  });

  test('without a header extension for rids, or with an impossible one, is one of a single stream', () => {
    expect(read(RIDS)).toBeNull();
    for (const id of ['0', '15', '256', '-1', 'x', '1e1']) {
      expect(read([`a=extmap:${id} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`], RIDS)).toBeNull();
    }
  });

  test('of whatever lines gives usable rids or none', () => {
    const text = fc.string({ maxLength: 30 });
    const name = fc.constantFrom('lo', 'hi', '~hi', 'lo,hi', '', 'a;b', '__proto__', 'x'.repeat(40));
    const line = fc.oneof(
      fc.constantFrom(...EXTENSIONS, ...RIDS),
      text.map((rest) => `a=rid:${rest}`),
      fc.tuple(name, text).map(([rid, rest]) => `a=rid:${rid} send ${rest}`),
      fc.array(name, { maxLength: 40 }).map((names) => `a=simulcast:send ${names.join(';')}`),
      text.map((rest) => `a=extmap:${rest}`),
      fc.constantFrom('m=video 9 UDP/TLS/RTP/SAVPF 96', 'm=', 'a=simulcast:send'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const found = read(lines);
        if (found === null) return;
        expect(found.rids.length).toBeGreaterThan(1);
        expect(found.rids.length).toBeLessThanOrEqual(3);
        expect(new Set(found.rids).size).toBe(found.rids.length);
        for (const rid of found.rids) expect(rid).toMatch(/^[A-Za-z0-9_-]{1,16}$/);
        expect(found.ridExtension).toBeLessThan(256);
      }),
    );
  });
});
