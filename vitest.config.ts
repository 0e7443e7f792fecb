import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes a minute goes first: begun last, it would keep one core waiting for the other. */
const LONG = [
  'packages/simulator/test/chaos.test.ts',
  'packages/nodejs/test/processes/relay-processes.test.ts',
];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((name) => moduleId.endsWith(name));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

// vitest reads its configuration from a default export.
export default defineConfig({
  test: {
    // The end-to-end tests in test/ run by themselves, one file at a time: npm test -- e2e
    projects: ['packages/*', 'relay-node', 'demo', 'docs'],
    sequence: { sequencer: LongFirst },
  },
});
