import { useEffect, useRef } from 'react';

/** A video element for a stream, which React has no prop for. */
export function LiveVideo({ stream }: { stream: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = stream;
  }, [stream]);
  // Muted, since browsers start no sound by themselves; the controls switch it on.
  return <video ref={video} autoPlay muted playsInline controls width={640} height={360} />;
}
