/** Where a sender's congestion control starts, and between which bounds it looks for the rate of a link. */

import type { SessionParameters } from '@casto/host';

/** In kilobits per second. */
export interface LinkBitrates {
  readonly start: number;
  readonly least: number;
  readonly most: number;
}

/**
 * For frames that are encoded already, and are not held back by an encoder: enough for a newcomer's burst of 720p, and
 * low enough at the other end that a slow link is measured as such. Chromium's own start of 300 kbps would hold back
 * the first seconds.
 */
export const FORWARDING_BITRATES: LinkBitrates = { start: 2_500, least: 30, most: 20_000 };

/** For an encoder of its own, whose default of 300 kbps blurs the first seconds. */
export const ENCODING_BITRATES: LinkBitrates = { start: 1_000, least: 30, most: 20_000 };

/** A description for the own browser alone: other peers drop these parameters. */
export function withBitrates(
  description: SessionParameters,
  { start, least, most }: LinkBitrates,
): SessionParameters {
  const bitrates = {
    'x-google-start-bitrate': start,
    'x-google-min-bitrate': least,
    'x-google-max-bitrate': most,
  };
  const media = description.media.map((section) =>
    section.kind === 'audio'
      ? section
      : {
          ...section,
          codecs: section.codecs.map((codec) => ({
            ...codec,
            parameters: { ...codec.parameters, ...bitrates },
          })),
        },
  );
  return { ...description, media };
}
