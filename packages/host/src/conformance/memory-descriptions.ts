/** What ends in memory put into their descriptions. */

import { relayRtpCapabilities } from '../capabilities.ts';
import { matchCapabilities } from '../capability-match.ts';
import type { WantedMedia } from '../codecs.ts';
import type { MediaSection, SessionParameters } from '../session-parameters.ts';

export function ownTransport(
  number: number,
  setup: SessionParameters['dtls']['setup'],
): Pick<SessionParameters, 'ice' | 'dtls'> {
  const digits = number.toString(16).toUpperCase().padStart(8, '0');
  const bytes = Array.from({ length: 32 }, (_, i) => digits.slice((i % 4) * 2, (i % 4) * 2 + 2));
  return {
    ice: { usernameFragment: `memory${number}`, password: `password${digits.repeat(2)}` },
    dtls: { setup, fingerprint: { algorithm: 'sha-256', value: bytes.join(':') } },
  };
}

export function offeredSections({
  layers = [0],
  ...wanted
}: WantedMedia & { layers?: readonly number[] }): MediaSection[] {
  const capabilities = relayRtpCapabilities();
  const { audio, video } = matchCapabilities(capabilities, capabilities, wanted);
  const direction = 'recvonly' as const;
  return [
    ...(audio === null ? [] : [{ mid: 'audio', kind: 'audio' as const, direction, ...audio }]),
    ...(video === null
      ? []
      : layers.map((layer) => ({ mid: `video-${layer}`, kind: 'video' as const, direction, ...video }))),
  ];
}

export function answeredSection(offered: MediaSection, ssrc: number): MediaSection {
  return {
    ...offered,
    direction: 'sendonly',
    codecs: offered.codecs.slice(0, 1),
    source: { ssrc, cname: 'memory' },
  };
}
