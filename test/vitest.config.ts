import { defineConfig } from 'vitest/config';

/** Browsers and relays are slow to start and share few cores, so files run one after another. */
export const TEST_TIMEOUT_MS = 60_000;

// vitest reads its configuration from a default export.
export default defineConfig({
  resolve: { conditions: ['casto-source'] },
  ssr: { resolve: { conditions: ['casto-source'] } },
  test: {
    include: ['**/*.test.ts'],
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
    fileParallelism: false,
  },
});
