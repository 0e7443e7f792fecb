/** `npm run types`: checks the declarations of every published package. */

import { inRoot } from './paths.js';
import { unresolvableTypes } from './public-types.js';
import { runTool } from './tool-failure.js';

const PUBLISHED = ['packages/browser', 'packages/react', 'packages/nodejs'];

await runTool(async () => {
  const problems = PUBLISHED.flatMap((folder) =>
    unresolvableTypes(inRoot(folder)).map((problem) => `${folder}: ${problem}`),
  );
  for (const problem of problems) console.log(problem);
  return problems.length === 0 ? 0 : 1;
});
