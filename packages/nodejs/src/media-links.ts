/** What the relay's channels need of the media plane; media/ implements it on node-datachannel. */

import type { ChildEnd, MediaActivity, ParentEnd, SessionParameters } from '@casto/host';
import type { Hub } from './media/hub.ts';

export interface PullOptions {
  hub: Hub;
  /** Layers to ask for, one video section each. */
  layers: readonly number[];
  audio: boolean;
  video: 'vp8' | 'h264' | null;
  /** Whether the parent is another headless relay, which the shared media port cannot reach twice. */
  fromRelay: boolean;
}

export interface ServeOptions {
  hub: Hub;
  /** The child's offer, reduced to the codecs of the channel. */
  offer: SessionParameters;
  /** Layers of the offer's video sections, in their order. */
  layers: readonly number[];
}

export interface MediaLinks {
  /** The relay as child. Its sources feed the hub once they arrive. */
  pull(options: PullOptions): ChildEnd & MediaActivity;
  /** The relay as parent. Its sinks are fed by the hub. */
  serve(options: ServeOptions): ParentEnd & MediaActivity;
  close(): void;
}
