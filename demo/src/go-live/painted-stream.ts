/** A video track that the page paints itself, picture by picture. */

import { FRAMES_PER_SECOND } from './quality.ts';
import { SourceError } from './source-problems.ts';

export interface PaintedStream {
  readonly track: MediaStreamTrack;
  stop(): void;
}

/** @param elapsedMs - Since the first picture. */
export type Painter = (context: CanvasRenderingContext2D, elapsedMs: number) => void;

/**
 * Paints 30 pictures a second, in a hidden tab too.
 *
 * @throws {SourceError} `no-capture` where the browser cannot.
 */
export function paintStream(size: { width: number; height: number }, paint: Painter): PaintedStream {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, size);
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null || !('captureStream' in canvas)) throw new SourceError('no-capture');
  const startedMs = performance.now();
  const draw = () => paint(context, performance.now() - startedMs);
  draw();
  const track = canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0];
  if (track === undefined) throw new SourceError('no-capture');

  const ticker = new Worker(new URL('ticker-worker.ts', import.meta.url), { type: 'module' });
  ticker.addEventListener('message', draw);
  ticker.postMessage(1000 / FRAMES_PER_SECOND);
  return {
    track,
    stop: () => {
      ticker.terminate();
      track.stop();
    },
  };
}
