/** What a streamer broadcasts: camera, screen, or a stream that the page brings. */

import { CastoError } from './errors.ts';

/** 720p at 30 is what most uplinks carry (FCC June 2024: 94 % of residential fixed lines have 3 Mbps up). */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};
const SCREEN: MediaTrackConstraints = { frameRate: { ideal: 30 } };
/** Speech is made clearer by them, music spoiled; a page that sends music brings its own stream. */
const MICROPHONE: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

/** @throws {CastoError} `insecure-context`, `no-permission`, `no-device` */
export async function captureSource(source: MediaStream | 'camera' | 'screen'): Promise<MediaStream> {
  if (source instanceof MediaStream) return source;
  if (!globalThis.isSecureContext) {
    throw new CastoError('insecure-context', 'broadcasting needs a page on https or localhost');
  }
  if (!navigator.mediaDevices) throw new CastoError('unsupported-browser', 'this browser cannot capture');
  return source === 'screen' ? captureScreen() : captureCamera();
}

/** Stops what was captured here; a stream that the page brought goes on. */
export function releaseSource(source: MediaStream | 'camera' | 'screen', stream: MediaStream): void {
  if (!(source instanceof MediaStream)) for (const track of stream.getTracks()) track.stop();
}

async function captureCamera(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: CAMERA, audio: MICROPHONE });
  } catch (error) {
    // Without a microphone the broadcast is video only.
    if (nameOf(error) !== 'NotFoundError' && nameOf(error) !== 'NotReadableError') throw captureError(error);
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: CAMERA });
  } catch (error) {
    throw captureError(error);
  }
}

async function captureScreen(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getDisplayMedia({ video: SCREEN, audio: true });
  } catch (error) {
    throw captureError(error);
  }
}

function captureError(error: unknown): CastoError {
  const options = { cause: error };
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new CastoError('no-permission', 'the camera, microphone or screen was not allowed', options);
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new CastoError('no-device', 'no camera was found', options);
    case 'NotReadableError':
    case 'AbortError':
      return new CastoError('no-device', 'the camera is used by another program', options);
    default:
      return new CastoError('no-device', 'capturing failed', options);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}
