import { testShortRuns } from './short-runs.ts';
import { rtcpTarget, rtpTarget } from './targets/media.ts';
import { stunTarget } from './targets/stun.ts';

testShortRuns([rtpTarget, rtcpTarget, stunTarget]);
