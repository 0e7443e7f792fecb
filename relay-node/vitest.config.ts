import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

const conditions = ['casto-source', ...defaultServerConditions];

// vitest reads its configuration from a default export.
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
});
