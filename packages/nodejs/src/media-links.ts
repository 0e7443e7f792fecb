/** What the relay's channels need of the media plane; media/ implements it on node-datachannel. */

import type { ChildEnd, MediaActivity, ParentEnd, SessionParameters } from '@casto/host';
import type { ChannelStreams } from './channel-streams.ts';
import type { FrameCount } from './media/frame-numbers.ts';
import type { Hub } from './media/hub.ts';
import type { LinkQuality } from './relay-overview.ts';

/** With the streams to ask for, one video section for each layer. */
export interface PullOptions extends ChannelStreams {
  /** Where the media go while they are played. */
  hub: Hub;
  /** Whether the parent is another headless relay, which the shared media port cannot reach twice. */
  fromRelay: boolean;
}

export interface ServeOptions {
  hub: Hub;
  /** The child's offer, reduced to the codecs of the channel. */
  offer: SessionParameters;
  /** Layers of the offer's video sections, in their order. */
  layers: readonly number[];
  /** All that the channel has, for a process that is to have it before its next child asks for more. */
  streams: ChannelStreams;
  /** Whether it is sent media from the beginning, as it is by default. */
  isActive?: boolean;
}

/** What came over a link. */
export interface Arrivals {
  /** Frames of the video; `expected` is 0 where they have no numbers. */
  readonly frames: FrameCount;
  /** Packets that the parent sent, as far as their numbers tell. */
  readonly expected: number;
  /** Those of them that arrived, at first or when they were sent again. */
  readonly received: number;
}

/** The media of a parent, which reach the hub only while they are played. */
export interface PulledMedia {
  /** The first key frame since {@link expect} has begun, or the first packet where there is no video. */
  onFlowing: (() => void) | null;
  /** When the last packet of a stream came, `null` before the first. */
  readonly lastUnitAt: number | null;
  /** Waits for a key frame, and asks for it when none comes. */
  expect(): void;
  /** Lets the streams feed the hub, or takes them away from there. */
  play(isPlayed: boolean): void;
  tick(now: number): void;
  /** Since the last call. */
  takeArrivals(): Arrivals;
}

export interface ServedMedia {
  /** Sends the child media, beginning with the packets since the last key frame, or stops it. */
  serve(isActive: boolean): void;
  quality(): LinkQuality;
  /** The child wants this layer from its next key frame on, where its offer had one section for video. */
  chooseLayer(layer: number): void;
  /** The child cannot go on decoding what it asked for as this layer. */
  wantKeyFrame(layer: number): void;
}

export interface MediaLinks {
  /** The relay as child. */
  pull(options: PullOptions): ChildEnd & MediaActivity & { readonly media: PulledMedia };
  /** The relay as parent. Its sinks are fed by the hub. */
  serve(options: ServeOptions): ParentEnd & MediaActivity & { readonly media: ServedMedia };
  /** @returns A promise where it takes a while. Idempotent. */
  close(): Promise<void> | void;
}
