/** `npm run pack`: the tarballs of all published packages, in `packed/`. */

import { mkdirSync, rmSync } from 'node:fs';
import { relative } from 'node:path';

import { pack } from './packing.js';
import { inRoot, ROOT } from './paths.js';
import { publishedPackages } from './published-packages.js';
import { runTool } from './tool-failure.js';

const DESTINATION = inRoot('packed');

await runTool(async () => {
  rmSync(DESTINATION, { recursive: true, force: true });
  mkdirSync(DESTINATION);
  for (const workspace of publishedPackages()) {
    console.log(relative(ROOT, await pack(workspace, DESTINATION)));
  }
  return 0;
});
