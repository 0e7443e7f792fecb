import { fileURLToPath } from 'node:url';

import { build } from 'vite';

let bundle: Promise<string> | null = null;

/** The in-page half of the harness (page/index.ts) as one classic script. Bundled once per process. */
export function bundleHarness(): Promise<string> {
  bundle ??= bundlePageHalf();
  return bundle;
}

async function bundlePageHalf(): Promise<string> {
  const entry = fileURLToPath(new URL('page/index.ts', import.meta.url));
  const result = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      lib: { entry, formats: ['iife'], name: 'castoHarnessBundle' },
      write: false,
      minify: false,
      target: 'es2022',
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  const code = outputs.flatMap((output) => (output.type === 'chunk' ? [output.code] : [])).join('\n');
  if (code === '') throw new Error('the in-page half of the harness gave no code');
  return code;
}
