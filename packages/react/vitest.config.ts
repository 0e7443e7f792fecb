import { defineConfig } from 'vitest/config';

// vitest reads its configuration from a default export; without one it would take the build's.
export default defineConfig({
  resolve: { conditions: ['casto-source'] },
  ssr: { resolve: { conditions: ['casto-source'] } },
  test: { provide: { majorVersion: '19' } },
});
