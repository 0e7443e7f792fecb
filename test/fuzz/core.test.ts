import { testShortRuns } from './short-runs.ts';
import { controlTarget } from './targets/control.ts';
import { trailerTarget } from './targets/trailer.ts';

testShortRuns([controlTarget, trailerTarget]);
