/** Runs the real command as a process, around a fake relay steered by FAKE_RELAY in the environment. */
import { exitCodes, main } from '../src/main.ts';
import { guardProcess } from '../src/process-guard.ts';
import type { Advice } from '../src/self-test.ts';
import { FakeRelay } from './fake-relay.ts';

interface Steering {
  publicDir?: string;
  drainMs?: number;
  failure?: { name: string; message: string };
  /** Thrown where nobody catches it, some time after the start. */
  stray?: { message: string; syscall?: string };
  /** What the self-test finds. */
  advice?: Advice[];
  /** Never ready. */
  hangs?: boolean;
}

const steering = JSON.parse(process.env['FAKE_RELAY'] ?? '{}') as Steering;

guardProcess(process, exitCodes.failed);
process.exit(
  await main({
    argv: process.argv.slice(2),
    env: process.env,
    version: '1.2.3',
    publicDir: steering.publicDir ?? '/nonexistent',
    debug: false,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
    selfTest: async () => steering.advice ?? [],
    createRelay: async (options) => {
      options.log?.('info', 'relay-started', { title: 'evil \u001b[31m title' });
      options.log?.('debug', 'detail', {});
      const { failure, stray } = steering;
      if (failure !== undefined) throw Object.assign(new Error(failure.message), { name: failure.name });
      if (stray !== undefined) {
        void Promise.reject(new Error('a stray rejection'));
        setTimeout(() => {
          throw Object.assign(new Error(stray.message), stray);
        }, 300);
      }
      if (steering.hangs === true) await new Promise(() => {});
      return new FakeRelay(options, { drainMs: steering.drainMs ?? 0 });
    },
  }),
);
