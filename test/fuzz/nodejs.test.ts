import { testShortRuns } from './short-runs.ts';
import { ingestTarget } from './targets/ingest.ts';
import { rtcpTarget, rtpTarget } from './targets/media.ts';
import { stunTarget } from './targets/stun.ts';
import { whipTarget } from './targets/whip.ts';

testShortRuns([rtpTarget, rtcpTarget, stunTarget, whipTarget, ingestTarget]);
