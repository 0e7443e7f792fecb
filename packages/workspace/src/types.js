/** `npm run types`: checks the declarations of every published package. */

import { unresolvableTypes } from './public-types.js';
import { publishedPackages } from './published-packages.js';
import { runTool } from './tool-failure.js';

await runTool(async () => {
  const problems = publishedPackages()
    // A command shows no types.
    .filter(({ manifest }) => manifest['exports'] !== undefined)
    .flatMap(({ path, folder }) => unresolvableTypes(folder).map((problem) => `${path}: ${problem}`));
  for (const problem of problems) console.log(problem);
  return problems.length === 0 ? 0 : 1;
});
