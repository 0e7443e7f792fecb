/** How much of the uplink each quality of the video gets. */

/** Full size, half, quarter: VP8 and H264 of camera pictures look clean at these rates. */
const LAYER_BITS_PER_SECOND = [2_500_000, 700_000, 200_000] as const;
export const AUDIO_BITS_PER_SECOND = 96_000;
/** Below this a picture is not worth sending. */
const LEAST_SHARE = 0.05;

/**
 * Bits per second for one of `encodedLayers` layers, when all of them together may take `maxBps`; `null`: as much as
 * makes sense.
 */
export function layerBps(layer: number, encodedLayers: number, maxBps: number | null): number {
  const own = LAYER_BITS_PER_SECOND[layer] ?? LAYER_BITS_PER_SECOND[0];
  if (maxBps === null) return own;
  const all = LAYER_BITS_PER_SECOND.slice(0, encodedLayers).reduce((sum, bps) => sum + bps, 0);
  return Math.floor(own * Math.min(1, Math.max(LEAST_SHARE, maxBps / all)));
}
