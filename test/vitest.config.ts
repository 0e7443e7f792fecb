import { configDefaults, defineConfig } from 'vitest/config';

/** Browsers and relays are slow to start. */
export const TEST_TIMEOUT_MS = 60_000;

/** Tests that wait more than they work, and count nothing that a busy machine changes: two files at a time. */
const LIGHT = [
  'broadcast/{bad-input,browsers,chat,listing,one-relay,recovery,two-relays}.test.ts',
  '{demo,examples,packs,player,soak}/**/*.test.ts',
  // Not its attacks, which count lost packets.
  'fuzz/{core,fuzzer,host,nodejs,relay-node}.test.ts',
  'whip/client-packages.test.ts',
  'relay/{dashboard,ice-servers,prometheus-files}.test.ts',
];
/** Commands of their own, because `npm test` has twenty minutes. */
const LONG = ['**/*.long.test.ts'];

/** What `--mode` chooses. Without one: all but the long ones, one after another. */
const FILES: Readonly<Record<string, { include: string[]; exclude: string[]; maxWorkers: number }>> = {
  light: { include: LIGHT, exclude: LONG, maxWorkers: 2 },
  heavy: { include: ['**/*.test.ts'], exclude: [...LIGHT, ...LONG], maxWorkers: 1 },
  long: { include: LONG, exclude: [], maxWorkers: 1 },
};
const ALL = { include: ['**/*.test.ts'], exclude: LONG, maxWorkers: 1 };

// vitest reads its configuration from a default export.
export default defineConfig(({ mode }) => {
  const { include, exclude, maxWorkers } = FILES[mode] ?? ALL;
  return {
    resolve: { conditions: ['casto-source'] },
    ssr: { resolve: { conditions: ['casto-source'] } },
    test: {
      include,
      exclude: [...configDefaults.exclude, ...exclude],
      testTimeout: TEST_TIMEOUT_MS,
      hookTimeout: TEST_TIMEOUT_MS,
      fileParallelism: maxWorkers > 1,
      maxWorkers,
    },
  };
});
