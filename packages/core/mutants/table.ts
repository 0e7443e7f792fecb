/** What `npm run mutants` takes out of the code, rule by rule (PROTOCOL.md). */

import { attempts } from './attempts.ts';
import { capacity } from './capacity.ts';
import { control } from './control.ts';
import { directory } from './directory.ts';
import { faults } from './faults.ts';
import { joining } from './joining.ts';
import { links } from './links.ts';
import { media } from './media.ts';
import type { Mutant } from './mutant.ts';
import { posts } from './posts.ts';
import { promotion } from './promotion.ts';
import { repair } from './repair.ts';
import { standbys } from './standbys.ts';
import { survey } from './survey.ts';
import { wire } from './wire.ts';

export const MUTANTS: readonly Mutant[] = [
  ...wire,
  ...links,
  ...control,
  ...posts,
  ...survey,
  ...media,
  ...directory,
  ...joining,
  ...attempts,
  ...standbys,
  ...repair,
  ...promotion,
  ...capacity,
  ...faults,
];

/** Rules that no edit of the code takes away, and why. */
export const UNREMOVABLE: ReadonlyMap<string, string> = new Map([
  ['W4.4', 'the CBOR decoder copies by itself, and nothing here asks it to'],
]);
