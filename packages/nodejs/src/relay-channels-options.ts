/** What the channels of a relay are made with. */

import type { PeerId } from '@casto/core';
import type { Clock, LinkSignalingOptions, RefusalCounter } from '@casto/host';
import type { JoinGate } from './join-gate.ts';
import type { MediaLinks } from './media-links.ts';
import type { MemoryLimit } from './memory-limit.ts';
import type { ProcessorLoad } from './processor-load.ts';
import type { RecordMemory } from './record-memory.ts';
import type { RelayLog } from './relay-log.ts';

export interface RelayChannelsOptions {
  self: PeerId;
  /** One verifier for all channels: what was said in one cannot be said again in another. */
  signaling: Required<Pick<LinkSignalingOptions, 'privateKey' | 'verifier'>>;
  clock: Clock;
  media: MediaLinks;
  records: RecordMemory;
  log: RelayLog;
  refused: RefusalCounter;
  maxViewers: number;
  maxChannels: number;
  gate: JoinGate;
  memory: MemoryLimit;
  processor: ProcessorLoad;
  publishToken: string | null;
  /** Addresses at which viewers reach a streamer through this relay's circuit. */
  circuitAddresses: (streamer: PeerId) => string[];
  /** Where others reach this relay. */
  addresses: () => string[];
}
