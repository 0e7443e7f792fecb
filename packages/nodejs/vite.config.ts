import { readFileSync } from 'node:fs';

import { defaultServerConditions, defineConfig } from 'vite';

const conditions = ['casto-source', ...defaultServerConditions];

/** What npm installs beside the package stays out; the private workspaces and what only they need goes in. */
function declaredDependencies(): string[] {
  const manifest: unknown = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
  const isManifest = typeof manifest === 'object' && manifest !== null && 'dependencies' in manifest;
  return isManifest ? Object.keys(manifest.dependencies ?? {}) : [];
}

// vite reads its configuration from a default export.
export default defineConfig({
  ssr: { noExternal: true, external: declaredDependencies(), resolve: { conditions } },
  resolve: { conditions },
  publicDir: false,
  build: {
    ssr: true,
    target: 'node22',
    // dist/types belongs to the compiler.
    emptyOutDir: false,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // The worker is a program of its own, beside the library or one folder above its chunks (worker-entry.ts).
      input: { index: 'src/index.ts', 'media-worker': 'src/processes/media-worker.ts' },
      output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
});
