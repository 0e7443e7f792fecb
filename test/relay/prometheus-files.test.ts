/** The files for Prometheus that come with the relay, shown to Prometheus' own tool. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { installedProgram, skipReason } from '../harness/system-program.ts';

const PROMTOOL = { title: 'promtool', commands: ['promtool'], variable: 'CASTO_PROMTOOL' };
const FOLDER = fileURLToPath(new URL('../../relay-node/deploy/prometheus/', import.meta.url));

const reason = skipReason(PROMTOOL);
describe.skipIf(reason !== null)(`promtool${reason === null ? '' : ` (${reason})`}`, () => {
  test.each([
    ['accepts the configuration', ['check', 'config', 'prometheus.yml']],
    ['accepts the alerts', ['check', 'rules', 'casto-alerts.yml']],
    ['sees each alert come when it should', ['test', 'rules', 'casto-alerts.test.yml']],
  ])('%s', (_, args) => {
    const { status, stdout, stderr } = spawnSync(installedProgram(PROMTOOL), args, {
      cwd: FOLDER,
      encoding: 'utf8',
    });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toContain('SUCCESS');
  });
});
