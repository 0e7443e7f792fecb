import { defineConfig } from 'vite';

// vite reads its configuration from a default export.
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    // dist/types belongs to the compiler; packages/workspace clears the rest.
    emptyOutDir: false,
    license: { fileName: 'licenses.md' },
    lib: { entry: 'src/index.ts', formats: ['es'], fileName: 'index' },
    rolldownOptions: {
      external: [/^react(?:$|\/)/, /^casto(?:$|\/)/],
      // Servers that render components leave these to the browser.
      output: { entryFileNames: 'index.js', banner: "'use client';" },
    },
  },
});
