/**
 * Loaded into a relay before anything else. It collects the garbage now and then, so that what its metrics tell of the
 * heap is in use: with hundreds of megabytes to spare V8 leaves garbage of minutes lying about, which looks like growth.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Often beside the fifths of a soak that are compared, seldom beside what a collection takes. */
const COLLECT_MS = 20_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
setInterval(collect, COLLECT_MS).unref();
