/** Offers of children and answers of parents, rendered by the product. */

import type { Random } from '@casto/core';
import {
  matchCapabilities,
  relayRtpCapabilities,
  renderSessionDescription,
  type MediaSection,
  type SessionParameters,
} from '@casto/host';
import { chance, pick } from './byte-mutations.ts';

const ICE_CHARS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const HEX = '0123456789ABCDEF';

const CANDIDATES = [
  'candidate:1 1 udp 2113937151 127.0.0.1 4000 typ host',
  'candidate:2 1 udp 1686052607 203.0.113.5 6000 typ srflx raddr 192.0.2.7 rport 41000',
  'candidate:3 1 tcp 1518280447 2001:db8::7 9 typ host tcptype active',
  'candidate:4 1 udp 2113937151 8a2b.local 5000 typ host',
];

export interface ValidOffer {
  readonly sdp: string;
  /** As a join names them. */
  readonly layers: number[];
  readonly audio: boolean;
}

export function validOffer(random: Random): ValidOffer {
  const layers = Array.from({ length: random.below(4) }, (_, layer) => layer);
  const audio = chance(random, 0.7);
  const parameters: SessionParameters = {
    ...transport(random, 'actpass'),
    media: offered(layers, audio),
    controlMid: 'c',
  };
  return { sdp: renderSessionDescription('offer', parameters), layers, audio };
}

export function validAnswer(random: Random): string {
  const layers = Array.from({ length: random.below(4) }, (_, layer) => layer);
  const media = offered(layers, chance(random, 0.7)).map((section, i): MediaSection => {
    const codecs = [pick(random, section.codecs)];
    if (chance(random, 0.2)) return { ...section, codecs, direction: 'inactive' };
    const source = { ssrc: 1 + i + 8 * random.below(2 ** 28), cname: text(random, ICE_CHARS, 16) };
    return { ...section, codecs, direction: 'sendonly', source };
  });
  return renderSessionDescription('answer', { ...transport(random, 'passive'), media, controlMid: 'c' });
}

/** Matching takes longer than what is fed with it. */
const SOUND = match({ video: null, audio: true }).audio;
const PICTURE_CODECS = (['vp8', 'h264'] as const).flatMap(
  (video) => match({ video, audio: false }).video?.codecs ?? [],
);

function match(wanted: Parameters<typeof matchCapabilities>[2]): ReturnType<typeof matchCapabilities> {
  const capabilities = relayRtpCapabilities();
  return matchCapabilities(capabilities, capabilities, wanted);
}

function offered(layers: readonly number[], audio: boolean): MediaSection[] {
  const direction = 'recvonly' as const;
  return [
    ...(audio && SOUND !== null ? [{ direction, mid: 'audio', kind: 'audio' as const, ...SOUND }] : []),
    ...layers.map((layer) => ({
      direction,
      mid: `video-${layer}`,
      kind: 'video' as const,
      codecs: PICTURE_CODECS,
      headerExtensions: [],
    })),
  ];
}

function transport(
  random: Random,
  setup: SessionParameters['dtls']['setup'],
): Pick<SessionParameters, 'ice' | 'dtls' | 'candidates'> {
  const pairs = Array.from({ length: 32 }, () => text(random, HEX, 2));
  return {
    ice: {
      usernameFragment: text(random, ICE_CHARS, 4 + random.below(20)),
      password: text(random, ICE_CHARS, 24),
    },
    dtls: { setup, fingerprint: { algorithm: 'sha-256', value: pairs.join(':') } },
    candidates: CANDIDATES.filter(() => chance(random, 0.4)),
  };
}

function text(random: Random, characters: string, length: number): string {
  return Array.from({ length }, () => characters.charAt(random.below(characters.length))).join('');
}
