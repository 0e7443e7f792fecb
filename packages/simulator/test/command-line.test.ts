import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../src/command-line.ts';
import type { Simulate } from '../src/world-view.ts';
import { synthesise } from './synthetic-simulation.ts';

const folder = mkdtempSync(join(tmpdir(), 'casto-simulate-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(line: string, simulate: Simulate = synthesise) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = runCommandLine(line.split(' '), {
    simulate,
    stdout: { write: (text: string) => out.push(text) },
    stderr: { isTTY: true, write: (text: string) => err.push(text) },
    folder,
  });
  return { code, out: out.join(''), err: err.join('') };
}

/** Somebody is never fed. */
const starving: Simulate = (options) =>
  synthesise({
    ...options,
    observers: options.observers.map((observer) => ({
      ...observer,
      tick: (world) =>
        observer.tick?.(
          Object.create(world, {
            hungrySince: { value: (peer: number) => (peer === 20 ? 0 : world.hungrySince(peer)) },
          }) as typeof world,
        ),
    })),
  });

describe('one run', () => {
  test('prints goals, rules, figures and cost, and ends well', () => {
    const { code, out } = run('--viewers 300 --minutes 3');
    expect(out).toContain(
      'npm run simulate -- --viewers 300 --relays 2 --minutes 3 --seed 1 --scenario steady',
    );
    expect(out).toMatch(/^join, p50 +\d\.\d\d s +0\.40 s +(met|missed by \d+\u00a0%) +0\.57 s$/m);
    expect(out).toMatch(/^no loops +holds +0 transient, 0 through liars$/m);
    expect(out).toMatch(/^CPU \[s\] +\d+\.\d$/m);
    expect(out).toMatch(
      /^\d+\.\d s of CPU, [\d ]+ MB at most, [\d ]+ events, [\d ]+ events\/s, hash synthetic-\d+$/m,
    );
    expect(code).toBe(0);
  });

  test('with a broken rule prints seed, time, peer and rule, and ends with 1', () => {
    const { code, out } = run('--viewers 300 --minutes 3 --seed 9', starving);
    expect(code).toBe(1);
    expect(out).toMatch(/^\d+ violations with seed 9:$/m);
    expect(out).toMatch(/^ {2}0:\d\d \(\d+ ms\) peer 20, feeding: without media for \d+ ms/m);
    expect(out).toMatch(/^every viewer fed +broken \d+ times/m);
  });

  test('writes its figures and its page', () => {
    expect(run('--viewers 300 --minutes 3 --scenario exodus --json run.json --html run.html').code).toBe(0);
    const { version, groups } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as {
      version: number;
      groups: { label: string; runs: Record<string, unknown>[] }[];
    };
    expect([version, groups.length, groups[0]?.label]).toEqual([1, 1, 'exodus']);
    expect(groups[0]?.runs[0]).toMatchObject({
      request: { viewers: 300, seed: 1, scenario: 'exodus', tickMs: 1_000 },
      goals: [{ id: 'exodus-repair-p95', unit: 's', atMost: 0.8, prototype: 1.1 }],
      checks: { byRule: { loop: 0 } },
    });
    expect(readFileSync(join(folder, 'run.html'), 'utf8')).toContain('<h1>300 viewers, exodus</h1>');
  });

  test('that throws names what to type to see it again', () => {
    const err: string[] = [];
    const surroundings = {
      stdout: { write: () => {} },
      stderr: { write: (text: string) => err.push(text) },
      folder,
    };
    const failing: Simulate = () => {
      throw new RangeError('no such peer');
    };
    expect(() => runCommandLine(['--seed', '77'], { ...surroundings, simulate: failing })).toThrow(
      'no such peer',
    );
    expect(err.join('')).toContain('failed: npm run simulate --');
    expect(err.join('')).toContain('--seed 77');
  });
});

describe('several runs', () => {
  test('of one scenario tell mean and worst', () => {
    const { code, out, err } = run('--viewers 200 --minutes 3 --seeds 3 --html seeds.html');
    expect(code).toBe(0);
    expect(out).toMatch(/^join, p50 +0\.57 s +0\.40 s +\d\.\d\d s +\S.* +3$/m);
    expect(out).toMatch(/^join, p50 \[ms\] +\d+ \(\d+\)$/m);
    expect(err).toContain('seed 3  no rule broken');
    expect(readFileSync(join(folder, 'seeds.html'), 'utf8')).toContain('3 runs');
  });

  test('of the goal table are Markdown, and each goal is held against its own scenario', () => {
    const { out } = run('--goals --viewers 300 --minutes 3 --seeds 2');
    expect(out).toMatch(/^\| join, p50 +\| +0\.57 s \| +0\.40 s \|.* 2 \|$/m);
    expect(out).toMatch(/^\| ten times the viewers join in 10 s, p99 +\| +1\.35 s \| +1\.00 s \|/m);
    expect(out).toMatch(/^\| 30 % leave at once, repair p95 +\| +1\.10 s \| +0\.80 s \|/m);
    expect(out).toContain('relay-loss, 30 viewers');
  });

  test('of growing size give a table and curves', () => {
    const { out } = run('--growth --sizes 100,300 --minutes 3 --html growth.html');
    expect(out).toMatch(/^\| +\| 100 viewers \| 300 viewers \|$/m);
    expect(out).toMatch(/^\| CPU per event \[us\] +\|/m);
    const page = readFileSync(join(folder, 'growth.html'), 'utf8');
    expect(page).toContain('Control traffic per peer by number of viewers. 100 viewers: payload, mean');
  });

  test('without a mechanism may break rules, and only the whole system decides about the exit code', () => {
    const brokenWithout: Simulate = (options) =>
      (options.ablation === 'none' ? synthesise : starving)(options);
    const { code, out } = run('--ablations --viewers 100 --minutes 3', brokenWithout);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^\| +\| +none \| no-standby \| random-parents \| no-headless-relays \| no-preemption \|$/m,
    );
    expect(out).toMatch(/^\| rules broken +\| +0 \| +1 \|/m);
  });
});

describe('what is typed wrong', () => {
  test('gives one line and the exit code 2', () => {
    const { code, out, err } = run('--viewers many');
    expect([code, out]).toEqual([2, '']);
    expect(err).toBe(
      "simulate: --viewers is a whole number from 1 to 1000000, not 'many'; --help tells more\n",
    );
  });

  test('is told before the run when it is the name of a file', () => {
    const never: Simulate = () => {
      throw new Error('must not run');
    };
    expect(run('--json no/such/folder.json', never)).toMatchObject({ code: 2 });
    expect(run(`--html ${folder}`, never).err).toContain('--html cannot be written: it is a folder');
  });

  test('help goes to the output', () => {
    expect(run('--help')).toMatchObject({ code: 0, err: '' });
  });
});
