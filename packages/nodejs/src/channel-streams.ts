/** Which streams a channel consists of, by its record. */

import type { ChannelRecord } from '@casto/core';

export interface ChannelStreams {
  /** Layers of the video, from 0 up; empty without video. */
  readonly layers: readonly number[];
  readonly audio: boolean;
  readonly video: ChannelRecord['video'];
}

export function streamsOf({ video, audio, layers }: ChannelRecord): ChannelStreams {
  return { layers: video === null ? [] : Array.from({ length: layers }, (_, layer) => layer), audio, video };
}
