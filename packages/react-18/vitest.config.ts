import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

import { REACT_18 } from './aliases.ts';

// vitest reads its configuration from a default export.
export default defineConfig({
  root: fileURLToPath(new URL('../react/', import.meta.url)),
  resolve: { conditions: ['casto-source'], alias: REACT_18 },
  ssr: { resolve: { conditions: ['casto-source'] } },
  test: { name: 'casto-react-18', provide: { majorVersion: '18' } },
});
