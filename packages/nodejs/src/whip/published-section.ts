/**
 * The streams of one media section of a publisher: one, told by its payload type, or the layers of a simulcast, each told by
 * the rid that its packets carry (RFC 8852) until its SSRC is known, and by that SSRC from then on.
 *
 * No table of SSRCs is kept: each stream knows its own one, and takes another only when that has been silent, so that a
 * sender that makes numbers up gets no further than its counter.
 */

import type { CodecParameters } from '@casto/host';
import { readHeaderExtension } from '../media/header-extension.ts';
import { ssrcOf } from '../media/rtp-packet.ts';
import type { IngestStream } from './ingest-stream.ts';
import { LayerOrder } from './layer-order.ts';
import type { OfferedSimulcast } from './offered-simulcast.ts';

/** Why a packet belongs to no stream. */
export type StreamFault =
  /** Neither an SSRC nor a rid that is known. */
  | 'rtp-unknown-stream'
  /** A second SSRC of a stream whose first one still sends. */
  | 'rtp-second-source'
  /** An SSRC that is one layer's, with the rid of another one. */
  | 'rtp-rid-mismatch';

export interface PublishedSection {
  readonly codec: CodecParameters;
  readonly streams: readonly IngestStream[];
  /**
   * Takes one RTP packet of the section's payload type, with at least a header, and may overwrite it.
   *
   * @returns What is wrong with it, `null` when it was taken.
   */
  takeRtp(bytes: Buffer): StreamFault | null;
}

/** A section with one stream, whatever its SSRC and whatever names its packets carry. */
export function singleStream(codec: CodecParameters, stream: IngestStream): PublishedSection {
  return {
    codec,
    streams: [stream],
    takeRtp: (bytes) => (stream.takeRtp(bytes) ? null : 'rtp-second-source'),
  };
}

/** What a layer of a simulcast is begun with. */
export interface LayerOptions {
  readonly layer: number;
  /** A key frame with so many pixels has come. */
  readonly onPicture: (pixels: number) => void;
}

/** @param create - Makes the stream of one rid. */
export function simulcastStreams(
  codec: CodecParameters,
  { rids, ridExtension }: OfferedSimulcast,
  create: (options: LayerOptions) => IngestStream,
): PublishedSection {
  const order = new LayerOrder(rids.length);
  const streams: readonly IngestStream[] = rids.map((_, encoding) =>
    create({
      layer: order.layerOf(encoding),
      onPicture: (pixels) => {
        if (!order.learn(encoding, pixels)) return;
        streams.forEach((stream, index) => stream.moveTo(order.layerOf(index)));
      },
    }),
  );
  const named = (bytes: Buffer): IngestStream | undefined => {
    const name = readHeaderExtension(bytes, ridExtension)?.toString('latin1');
    return name === undefined ? undefined : streams[rids.indexOf(name)];
  };
  return {
    codec,
    streams,
    takeRtp: (bytes) => {
      const ssrc = ssrcOf(bytes);
      const known = streams.find((stream) => stream.ssrc === ssrc);
      const byName = named(bytes);
      if (known !== undefined && byName !== undefined && byName !== known) return 'rtp-rid-mismatch';
      const stream = known ?? byName;
      if (stream === undefined) return 'rtp-unknown-stream';
      return stream.takeRtp(bytes) ? null : 'rtp-second-source';
    },
  };
}
