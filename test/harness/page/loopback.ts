/** Two peer connections in one page: the shortest path on which the harness can prove itself. */

export interface Loopback {
  /** What comes out at the far end. */
  readonly received: MediaStream;
  close(): void;
}

/** @param codec - Lower-case media type without parameters, e.g. `video/h264`; the only one offered. */
export async function connectLoopback(stream: MediaStream, codec: string): Promise<Loopback> {
  const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const received = new MediaStream();
  near.onicecandidate = ({ candidate }) => void far.addIceCandidate(candidate ?? undefined);
  far.onicecandidate = ({ candidate }) => void near.addIceCandidate(candidate ?? undefined);
  far.ontrack = ({ track }) => received.addTrack(track);
  for (const track of stream.getTracks()) {
    const transceiver = near.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    if (track.kind === 'video') transceiver.setCodecPreferences(onlyCodec(codec));
  }
  await near.setLocalDescription();
  if (near.localDescription !== null) await far.setRemoteDescription(near.localDescription);
  await far.setLocalDescription();
  if (far.localDescription !== null) await near.setRemoteDescription(far.localDescription);
  return {
    received,
    close: () => {
      near.close();
      far.close();
    },
  };
}

function onlyCodec(mimeType: string): RTCRtpCodec[] {
  const offered = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const wanted = offered.filter((codec) => codec.mimeType.toLowerCase() === mimeType);
  if (wanted.length === 0) throw new Error(`this browser has no ${mimeType}`);
  return wanted;
}
