/**
 * Makes property tests draw the same values each time, so that a mutant is killed always or never, and no smaller
 * counterexample is looked for.
 */

import * as fc from 'fast-check';

fc.configureGlobal({ seed: 1, endOnFailure: true });
