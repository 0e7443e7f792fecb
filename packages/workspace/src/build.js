/** `npm run build [target ...]`: makes everything anew, types too. */

import { build, TARGETS } from './build-targets.js';
import { ensureInstalled } from './installation.js';
import { runNpm } from './processes.js';
import { runTool, ToolFailure } from './tool-failure.js';

await runTool(async () => {
  const named = process.argv.slice(2);
  const unknown = named.find((name) => !TARGETS.has(name));
  if (unknown !== undefined)
    throw new ToolFailure(`no target ${unknown}; there are ${[...TARGETS.keys()].join(', ')}`);
  await ensureInstalled();
  await build(named.length > 0 ? named : [...TARGETS.keys()], { only: 'all' });
  return named.length > 0 ? 0 : runNpm(['run', '--silent', 'typecheck']);
});
