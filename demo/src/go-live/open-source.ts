/** What a broadcast shows: opened for the preview, handed to CASTO when it goes live. */

import { openFile } from './file-source.ts';
import { FRAMES_PER_SECOND, PIXELS } from './quality.ts';
import type { PictureSize } from './quality.ts';
import { errorName, SourceError } from './source-problems.ts';
import type { SourceKind } from './source-problems.ts';
import { openTestPicture } from './test-picture.ts';

export interface SourceChoice {
  kind: SourceKind;
  size: PictureSize;
  /** Device id; `null`: the browser's choice. */
  camera: string | null;
  /** Device id; `null`: the browser's choice; `'none'`: no sound. */
  microphone: string | null;
  /** Only for the kind `file`. */
  file: File | null;
}

export interface OpenSource {
  readonly kind: SourceKind;
  readonly stream: MediaStream;
  /** Whether the people in the picture look at themselves in it. */
  readonly isMirror: boolean;
  /** Lets it be heard: called when something was pressed, because before that browsers keep a page's own sound back. */
  wake(): void;
  /** Ends it, and gives camera, screen or file free. */
  stop(): void;
}

/** Speech is made clearer by them. */
const MICROPHONE: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

/** Names of errors by which browsers tell that a device is not there, or not to be had. */
const MISSING: ReadonlySet<string> = new Set(['NotFoundError', 'NotReadableError', 'OverconstrainedError']);

/** @throws What the browser throws, or a {@link SourceError}; see source-problems.ts. */
export async function openSource(choice: SourceChoice): Promise<OpenSource> {
  switch (choice.kind) {
    case 'camera':
      return openCamera(choice);
    case 'screen':
      return openScreen(choice);
    case 'file':
      if (choice.file === null) throw new SourceError('unplayable-file');
      return openFile(choice.file, PIXELS[choice.size]);
    case 'test-picture':
      return openTestPicture(PIXELS[choice.size]);
  }
}

async function openCamera({ size, camera, microphone }: SourceChoice): Promise<OpenSource> {
  const devices = mediaDevices();
  const { width, height } = PIXELS[size];
  const video: MediaTrackConstraints = {
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: FRAMES_PER_SECOND },
    ...(camera === null ? { facingMode: 'user' } : { deviceId: { exact: camera } }),
  };
  const audio =
    microphone === 'none'
      ? false
      : { ...MICROPHONE, ...(microphone === null ? {} : { deviceId: { exact: microphone } }) };
  const stream = await devices.getUserMedia({ video, audio }).catch((error: unknown) => {
    // A computer without a microphone, or whose chosen one is gone, still shows its picture. The error does not tell
    // which of the two is missing (of both it names the constraint `deviceId`); a second one is the camera's.
    if (audio === false || !MISSING.has(errorName(error))) throw error;
    return devices.getUserMedia({ video });
  });
  const facing = stream.getVideoTracks()[0]?.getSettings().facingMode;
  return sourceOf('camera', stream, facing !== 'environment');
}

async function openScreen({ size }: SourceChoice): Promise<OpenSource> {
  const { width, height } = PIXELS[size];
  const video = { width: { max: width }, height: { max: height }, frameRate: { ideal: FRAMES_PER_SECOND } };
  return sourceOf('screen', await mediaDevices().getDisplayMedia({ video, audio: true }), false);
}

function sourceOf(kind: SourceKind, stream: MediaStream, isMirror: boolean): OpenSource {
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  // Sound that the page does not make itself is never kept back.
  return { kind, stream, isMirror, wake: () => {}, stop };
}

/** Absent on plain-http pages, though the types promise it. */
function mediaDevices(): MediaDevices {
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (devices !== undefined) return devices;
  throw new SourceError(window.isSecureContext ? 'no-capture' : 'insecure-context');
}
