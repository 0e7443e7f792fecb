/** How this browser lets a page reach encoded frames, and with that how the page can pass a broadcast on. */

/**
 * Best first (docs/decisions/forwarding-adapters.md):
 *
 *   encoded-streams   frames of any connection can be written to any sender and decoder (Chromium)
 *   script-transform  frames can be changed on their way, and go where they went (Firefox, Safari)
 *   track             no frames to be seen: the decoded track is sent again, to one child
 */
export type ForwardingAdapter = 'encoded-streams' | 'script-transform' | 'track';

/** A track whose frames the page writes. Chromium alone has it in pages. */
export type TrackGenerator = new (init: {
  kind: 'audio' | 'video';
}) => MediaStreamTrack & { readonly writable: WritableStream<VideoFrame> };

/** `null` where there is none. */
export function trackGenerator(): TrackGenerator | null {
  const found: unknown = Reflect.get(globalThis, 'MediaStreamTrackGenerator');
  // Not in TypeScript's library.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return typeof found === 'function' ? (found as TrackGenerator) : null;
}

/** Chromium, from before RTCRtpScriptTransform. */
interface EncodedStreamsEnd {
  createEncodedStreams(): {
    readable: ReadableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
    writable: WritableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
  };
}

export function forwardingAdapter(): ForwardingAdapter {
  if (hasEncodedStreams() && trackGenerator() !== null) return 'encoded-streams';
  return typeof RTCRtpScriptTransform === 'function' ? 'script-transform' : 'track';
}

function hasEncodedStreams(): boolean {
  return [RTCRtpSender.prototype, RTCRtpReceiver.prototype].every((end) => 'createEncodedStreams' in end);
}

/** The frames of a sender or receiver whose connection was made with `encodedInsertableStreams`. */
export function encodedStreamsOf(
  end: RTCRtpSender | RTCRtpReceiver,
): ReturnType<EncodedStreamsEnd['createEncodedStreams']> {
  // Not in TypeScript's library: the method is Chromium's alone.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (end as unknown as EncodedStreamsEnd).createEncodedStreams();
}
