/**
 * React 18 in the place of 19, for the tests of `@casto/react`, which is for both. It is a workspace because npm keeps
 * a second version of React apart only for a package that asks for it by its own name.
 */

import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const here = createRequire(import.meta.url);

/** For `resolve.alias` of Vite. */
export const REACT_18: readonly { find: RegExp; replacement: string }[] = ['react', 'react-dom'].map(
  (name) => ({
    find: new RegExp(`^${name}(?=/|$)`),
    replacement: dirname(here.resolve(`${name}/package.json`)),
  }),
);
