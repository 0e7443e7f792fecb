import { MAX_DESCRIPTION_LENGTH } from '@casto/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SessionDescriptionError } from '../src/session-description-error.ts';
import type { SessionDescriptionReason } from '../src/session-description-error.ts';
import {
  assertAnswers,
  parseSessionDescription,
  renderSessionDescription,
} from '../src/session-description.ts';
import type { SessionParameters } from '../src/session-parameters.ts';
import { fullAnswer, fullOffer } from './fixtures/parameters.ts';

const OFFER = renderSessionDescription('offer', fullOffer());
const ANSWER = renderSessionDescription('answer', fullAnswer());

describe('round trip', () => {
  test('what is rendered is read back, field by field', () => {
    expect(parseSessionDescription('offer', OFFER)).toEqual(fullOffer());
    expect(parseSessionDescription('answer', ANSWER)).toEqual(fullAnswer());
  });

  test('line feeds do in place of carriage returns and line feeds', () => {
    expect(parseSessionDescription('offer', OFFER.replaceAll('\r\n', '\n'))).toEqual(fullOffer());
  });

  test('a link may carry nothing but the control channel', () => {
    const bare = { ...fullOffer(), media: [], controlMid: 'control' };
    expect(parseSessionDescription('offer', renderSessionDescription('offer', bare))).toEqual(bare);
  });

  test.each(['sha-384', 'sha-512'])('a %s fingerprint is taken', (algorithm) => {
    const bytes = algorithm === 'sha-384' ? 48 : 64;
    const fingerprint = { algorithm, value: Array.from({ length: bytes }, () => '0F').join(':') };
    const offer = { ...fullOffer(), dtls: { setup: 'active' as const, fingerprint } };
    expect(parseSessionDescription('offer', renderSessionDescription('offer', offer))).toEqual(offer);
  });

  test('the longest description that we render stays within the limit', () => {
    const long = fullOffer();
    const related = `raddr ${'a'.repeat(58)}.local rport 65535 tcptype passive`;
    const candidates = Array.from(
      { length: 32 },
      (_, index) =>
        `candidate:${'f'.repeat(30)}${10 + index} 1 tcp 2147483647 ${'b'.repeat(58)}.local 65535 typ srflx ${related}`,
    );
    const ice = { usernameFragment: 'u'.repeat(256), password: 'p'.repeat(256) };
    const sdp = renderSessionDescription('offer', { ...long, ice, candidates });
    expect(sdp.length).toBeLessThan(MAX_DESCRIPTION_LENGTH);
    expect(parseSessionDescription('offer', sdp).candidates).toHaveLength(32);
  });
});

describe('a description is refused', () => {
  test.each([undefined, null, 7, true, [], {}, Symbol('sdp'), new Uint8Array(8), () => OFFER])(
    'that is no string: %s',
    (value) => {
      expect(refusalOf(value)).toBe('malformed');
    },
  );

  test.each<[string, SessionDescriptionReason, string | RegExp, string]>([
    ['with a NUL', 'malformed', 'a=rtcp-mux', 'a=rtcp-mux\0'],
    ['with letters beyond ASCII', 'malformed', 'a=rtcp-mux', 'a=rtcp-müx'],
    ['of more than 16 KiB', 'too-large', /$/, `a=x\r\n`.repeat(4000)],
    ['with a huge line', 'too-large', 'minptime=10', `minptime=10;${'x'.repeat(2000)}`],
    ['with a text section', 'unexpected-section', /$/, 'm=text 9 UDP/TLS/RTP/SAVPF 98\r\n'],
    ['with a section that has no kind', 'unexpected-section', /$/, 'm=\r\n'],
    ['with a second audio section', 'too-many-sections', /^m=video/m, 'm=audio 9 X 0\r\nm=video'],
    [
      'with a second control section',
      'too-many-sections',
      /$/,
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n',
    ],
    ['with media after the control channel', 'unexpected-section', /$/, 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'],
    ['without a control channel', 'unexpected-section', /^m=application[^]*/m, ''],
    [
      'with another kind of data channel',
      'unexpected-section',
      'UDP/DTLS/SCTP webrtc-datachannel',
      'DTLS/SCTP 5000',
    ],
    ['with another SCTP port', 'unexpected-section', 'sctp-port:5000', 'sctp-port:5001'],
    ['with unencrypted media', 'unexpected-section', 'UDP/TLS/RTP/SAVPF', 'RTP/AVP'],
    ['with a section turned off', 'unexpected-section', 'm=audio 9', 'm=audio 0'],
    ['with two sections of one mid', 'bad-mid', 'a=mid:1', 'a=mid:0'],
    ['without a mid', 'bad-mid', 'a=mid:1\r\n', ''],
    ['with a long mid', 'bad-mid', 'a=mid:1', `a=mid:${'m'.repeat(17)}`],
    ['that sends', 'bad-direction', 'a=recvonly', 'a=sendrecv'],
    ['without a direction', 'bad-direction', 'a=recvonly\r\n', ''],
    ['with a short ICE fragment', 'bad-ice', /ice-ufrag:\S+/g, 'ice-ufrag:abc'],
    ['with a long ICE fragment', 'bad-ice', /ice-ufrag:\S+/g, `ice-ufrag:${'u'.repeat(257)}`],
    ['with a short ICE password', 'bad-ice', /ice-pwd:\S+/g, `ice-pwd:${'p'.repeat(21)}`],
    ['with odd letters in the ICE password', 'bad-ice', /ice-pwd:\S+/g, `ice-pwd:${'p'.repeat(22)}=`],
    ['without an ICE password', 'bad-ice', /a=ice-pwd:\S+\r\n/g, ''],
    ['with two transports', 'bad-ice', 'ice-ufrag:a+/9', 'ice-ufrag:b+/9'],
    ['without a DTLS role', 'bad-setup', /a=setup:\S+\r\n/g, ''],
    ['with an unknown DTLS role', 'bad-setup', /setup:actpass/g, 'setup:holdconn'],
    ['without a fingerprint', 'bad-fingerprint', /a=fingerprint.*\r\n/g, ''],
    ['with two fingerprints', 'bad-fingerprint', 'AB:AB', 'AB:AC'],
    ['with a short fingerprint', 'bad-fingerprint', /AB:AB:/g, 'AB:'],
    ['with a long fingerprint', 'bad-fingerprint', /(sha-256 )/g, '$1AB:'],
    ['with a fingerprint of another length', 'bad-fingerprint', /sha-256/g, 'sha-512'],
    ['with a SHA-1 fingerprint', 'weak-fingerprint', /sha-256 \S+/g, `sha-1 ${'AB:'.repeat(19)}AB`],
    ['without a codec of ours', 'bad-codec', /opus/g, 'PCMU'],
    ['[L2.2] with our codec under another number', 'bad-codec', /\b111\b/g, '109'],
    ['with a payload type that is not listed', 'bad-codec', 'SAVPF 111', 'SAVPF 0'],
    [
      'with H264 of another profile only',
      'bad-codec',
      /(SAVPF) 96 102|(profile-level-id=)42e01f/g,
      '$1$2 102',
    ],
    ['with a candidate for another component', 'bad-candidate', ':1 1 udp', ':1 2 udp'],
    ['with a candidate that is a name', 'bad-candidate', '192.0.2.7', 'example.com'],
  ])('%s', (_, reason, found, replacement) => {
    expect(OFFER.replace(found, replacement)).not.toBe(OFFER);
    expect(refusalOf(OFFER.replace(found, replacement))).toBe(reason);
  });

  test('with thousands of candidates', () => {
    const line = 'a=candidate:1 1 udp 1 192.0.2.7 1 typ host\r\n';
    expect(refusalOf(OFFER + line.repeat(40))).toBe('too-many-candidates');
    expect(refusalOf(OFFER + line.repeat(4000))).toBe('too-large');
  });

  test('that is an answer to nothing', () => {
    expect(refusalOf(OFFER, 'answer')).toBe('bad-setup');
    expect(refusalOf(ANSWER, 'offer')).toBe('bad-direction');
    expect(refusalOf(ANSWER.replace(/a=ssrc:1 .*\r\n/, ''), 'answer')).toBe('bad-source');
    expect(refusalOf(ANSWER.replace('ssrc:1 ', 'ssrc:4294967295 '), 'answer')).toBe('bad-source');
    expect(refusalOf(ANSWER.replace('ssrc:1 ', 'ssrc:0 '), 'answer')).toBe('bad-source');
    expect(refusalOf(ANSWER.replace('ssrc:1 ', 'ssrc:4294967296 '), 'answer')).toBe('bad-source');
    expect(refusalOf(ANSWER.replace(/(a=ssrc:)1( .*)\r\n/, '$11$2\r\n$15$2\r\n'), 'answer')).toBe(
      'bad-source',
    );
    expect(refusalOf(ANSWER.replace(/cname:\S+/, 'cname:two words'), 'answer')).toBe('bad-source');
  });

  test('of 16 KiB of anything within milliseconds', () => {
    const heads = [
      'a=imageattr:* send ',
      'a=floorid:',
      'a=mediaclk:',
      'a=fmtp:111 ',
      'a=extmap:1 ',
      'a=ssrc:1 cname:',
      'm=',
    ];
    for (const head of heads) {
      for (const filler of [' ', '[', '[x] ', '=', ';', 'a']) {
        const line = (head + filler.repeat(1024)).slice(0, 1000);
        const sdp = `${OFFER}${line}\r\n`.padEnd(MAX_DESCRIPTION_LENGTH, `${line}\r\n`);
        const startedMs = performance.now();
        refusalOf(sdp);
        // A generous bound for a busy machine; an expression that explodes takes seconds.
        expect(performance.now() - startedMs).toBeLessThan(250);
      }
    }
  });
});

describe('[L2.1, L2.4] what is not carried is dropped', () => {
  test.each([
    [
      'rid and simulcast',
      'a=rid:h recv\r\na=simulcast:recv h;l\r\na=extmap:9 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n',
    ],
    ['video orientation', 'a=extmap:13 urn:3gpp:video-orientation\r\n'],
    ['unknown feedback', 'a=rtcp-fb:111 rrtr\r\na=rtcp-fb:* x-anything\r\n'],
    ['other codecs', 'a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n'],
    [
      'keys in clear',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n',
    ],
    ['bandwidth, and lines that nobody knows', 'b=AS:1\r\na=x-anything\r\nz=0\r\nnonsense\r\n'],
    ['parameters of its own', 'a=fmtp:111 x-google-min-bitrate=1\r\n'],
  ])('%s', (_, lines) => {
    const first = OFFER.indexOf('a=extmap');
    expect(
      parseSessionDescription('offer', OFFER.slice(0, first) + lines + OFFER.slice(first)).media[1],
    ).toEqual(fullOffer().media[1]);
  });
});

describe('the renderer', () => {
  const leaves = [...leavesOf(fullOffer()), ...leavesOf(fullAnswer())].map(({ path }) => path.join('.'));

  test.each([...new Set(leaves)])('lets nothing break out of %s', (joined) => {
    for (const [type, parameters] of [
      ['offer', fullOffer()],
      ['answer', fullAnswer()],
    ] as const) {
      for (const { path, value } of leavesOf(parameters).filter((leaf) => leaf.path.join('.') === joined)) {
        const bad =
          typeof value === 'string' ? badStrings(value) : [Number.NaN, Infinity, -1, 1.5, '1\r\na=x'];
        for (const replacement of bad) {
          expect(
            () => renderSessionDescription(type, replaced(parameters, path, replacement)),
            String(replacement),
          ).toThrow(SessionDescriptionError);
        }
      }
    }
  });

  test('refuses parameter names that break out', () => {
    const offer = fullOffer();
    const [audio] = offer.media;
    const [codec] = audio?.codecs ?? [];
    if (codec !== undefined) codec.parameters = { 'a=b\r\na=x': 1 };
    expect(() => renderSessionDescription('offer', offer)).toThrow(
      expect.objectContaining({ reason: 'bad-codec' }),
    );
  });
});

describe('whatever comes', () => {
  const fragment = fc.oneof(
    fc.constantFrom(...OFFER.split('\r\n'), ...ANSWER.split('\r\n')),
    fc.constantFrom(
      '\r',
      '\n',
      '\0',
      ' ',
      'a=',
      'm=',
      ':',
      '/',
      '=',
      '__proto__',
      '4294967295',
      '-1',
      'm=video 9 ',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const edit = fc.record({ at: fc.nat(), remove: fc.nat({ max: 80 }), insert: fragment });

  test.each(['offer', 'answer'] as const)(
    'as an %s, it is refused with a reason or rendered stably',
    (type) => {
      const edited = fc.array(edit, { minLength: 1, maxLength: 6 }).map((edits) =>
        edits.reduce(
          (sdp, { at, remove, insert }) => {
            const start = at % (sdp.length + 1);
            return sdp.slice(0, start) + insert + sdp.slice(start + remove);
          },
          type === 'offer' ? OFFER : ANSWER,
        ),
      );
      const shuffled = fc
        .shuffledSubarray((type === 'offer' ? OFFER : ANSWER).split('\r\n'))
        .map((lines) => lines.join('\r\n'));
      const input = fc.oneof(
        { weight: 6, arbitrary: edited },
        shuffled,
        fc.string({ unit: 'binary' }),
        fc.anything(),
      );
      const isSafe = fc.property(input, (value) => {
        const fault = findFault(type, value);
        if (fault !== null) throw new Error(fault);
      });
      expect(() => {
        fc.assert(isSafe, { numRuns: 3000 });
      }).not.toThrow();
    },
  );

  /** What went wrong, or `null`. */
  function findFault(type: 'offer' | 'answer', input: unknown): string | null {
    if (refusalOf(input, type) !== null) return null;
    const rendered = renderSessionDescription(type, parseSessionDescription(type, input));
    const foreign = rendered
      .slice(0, -2)
      .split('\r\n')
      .find((line) => !OUR_LINES.test(line));
    if (foreign !== undefined) return `a line that is not ours: ${foreign}`;
    const again = renderSessionDescription(type, parseSessionDescription(type, rendered));
    return again === rendered ? null : 'another text the second time';
  }
});

describe('an answer', () => {
  test('takes up the offer', () => {
    expect(() => {
      assertAnswers(fullOffer(), fullAnswer());
    }).not.toThrow();
  });

  test.each<[string, (answer: SessionParameters) => SessionParameters]>([
    ['leaves out a section', (answer) => ({ ...answer, media: answer.media.slice(1) })],
    ['adds a section', (answer) => ({ ...answer, media: [...answer.media, ...answer.media.slice(-1)] })],
    ['swaps sections', (answer) => ({ ...answer, media: answer.media.toReversed() })],
    ['renames a section', (answer) => editSection(answer, 0, { mid: 'x' })],
    ['renames the control channel', (answer) => ({ ...answer, controlMid: 'x' })],
    ['changes a kind', (answer) => editSection(answer, 0, { kind: 'video' })],
    ['wants to receive', (answer) => editSection(answer, 1, { direction: 'recvonly' })],
    ['keeps two codecs', (answer) => editSection(answer, 1, { codecs: fullOffer().media[1]?.codecs ?? [] })],
    ['keeps no codec', (answer) => editSection(answer, 1, { codecs: [] })],
    [
      'takes a codec that was not offered',
      (answer) => editSection(answer, 2, { codecs: answer.media[1]?.codecs ?? [] }),
    ],
    [
      'takes another payload type',
      (answer) =>
        editSection(answer, 2, {
          codecs: fullOffer().media[2]?.codecs.map((codec) => ({ ...codec, payloadType: 97 })) ?? [],
        }),
    ],
    [
      'adds feedback',
      (answer) =>
        editSection(answer, 0, {
          codecs:
            answer.media[0]?.codecs.map((codec) => ({ ...codec, rtcpFeedback: [{ type: 'goog-remb' }] })) ??
            [],
        }),
    ],
    [
      'adds a header extension',
      (answer) => editSection(answer, 0, { headerExtensions: [{ uri: 'urn:x', id: 2 }] }),
    ],
    ['leaves the DTLS role open', (answer) => ({ ...answer, dtls: { ...answer.dtls, setup: 'actpass' } })],
  ])('is refused when it %s', (_, change) => {
    expect(() => {
      assertAnswers(fullOffer(), change(fullAnswer()));
    }).toThrow(expect.objectContaining({ reason: 'answer-mismatch' }));
  });

  test.each([
    ['actpass', 'active'],
    ['actpass', 'passive'],
    ['active', 'passive'],
    ['passive', 'active'],
  ] as const)('may meet %s with %s', (offered, answered) => {
    expect(() => {
      assertAnswers(withSetup(fullOffer(), offered), withSetup(fullAnswer(), answered));
    }).not.toThrow();
  });

  test.each(['active', 'passive'] as const)('may not meet %s with the same', (setup) => {
    expect(() => {
      assertAnswers(withSetup(fullOffer(), setup), withSetup(fullAnswer(), setup));
    }).toThrow(expect.objectContaining({ reason: 'answer-mismatch' }));
  });
});

function withSetup(
  parameters: SessionParameters,
  setup: SessionParameters['dtls']['setup'],
): SessionParameters {
  return { ...parameters, dtls: { ...parameters.dtls, setup } };
}

const OUR_LINES =
  /^(?:v=0|o=- 1 1 IN IP4 127\.0\.0\.1|s=-|t=0 0|a=group:BUNDLE [\w -]+|a=msid-semantic:WMS casto|m=(?:audio|video) [09] UDP\/TLS\/RTP\/SAVPF [\d ]+|m=application [09] UDP\/DTLS\/SCTP webrtc-datachannel|c=IN IP4 0\.0\.0\.0|a=(?:sendonly|recvonly|inactive|rtcp-mux|rtcp-rsize|bundle-only|ice-options:trickle)|a=mid:[\w-]+|a=ice-(?:ufrag|pwd):[\w+/]+|a=fingerprint:sha-\d+ [0-9A-F:]+|a=setup:\w+|a=extmap:\d+ \S+|a=rtpmap:\d+ [\w/]+|a=fmtp:\d+ [\w.;=+-]+|a=rtcp-fb:\d+ [\w -]+|a=msid:casto [\w-]+|a=ssrc:\d+ cname:\S+|a=candidate:[\w+/ .:-]+|a=sctp-port:5000|a=max-message-size:65536)$/;

/** The reason, or `null` when the description is taken. */
function refusalOf(sdp: unknown, type: 'offer' | 'answer' = 'offer'): SessionDescriptionReason | null {
  try {
    parseSessionDescription(type, sdp);
    return null;
  } catch (error) {
    if (error instanceof SessionDescriptionError) return error.reason;
    throw error;
  }
}

function editSection(
  answer: SessionParameters,
  index: number,
  change: Partial<SessionParameters['media'][number]>,
): SessionParameters {
  const media = answer.media.map((section, at) => (at === index ? { ...section, ...change } : section));
  return { ...answer, media };
}

interface Leaf {
  path: (string | number)[];
  value: string | number;
}

function leavesOf(value: unknown, path: (string | number)[] = []): Leaf[] {
  if (typeof value === 'string' || typeof value === 'number') return [{ path, value }];
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => leavesOf(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => leavesOf(item, [...path, key]));
}

function badStrings(value: string): string[] {
  return ['\r\na=x', '\na=x', '\r', '\0', ' ', '\u2028'].flatMap((text) => [
    value + text,
    text + value,
    text,
  ]);
}

/** A deep copy in which the leaf at `path` is another value, of any type: callers without types exist. */
function replaced(
  parameters: SessionParameters,
  path: readonly (string | number)[],
  value: unknown,
): SessionParameters {
  const target = path.join('.');
  const visit = (item: unknown, at: string): unknown => {
    if (at === target) return value;
    if (Array.isArray(item)) return item.map((entry: unknown, index) => visit(entry, join(at, index)));
    if (typeof item !== 'object' || item === null) return item;
    return Object.fromEntries(Object.entries(item).map(([key, entry]) => [key, visit(entry, join(at, key))]));
  };
  const join = (at: string, key: string | number): string => (at === '' ? String(key) : `${at}.${key}`);
  const copy = visit(parameters, '');
  if (!isSessionParameters(copy)) throw new Error('the copy lost its shape');
  return copy;
}

function isSessionParameters(value: unknown): value is SessionParameters {
  return typeof value === 'object' && value !== null && 'ice' in value && 'media' in value;
}
