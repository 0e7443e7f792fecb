import { defineConfig } from 'vite';

/** Where `npm start` runs the relay; `vite` serves this page on a port of its own beside it. */
const RELAY = 'http://localhost:8080';

// vite reads its configuration from a default export.
export default defineConfig({
  // Relative addresses: a proxy may serve the relay below any path.
  base: './',
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: '../dist/dashboard',
    emptyOutDir: true,
    // The page is not allowed scripts that are not files.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/dashboard/state': RELAY, '/dashboard/tree': RELAY } },
});
