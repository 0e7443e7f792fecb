/** Offers of WHIP and WHEP clients, and the answers to them. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readOfferedSections, SessionDescriptionError, type SessionDescriptionReason } from '@casto/host';
import { renderClientAnswer } from '../../src/whip/client-answer.ts';
import { MAX_OFFER_BYTES, nameOf, readClientOffer, type ClientOffer } from '../../src/whip/client-offer.ts';

const HASH = Array.from({ length: 32 }, (_, index) => index.toString(16).padStart(2, '0').toUpperCase()).join(
  ':',
);
const TRANSPORT = [
  'a=ice-ufrag:abcd',
  'a=ice-pwd:0123456789abcdef01234567',
  `a=fingerprint:sha-256 ${HASH}`,
  'a=setup:actpass',
];
const AUDIO = [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0',
  'a=mid:0',
  'a=sendonly',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1;maxaveragebitrate=96000',
  'a=rtpmap:0 PCMU/8000',
];
const VIDEO = [
  'm=video 9 UDP/TLS/RTP/SAVPF 45 96 97 98',
  'a=mid:1',
  'a=sendonly',
  'a=rtpmap:45 AV1/90000',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtcp-fb:96 goog-remb',
  'a=rtcp-fb:96 transport-cc',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:98 VP8/90000',
];
/** A browser adds one when the page opens data channels too. */
const DATA = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:2', 'a=sctp-port:5000'];

function offerOf(...sections: string[][]): string {
  const head = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=group:BUNDLE 0 1', ...TRANSPORT];
  return `${[...head, ...sections.flat()].join('\r\n')}\r\n`;
}

function read(sdp: string): ClientOffer {
  return readClientOffer(sdp, 'publisher', () => true);
}

function without(lines: string[], pattern: RegExp): string[] {
  return lines.filter((line) => !pattern.test(line));
}

describe('an offer', () => {
  test('is read under the numbers of the client, the codec it wants most first', () => {
    const { transport, sections } = read(offerOf(AUDIO, VIDEO));
    expect(transport).toMatchObject({ ice: { usernameFragment: 'abcd' }, dtls: { setup: 'actpass' } });
    expect(sections).toMatchObject([
      { mid: '0', kind: 'audio', codec: { mimeType: 'audio/opus', payloadType: 111 } },
      { mid: '1', kind: 'video', codec: { mimeType: 'video/h264', payloadType: 96 } },
    ]);
  });

  test('of a player is read for the codec of the channel', () => {
    const sdp = offerOf(AUDIO, VIDEO).replaceAll('a=sendonly', 'a=recvonly');
    const { sections } = readClientOffer(sdp, 'player', (codec) => codec === 'vp8');
    expect(sections.map(({ codec }) => codec && nameOf(codec))).toEqual([null, 'vp8']);
  });

  test('may leave the direction open, have one kind alone, and ask for data channels, which it does not get', () => {
    const video = without(VIDEO, /^a=sendonly/);
    expect(read(offerOf(video, DATA)).sections).toMatchObject([
      { kind: 'video' },
      { kind: 'application', codec: null },
    ]);
  });

  test('may have its transport in each section', () => {
    const [audio, video] = [AUDIO, VIDEO].map((section) => [...section, ...TRANSPORT]);
    const sdp = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', ...(audio ?? []), ...(video ?? [])].join(
      '\n',
    );
    expect(read(sdp).transport.ice.usernameFragment).toBe('abcd');
  });

  const refusals: [string, string, SessionDescriptionReason][] = [
    ['empty', '', 'malformed'],
    ['JSON', '{"type":"offer"}', 'malformed'],
    ['with other characters', offerOf(VIDEO).replace('s=-', 's=\u00e9'), 'malformed'],
    ['too long', offerOf(VIDEO) + 'a=x\r\n'.repeat(MAX_OFFER_BYTES / 5), 'too-large'],
    ['without a password', offerOf(VIDEO).replace(/a=ice-pwd.*\r\n/, ''), 'bad-ice'],
    ['with a short password', offerOf(VIDEO).replace(/a=ice-pwd.*/, 'a=ice-pwd:short'), 'bad-ice'],
    ['not bundled', offerOf([...AUDIO, 'a=ice-ufrag:other'], VIDEO), 'bad-ice'],
    ['without a fingerprint', offerOf(VIDEO).replace(/a=fingerprint.*\r\n/, ''), 'bad-fingerprint'],
    ['with a weak fingerprint', offerOf(VIDEO).replace('sha-256', 'sha-1'), 'weak-fingerprint'],
    ['without a role', offerOf(VIDEO).replace(/a=setup.*\r\n/, ''), 'bad-setup'],
    ['without a mid', offerOf(without(VIDEO, /^a=mid/)), 'bad-mid'],
    ['with a mid twice', offerOf(AUDIO, [...without(VIDEO, /^a=mid/), 'a=mid:0']), 'bad-mid'],
    ['that receives', offerOf(VIDEO).replace('a=sendonly', 'a=recvonly'), 'bad-direction'],
    ['that does nothing', offerOf(VIDEO).replace('a=sendonly', 'a=inactive'), 'bad-direction'],
    ['of other codecs', offerOf(VIDEO).replace(/H264|VP8/g, 'VP9'), 'bad-codec'],
    ['of another packetization', offerOf(without(VIDEO, /VP8/)).replace('mode=1', 'mode=0'), 'bad-codec'],
    ['without encryption', offerOf(VIDEO).replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP'), 'unexpected-section'],
    ['of two pictures', offerOf(VIDEO, [...without(VIDEO, /^a=mid/), 'a=mid:2']), 'too-many-sections'],
    ['of text', offerOf(['m=text 9 UDP/TLS/RTP/SAVPF 1', 'a=mid:0']), 'unexpected-section'],
    [
      'with one number for two codecs',
      offerOf(
        AUDIO,
        VIDEO.map((line) => line.replaceAll('96', '111')),
      ),
      'bad-codec',
    ],
  ];
  test.each(refusals)('%s is refused', (_, sdp, reason) => {
    expect(() => read(sdp)).toThrow(expect.objectContaining({ name: 'SessionDescriptionError', reason }));
  });

  test('that is damaged anywhere is read or refused, and what is read can be answered on its lines', () => {
    const lines = offerOf(AUDIO, VIDEO, DATA).split('\r\n');
    const damage = fc.record({
      at: fc.nat(lines.length - 1),
      text: fc.string({ maxLength: 40 }),
      cut: fc.nat(60),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
        const damaged = [...lines];
        for (const { at, text, cut } of damages) damaged[at] = (damaged[at] ?? '').slice(0, cut) + text;
        try {
          const answer = answerTo(read(damaged.join('\r\n')));
          expect(answer).toMatch(/^(?:[a-z]=[\x20-\x7e]+\r\n)+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(SessionDescriptionError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function answerTo(offer: ClientOffer, role: 'publisher' | 'player' = 'publisher'): string {
  const sources =
    role === 'player' ? offer.sections.map(({ mid }, index) => ({ mid, ssrc: 100 + index })) : [];
  const { dtls } = offer.transport;
  return renderClientAnswer({
    offer,
    role,
    transport: {
      ice: { usernameFragment: 'efgh', password: 'abcdef0123456789abcdef01' },
      dtls: { ...dtls, setup: 'passive' },
    },
    candidates: ['candidate:1 1 udp 2113937151 192.0.2.1 4000 typ host'],
    sources,
    cname: 'relay',
  });
}

describe('an answer', () => {
  test('has a section for each that was offered, one codec, and feedback that needs no extensions', () => {
    const answer = answerTo(read(offerOf(AUDIO, VIDEO, DATA)));
    const { sections, candidates } = readOfferedSections(answer, MAX_OFFER_BYTES);
    expect(sections.map(({ mid, direction }) => [mid, direction])).toEqual([
      ['0', 'recvonly'],
      ['1', 'recvonly'],
      ['2', 'inactive'],
    ]);
    expect(sections[1]?.codecs).toMatchObject([{ mimeType: 'video/h264', payloadType: 96 }]);
    expect(sections[1]?.codecs[0]?.rtcpFeedback).toEqual([
      { type: 'nack' },
      { type: 'nack', parameter: 'pli' },
      { type: 'goog-remb' },
    ]);
    expect(candidates).toHaveLength(1);
    expect(answer).toContain('a=group:BUNDLE 0 1\r\n');
    expect(answer).toContain('m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n');
    expect(answer).toContain('stereo=1');
    expect(answer).not.toMatch(/rtx|AV1|ssrc|ufrag:abcd/);
  });

  test('to a player names the streams, of one MediaStream', () => {
    const sdp = offerOf(AUDIO, VIDEO).replaceAll('a=sendonly', 'a=recvonly');
    const answer = answerTo(
      readClientOffer(sdp, 'player', () => true),
      'player',
    );
    for (const line of [
      'a=ssrc:100 cname:relay',
      'a=ssrc:101 cname:relay',
      'a=msid:casto 0',
      'a=msid:casto 1',
    ]) {
      expect(answer).toContain(`${line}\r\n`);
    }
    expect(answer.match(/a=sendonly/g)).toHaveLength(2);
  });
});
