import { defaultClientConditions, defineConfig } from 'vite';

/** Where `npm start` runs the relay; `vite` serves this page on a port of its own beside it. */
const RELAY = 'http://localhost:8080';

// vite reads its configuration from a default export.
export default defineConfig({
  // Relative addresses: the relay may serve the page below any path.
  base: './',
  resolve: {
    conditions: ['casto-source', ...defaultClientConditions],
    // The page contains the SDK's sources, so the same packages need to be there once (packages/browser/vite.config.ts).
    alias: [{ find: '@chainsafe/libp2p-noise', replacement: '@libp2p/noise' }],
    dedupe: ['multiformats', 'protons-runtime', 'uint8arraylist', 'uint8arrays'],
  },
  worker: { format: 'es' },
  build: { target: 'es2022' },
  server: { proxy: { '/.well-known': RELAY, '/casto.js': RELAY, '/chunks': RELAY } },
});
