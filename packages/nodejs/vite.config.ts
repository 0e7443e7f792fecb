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
    ssr: 'src/index.ts',
    target: 'node22',
    // dist/types belongs to the compiler.
    emptyOutDir: false,
    license: { fileName: 'licenses.md' },
    rolldownOptions: { output: { entryFileNames: 'index.js', chunkFileNames: 'chunks/[name]-[hash].js' } },
  },
});
