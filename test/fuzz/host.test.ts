import { testShortRuns } from './short-runs.ts';
import { listingTarget } from './targets/listing.ts';
import { rendezvousTarget } from './targets/rendezvous.ts';
import { sdpTarget } from './targets/sdp.ts';
import { signalTarget } from './targets/signal.ts';

testShortRuns([sdpTarget, signalTarget, rendezvousTarget, listingTarget]);
