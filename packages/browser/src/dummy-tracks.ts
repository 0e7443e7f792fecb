/**
 * The tracks that senders carry while their frames come from the hub. Where a page may write tracks the worker feeds
 * them, so that they keep their pace in a hidden page; elsewhere a canvas is drawn for each picture, and the sound is
 * the parent's own, which is there without anybody having to allow it.
 */

import { trackGenerator } from './encoded-media.ts';
import type { FrameKind } from './hub/hub-frame.ts';
import type { PageWorker } from './page-worker.ts';

const SIZE = 16;

export interface DummyTracks {
  of(kind: FrameKind): MediaStreamTrack | null;
  close(): void;
}

/** @param received - The page's own stream, for browsers that cannot make a silent track of their own. */
export function createDummyTracks(worker: PageWorker, received: MediaStream | null): DummyTracks {
  return worker.adapter === 'encoded-streams' ? generated(worker) : drawn(worker, received);
}

function generated(worker: PageWorker): DummyTracks {
  const Generator = trackGenerator();
  if (Generator === null) throw new Error('this browser writes no tracks');
  const video = new Generator({ kind: 'video' });
  // Never written: the reports of a sender's sound follow the frames that it sends.
  const audio = new Generator({ kind: 'audio' });
  worker.feedDummy(video.writable);
  return {
    of: (kind) => (kind === 'video' ? video : audio),
    close: () => {
      video.stop();
      audio.stop();
    },
  };
}

function drawn(worker: PageWorker, received: MediaStream | null): DummyTracks {
  const canvas = document.createElement('canvas');
  canvas.width = SIZE;
  canvas.height = SIZE;
  const context = canvas.getContext('2d');
  const stream = canvas.captureStream(0);
  const [video] = stream.getVideoTracks();
  let count = 0;
  worker.onDraw = () => {
    if (context === null) return;
    // A canvas that does not change gives no picture.
    context.fillStyle = count++ & 1 ? '#000' : '#111';
    context.fillRect(0, 0, SIZE, SIZE);
    for (const maker of [video, stream]) if (makesFrames(maker)) return maker.requestFrame();
  };
  return {
    of: (kind) => (kind === 'video' ? (video ?? null) : (received?.getAudioTracks()[0] ?? null)),
    close: () => {
      worker.onDraw = null;
      video?.stop();
    },
  };
}

/** The track makes frames by the standard (Media Capture from DOM Elements), in Firefox it is the stream. */
function makesFrames(maker: object | undefined): maker is { requestFrame(): void } {
  return maker !== undefined && 'requestFrame' in maker;
}
