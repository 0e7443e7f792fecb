#!/usr/bin/env node
/** The bin entry: hands the process to `main`. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { debuglog } from 'node:util';

/** libp2p needs Promise.withResolvers. */
const leastNodeVersion = 22;

if (Number(process.versions.node.split('.')[0]) < leastNodeVersion) {
  process.stderr.write(`casto-relay: needs Node ${leastNodeVersion} or later, this is ${process.version}\n`);
  process.exit(2);
}

// Loaded after the check: an older Node would fail in the middle of a dependency.
const { exitCodes, main } = await import('./main.ts');
const { guardProcess } = await import('./process-guard.ts');
const { selfTest } = await import('./self-test.ts');

// Both `src/cli.ts` and `dist/cli.js` lie one below the package.
const packageDir = dirname(import.meta.dirname);

guardProcess(process, exitCodes.failed);
process.exit(
  await main({
    argv: process.argv.slice(2),
    env: process.env,
    version: readVersion(join(packageDir, 'package.json')),
    publicDir: join(packageDir, 'dist', 'public'),
    debug: debuglog('casto-relay').enabled,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
    selfTest,
    createRelay: async (options) => (await import('@casto/nodejs')).createRelay(options),
  }),
);

function readVersion(packageFile: string): string {
  const content: unknown = JSON.parse(readFileSync(packageFile, 'utf8'));
  const isPackage = typeof content === 'object' && content !== null && 'version' in content;
  return isPackage ? String(content.version) : 'unknown';
}
