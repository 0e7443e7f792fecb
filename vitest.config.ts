import { defineConfig } from 'vitest/config';

// vitest reads its configuration from a default export.
export default defineConfig({
  test: {
    // The end-to-end tests in test/ run by themselves, one file at a time: npm test -- e2e
    projects: ['packages/*', 'relay-node', 'demo', 'docs'],
  },
});
