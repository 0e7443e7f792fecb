import { fileURLToPath } from 'node:url';

import { defaultClientConditions, defineConfig } from 'vite';

/**
 * Packages that reach the bundle in several versions, through @chainsafe/* and @libp2p/*. Two copies cost tens of
 * kilobytes, and an instance of one class is a stranger to the other.
 */
const ONE_COPY = ['multiformats', 'protons-runtime', 'uint8arraylist', 'uint8arrays'];

/** Its entry and its own folder. */
const PLAYER = /[/\\]packages[/\\]browser[/\\]src[/\\]player(?:\.ts$|[/\\])/;

const ABSENT_KEYS = fileURLToPath(new URL('src/absent-keys.ts', import.meta.url));

// vite reads its configuration from a default export.
export default defineConfig({
  resolve: {
    conditions: ['casto-source', ...defaultClientConditions],
    // @libp2p/webrtc brings @libp2p/noise, so the other build of the same code would be a second copy.
    // weald, libp2p's logger, is debug as an ES module; mediasoup-client asks for debug itself.
    alias: [
      { find: '@chainsafe/libp2p-noise', replacement: '@libp2p/noise' },
      { find: /^debug$/, replacement: fileURLToPath(import.meta.resolve('weald')) },
      // @libp2p/crypto knows keys that no peer of ours has, and brings 8 kB gzip for them.
      { find: '@noble/curves/secp256k1.js', replacement: ABSENT_KEYS },
      { find: /^\.\/(?:rsa|ecdsa)\/utils\.js$/, replacement: ABSENT_KEYS },
    ],
    dedupe: ONE_COPY,
  },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // dist/types belongs to the compiler; packages/workspace clears the rest.
    emptyOutDir: false,
    // Chunks are found relative to casto.js, which may come from another origin than the page.
    modulePreload: false,
    license: { fileName: 'licenses.md' },
    // For the size gate.
    manifest: true,
    // The player loads casto.js by itself, and lazily, so that neither holds a part of the other.
    lib: { entry: { casto: 'src/index.ts', 'casto-player': 'src/player.ts' }, formats: ['es'] },
    rolldownOptions: {
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: 'chunks/[name]-[hash].js',
        minify: true,
        // What every page loads is one chunk, whichever lazy parts share some of it: many small ones compress worse.
        // The player is loaded before, and without it.
        codeSplitting: {
          groups: [{ name: 'viewer', tags: ['$initial'], test: (id) => !PLAYER.test(id) }],
        },
      },
    },
  },
});
