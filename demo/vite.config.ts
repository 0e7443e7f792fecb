import { defaultClientConditions, defineConfig } from 'vite';

import { withDocumentationLink } from './src/home/documentation-link.ts';

/** Where `npm start` runs the relay; `vite` serves this page on a port of its own beside it. */
const RELAY = 'http://localhost:8080';

// vite reads its configuration from a default export.
export default defineConfig(({ command }) => ({
  // Relative addresses: the relay may serve the page below any path.
  base: './',
  // The server shows edits of the SDK at once; the built page carries the SDK's bundle, as published.
  resolve: {
    conditions: command === 'serve' ? ['casto-source', ...defaultClientConditions] : defaultClientConditions,
  },
  worker: { format: 'es' },
  plugins: [
    {
      name: 'documentation-link',
      transformIndexHtml: (html) => withDocumentationLink(html, process.env['CASTO_DOCS_URL'] ?? ''),
    },
  ],
  build: {
    target: 'es2022',
    // The SDK has a size gate of its own, so vite need not warn of it (in kB).
    chunkSizeWarningLimit: 1_000,
    // For the size gate of the first load.
    manifest: true,
    rolldownOptions: { input: ['index.html', 'embed.html'] },
  },
  server: { proxy: { '/.well-known': RELAY, '/casto.js': RELAY, '/chunks': RELAY, '/dashboard': RELAY } },
}));
