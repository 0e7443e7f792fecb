/**
 * Session descriptions of other peers: parsed, rendered anew, reduced to a child's offer, answered as those of a WHIP client;
 * never let through as they are.
 */

import { MAX_LAYERS, type Random } from '@casto/core';
import {
  assertAnswers,
  CandidateIntake,
  parseSessionDescription,
  reduceChildOffer,
  relayRtpCapabilities,
  renderSessionDescription,
  SessionDescriptionError,
  type JoinRequest,
  type SessionParameters,
} from '@casto/host';
import { chromiumAnswer, chromiumOffer } from '../../../packages/host/test/fixtures/chromium.ts';
import { firefoxAnswer, firefoxOffer } from '../../../packages/host/test/fixtures/firefox.ts';
import {
  libdatachannelAnswer,
  libdatachannelOffer,
} from '../../../packages/host/test/fixtures/libdatachannel.ts';
import { renderClientAnswer } from '../../../packages/nodejs/src/whip/client-answer.ts';
import { readClientOffer, type ClientOffer } from '../../../packages/nodejs/src/whip/client-offer.ts';
import { chance, mutateBytes, pick } from '../byte-mutations.ts';
import { describe } from '../decoding.ts';
import { demand, type FuzzSession, type FuzzTarget } from '../fuzz-target.ts';
import { latin1, mutateLines } from '../text-mutations.ts';
import { validAnswer, validOffer } from '../valid-descriptions.ts';

export const sdpTarget: FuzzTarget = {
  name: 'sdp',
  generate: (random) => {
    const text = chance(random, 0.85) ? ours(random) : pick(random, BROWSERS);
    const [end] = /\r?\n/.exec(text) ?? ['\r\n'];
    const lines = text.split(end);
    const way = random.below(10);
    if (way === 0) return latin1(text);
    if (way === 1) return mutateBytes(latin1(text), random);
    return latin1(mutateLines(lines, random, DICTIONARY).join(chance(random, 0.9) ? end : '\n'));
  },
  open: () => new SdpSession(),
};

/** Of a client that can send three encodings of its picture. */
const SIMULCAST_OFFER = chromiumOffer
  .replaceAll('a=recvonly', 'a=sendonly')
  .replace(
    /(m=video.*(\r?\n))/,
    '$1a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id$2a=rid:lo send$2a=rid:mid send$2a=rid:hi send$2a=simulcast:send lo;mid;hi$2',
  );

const BROWSERS = [
  SIMULCAST_OFFER,
  chromiumOffer,
  chromiumAnswer,
  firefoxOffer,
  firefoxAnswer,
  libdatachannelOffer,
  libdatachannelAnswer,
];
/** A child's offer and a parent's answer have one shape each, so both are tried with both. */
const ours = (random: Random): string => (chance(random, 0.7) ? validOffer(random).sdp : validAnswer(random));

const DICTIONARY = [
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'm=text 9 UDP/TLS/RTP/SAVPF 96',
  'm=video 0 RTP/AVP 96',
  'a=mid:__proto__',
  'a=mid:audio',
  'a=sendrecv',
  'a=sendonly',
  'a=inactive',
  'a=bundle-only',
  'a=setup:holdconn',
  'a=ice-lite',
  'a=ice-ufrag:x',
  'a=ice-pwd:short',
  'a=fingerprint:md5 00:11',
  `a=fingerprint:sha-256 ${'00:'.repeat(64)}00`,
  'a=sctp-port:0',
  'a=rtpmap:96 VP8/90000/2',
  'a=rtpmap:96 __proto__/90000',
  'a=fmtp:96 __proto__=1;constructor=2',
  `a=fmtp:111 ${'a=b;'.repeat(240)}`,
  'a=fmtp:102 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
  'a=rtcp-fb:* nack pli',
  'a=rtcp-fb:96 __proto__ toString',
  'a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:1/sendrecv http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=ssrc:1 cname:x',
  'a=ssrc:0 cname:zero',
  'a=ssrc:4294967296 cname:large',
  'a=ssrc:2 msid:- x',
  'a=candidate:1 1 udp 2113937151 127.0.0.1 4000 typ host',
  'a=candidate:1 1 udp 0 example.com 0 typ relay',
  `a=candidate:1 1 udp 1 ${'1:'.repeat(30)} 9 typ host`,
  'a=simulcast:recv 1;2;3',
  'a=simulcast:send lo;~mid,hi;hi',
  `a=simulcast:send ${'lo;hi;'.repeat(150)}`,
  'a=rid:lo send',
  'a=rid:hi send pt=96;max-width=640',
  `a=rid:${'x'.repeat(300)} send`,
  'a=rid:__proto__ send',
  'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=extmap:0 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x',
];

/** Most that one description may take: those who send them do not pay for the time. */
const MAX_MS = 100;
/** A busy machine may stop any one of them. */
const TRIES = 3;
/** What a rendered description consists of. */
const RENDERED =
  /^(?:[voscmt]=|a=(?:group|msid-semantic|candidate|mid|sendonly|recvonly|inactive|bundle-only|ice-ufrag|ice-pwd|ice-options|fingerprint|setup|sctp-port|max-message-size|rtpmap|fmtp|rtcp-fb|rtcp-mux|rtcp-rsize|extmap|ssrc|msid)(?::|$))/;

/** What the answer to a client consists of. */
const ANSWERED =
  /^(?:[voscmt]=|a=(?:group|msid-semantic|candidate|end-of-candidates|mid|recvonly|inactive|ice-ufrag|ice-pwd|fingerprint|setup|rtpmap|fmtp|rtcp-fb|rtcp-mux|rtcp-rsize)(?::|$)|a=extmap:\d{1,3} urn:ietf:params:rtp-hdrext:sdes:(?:mid|rtp-stream-id)$|a=rid:[\w-]{1,16} recv$|a=simulcast:recv [\w-]{1,16}(?:;[\w-]{1,16}){1,2}$)/;

class SdpSession implements FuzzSession {
  readonly #capabilities = relayRtpCapabilities();

  feed(input: Uint8Array): string {
    const text = Buffer.from(input).toString('latin1');
    const startedAt = performance.now();
    const outcome = this.#take(text);
    if (performance.now() - startedAt > MAX_MS) this.#demandSpeed(text);
    return outcome;
  }

  close(): void {}

  #take(text: string): string {
    const offer = parsed('offer', text);
    const answer = parsed('answer', text);
    const intake = new CandidateIntake();
    this.#takeFromClient(text);
    const candidates = text.split('\n').filter((line) => line.startsWith('a=cand'));
    for (const line of candidates.slice(0, 100)) intake.take(line.trim());
    if (typeof offer !== 'string') {
      this.#checkRendered('offer', offer);
      // Matching capabilities takes longer than all the rest together.
      if (text.length % 4 === 0) this.#reduce(text, offer);
      return 'offer';
    }
    if (typeof answer === 'string') return offer === answer ? offer : `${offer}, ${answer}`;
    this.#checkRendered('answer', answer);
    refusedOnly(() => assertAnswers(REFERENCE_OFFER, answer));
    return 'answer';
  }

  /** A publisher's offer, and the answer to it. */
  #takeFromClient(text: string): void {
    let offer: ClientOffer | null = null;
    refusedOnly(() => {
      offer = readClientOffer(text, 'publisher', () => true);
    });
    if (offer === null) return;
    const answered: ClientOffer = offer;
    const { transport } = REFERENCE;
    const rest = { role: 'publisher', transport, candidates: [], sources: [], cname: 'relay' } as const;
    for (const line of renderClientAnswer({ offer: answered, ...rest })
      .split('\r\n')
      .slice(0, -1)) {
      demand(ANSWERED.test(line), `answered: ${line}`);
    }
    for (const { simulcast } of answered.sections) {
      const count = simulcast?.rids.length ?? MAX_LAYERS;
      demand(count > 1 && count <= MAX_LAYERS, `${count} encodings`);
    }
  }

  #checkRendered(type: 'offer' | 'answer', parameters: SessionParameters): void {
    const text = renderSessionDescription(type, parameters);
    for (const line of text.split('\r\n').slice(0, -1)) demand(RENDERED.test(line), `rendered: ${line}`);
    const again = renderSessionDescription(type, parseSessionDescription(type, text));
    demand(again === text, 'a description changed when it was rendered again');
  }

  #reduce(offer: string, { media }: SessionParameters): void {
    const join: JoinRequest = {
      version: 1,
      channel: 'x' as JoinRequest['channel'],
      kind: 'browser',
      layers: media.filter(({ kind }) => kind === 'video').map((_, i) => i),
      audio: media.some(({ kind }) => kind === 'audio'),
      capabilities: this.#capabilities,
      offer,
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
    };
    for (const video of ['vp8', 'h264'] as const) {
      const reduced = reduceChildOffer(join, this.#capabilities, { video, audio: true });
      if (reduced !== null) this.#checkRendered('offer', reduced);
    }
  }

  #demandSpeed(text: string): void {
    let least = Infinity;
    for (let i = 0; i < TRIES; i++) {
      const startedAt = performance.now();
      this.#take(text);
      least = Math.min(least, performance.now() - startedAt);
    }
    demand(least <= MAX_MS, `a description took ${Math.round(least)} ms`);
  }
}

const REFERENCE_OFFER = parseSessionDescription(
  'offer',
  validOffer({ next: () => 0.5, below: (below) => below >> 1 }).sdp,
);

const REFERENCE = { transport: { ice: REFERENCE_OFFER.ice, dtls: REFERENCE_OFFER.dtls } };

/** @returns The parameters, or the reason why the text is none. */
function parsed(type: 'offer' | 'answer', text: string): SessionParameters | string {
  let parameters: SessionParameters | null = null;
  const reason = refusedOnly(() => {
    parameters = parseSessionDescription(type, text);
  });
  return parameters ?? reason ?? 'nothing';
}

function refusedOnly(action: () => void): string | null {
  try {
    action();
    return null;
  } catch (error) {
    demand(error instanceof SessionDescriptionError, `not a SessionDescriptionError: ${describe(error)}`);
    demand(error.message.length < 200, 'an error that quotes its input');
    return error.reason;
  }
}
