import { testShortRuns } from './short-runs.ts';
import { httpTarget } from './targets/http.ts';

testShortRuns([httpTarget]);
