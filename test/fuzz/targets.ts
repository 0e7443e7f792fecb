/** All targets by their names. */

import type { FuzzTarget } from './fuzz-target.ts';
import { controlTarget } from './targets/control.ts';
import { httpTarget } from './targets/http.ts';
import { ingestTarget } from './targets/ingest.ts';
import { listingTarget } from './targets/listing.ts';
import { rtcpTarget, rtpTarget } from './targets/media.ts';
import { rendezvousTarget } from './targets/rendezvous.ts';
import { sdpTarget } from './targets/sdp.ts';
import { signalTarget } from './targets/signal.ts';
import { stunTarget } from './targets/stun.ts';
import { trailerTarget } from './targets/trailer.ts';
import { whipTarget } from './targets/whip.ts';

export const TARGETS: ReadonlyMap<string, FuzzTarget> = new Map(
  [
    rtpTarget,
    rtcpTarget,
    sdpTarget,
    controlTarget,
    signalTarget,
    rendezvousTarget,
    listingTarget,
    trailerTarget,
    stunTarget,
    whipTarget,
    ingestTarget,
    httpTarget,
  ].map((target) => [target.name, target]),
);
