import { describe, expect, test } from 'vitest';
import { HELP, parseCli, UsageError, type CliOptions } from '../src/cli-options.ts';
import { planRuns } from '../src/plan.ts';

function parse(line: string): CliOptions {
  const options = parseCli(line.split(' ').filter((word) => word !== ''));
  if (options === 'help') throw new Error('help was asked for');
  return options;
}

function plan(line: string): string[] {
  return planRuns(parse(line)).map(
    ({ label, requests }) =>
      `${label}: ${requests
        .map(
          ({ viewers, relays, minutes, seed, scenario, ablation }) =>
            `${viewers}/${relays} ${minutes} min ${scenario} ${ablation} #${seed}`,
        )
        .join('; ')}`,
  );
}

describe('the command line', () => {
  test('is understood', () => {
    expect(
      parse(
        '--viewers 100000 --relays 100 --minutes 10 --seed 7 --scenario flash --ablation no-standby --seeds 5',
      ),
    ).toEqual({
      mode: 'run',
      viewers: 100_000,
      relays: 100,
      minutes: 10,
      seed: 7,
      seeds: 5,
      scenario: 'flash',
      ablation: 'no-standby',
      sizes: null,
      tickMs: 1_000,
      json: null,
      html: null,
    });
    expect(parse('--growth --sizes 1000,300 --json a.json').sizes).toEqual([300, 1_000]);
    expect(parseCli(['--viewers', 'x', '--help'])).toBe('help');
    expect(parseCli(['-h'])).toBe('help');
  });

  test.each([
    ['--viewers 0', "--viewers is a whole number from 1 to 1000000, not '0'"],
    ['--viewers 1e3', "--viewers is a whole number from 1 to 1000000, not '1e3'"],
    ['--viewers 2000000', "--viewers is a whole number from 1 to 1000000, not '2000000'"],
    ['--viewers=', "--viewers is a whole number from 1 to 1000000, not ''"],
    ['--minutes 2', "--minutes is a number from 3 to 1440, not '2'"],
    ['--minutes ten', "--minutes is a number from 3 to 1440, not 'ten'"],
    ['--seed -1', "Option '--seed' argument is ambiguous"],
    ['--seed=-1', "--seed is a whole number from 0 to 4294967296, not '-1'"],
    [
      '--scenario storm',
      "--scenario is one of steady, flash, exodus, partition, liars, relay-loss, streamer-restart, chaos, not 'storm'",
    ],
    [
      '--ablation all',
      "--ablation is one of none, no-standby, random-parents, no-headless-relays, no-preemption, not 'all'",
    ],
    ['--wievers 5', "Unknown option '--wievers'"],
    ['--viewers', "Option '--viewers <value>' argument missing"],
    ['5000', "Unexpected argument '5000'"],
    ['--goals --growth', '--goals and --growth exclude each other'],
    ['--sizes 100', '--sizes goes with --growth'],
    ['--growth --sizes 10,,20', "--sizes is a whole number from 1 to 1000000, not ''"],
    ['--growth --sizes 1,2,3,4,5,6,7,8,9,10,11', '--sizes takes at most 10 numbers'],
    ['--growth --viewers 10', '--growth takes --sizes instead of --viewers'],
    ['--goals --scenario flash', '--goals chooses the scenario itself'],
    ['--ablations --ablation none', '--ablation does not go with --ablations'],
  ])('%s is refused, and says why', (line, message) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(message);
  });

  test('has a help that names every option', () => {
    for (const option of 'viewers relays minutes seed seeds scenario ablation sizes tick-ms json html goals growth ablations'.split(
      ' ',
    ))
      expect(HELP).toContain(`--${option} `);
  });
});

describe('the plan', () => {
  test('of one run, and of several seeds', () => {
    expect(plan('')).toEqual(['steady: 10000/10 5 min steady none #1']);
    expect(plan('--viewers 300 --seed 4 --seeds 2 --scenario liars')).toEqual([
      'liars: 300/2 5 min liars none #4; 300/2 5 min liars none #5',
    ]);
  });

  test('of the goal table, at any size', () => {
    expect(planRuns(parse('--goals')).map(({ label, requests }) => `${label} x${requests.length}`)).toEqual([
      'steady, 100 000 viewers x5',
      'flash, 11 000 viewers x5',
      'exodus, 100 000 viewers x5',
      'partition, 10 000 viewers x5',
      'liars, 10 000 viewers x5',
      'relay-loss, 10 000 viewers x5',
    ]);
    expect(plan('--goals --viewers 1000 --seeds 1 --minutes 3')).toEqual([
      'steady, 1 000 viewers: 1000/2 3 min steady none #1',
      'flash, 110 viewers: 110/2 3 min flash none #1',
      'exodus, 1 000 viewers: 1000/2 3 min exodus none #1',
      'partition, 100 viewers: 100/2 3 min partition none #1',
      'liars, 100 viewers: 100/2 3 min liars none #1',
      'relay-loss, 100 viewers: 100/2 3 min relay-loss none #1',
    ]);
  });

  test('of growth goes from small to large, with relays in step', () => {
    expect(plan('--growth --sizes 300000,1000')).toEqual([
      '1 000 viewers: 1000/2 5 min steady none #1',
      '300 000 viewers: 300000/300 5 min steady none #1',
    ]);
  });

  test('of ablations leaves out one mechanism at a time', () => {
    expect(plan('--ablations --viewers 5000 --scenario exodus --minutes 4')).toEqual(
      ['none', 'no-standby', 'random-parents', 'no-headless-relays', 'no-preemption'].map(
        (ablation) => `${ablation}: 5000/5 4 min exodus ${ablation} #1`,
      ),
    );
  });
});
