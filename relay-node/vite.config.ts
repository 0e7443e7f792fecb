import { defaultServerConditions, defineConfig } from 'vite';

const conditions = ['casto-source', ...defaultServerConditions];

// vite reads its configuration from a default export.
export default defineConfig({
  // All in, so that `npx casto-relay` downloads one package instead of hundreds; only the native module stays out.
  ssr: { noExternal: true, external: ['node-datachannel'], resolve: { conditions } },
  resolve: { conditions },
  publicDir: false,
  build: {
    ssr: true,
    target: 'node22',
    // dist/types belongs to the compiler, dist/public holds what the relay serves.
    emptyOutDir: false,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // The worker is a program of its own, which the relay looks for one folder above its chunks.
      input: { cli: 'src/cli.ts', 'media-worker': '../packages/nodejs/src/processes/media-worker.ts' },
      output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
});
