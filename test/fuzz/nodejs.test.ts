import { testShortRuns } from './short-runs.ts';
import { rtcpTarget, rtpTarget } from './targets/media.ts';

testShortRuns([rtpTarget, rtcpTarget]);
