import { defaultServerConditions, defineConfig } from 'vite';

const conditions = ['casto-source', ...defaultServerConditions];

// vite reads its configuration from a default export.
export default defineConfig({
  // All in but the native module: @libp2p/webrtc asks for React Native, which npm would install with the package.
  ssr: { noExternal: true, external: ['node-datachannel'], resolve: { conditions } },
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
