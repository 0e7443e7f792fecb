/** Keep-alives, and what a child makes of hearing nothing (K2). */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FIRST_SILENCE_MS,
  KEEP_ALIVE_MS,
  SILENCE_FLOOR_MS,
  STANDBY_SILENCE_MS,
  STATE_MS,
} from '../src/config.ts';
import { createLinkControl, type LinkControl } from '../src/link-control.ts';
import { LinkWorld, someState, START, timeoutsUntil, type LinkWorldOptions } from './link-world.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** A child that heard its parent at these times, through media alone. */
function childThatHeard(times: readonly number[]): LinkControl {
  const control = createLinkControl('child');
  control.step(START, { type: 'opened' });
  for (const time of times) {
    expect(timeoutsUntil(control, time)).not.toContainEqual(silence);
    control.step(time, { type: 'heard-media' });
  }
  return control;
}

const silence: unknown = expect.objectContaining({ type: 'silent' });

/** When the child, with timers that are in time, reports silence. */
function silentAt(control: LinkControl): number {
  for (let timeouts = 0; timeouts < 1_000; timeouts++) {
    const due = control.deadline() ?? Infinity;
    if (control.step(due, { type: 'timeout' }).some(({ type }) => type === 'silent')) return due;
  }
  throw new Error('never silent');
}

describe('keep-alives', () => {
  test('[K2.1] a parent with nothing to send sends one every 40 ms', () => {
    const world = new LinkWorld({ latencyMs: 10 });
    world.open();
    world.advance(10_000);
    const from = START + 1_300;
    const times = world.timesSent('parent', 'keep-alive').filter((at) => at > from && at < from + 3_000);
    expect(times.length).toBeGreaterThan(70);
    times.slice(1).forEach((at, i) => expect(at - (times[i] ?? 0)).toBe(KEEP_ALIVE_MS));
  });

  test('[K2.1] a parent is never silent for more than 40 ms', () => {
    const world = new LinkWorld({ latencyMs: 25, jitterMs: 30, seed: 11 });
    world.open();
    world.advance(10_000);
    const times = world.parent.sent.map(({ at }) => at);
    times.slice(1).forEach((at, i) => expect(at - (times[i] ?? 0)).toBeLessThanOrEqual(KEEP_ALIVE_MS));
  });

  test('[K2.1] media and messages make them unnecessary', () => {
    const world = new LinkWorld();
    world.open();
    world.playMedia(KEEP_ALIVE_MS - 1, 5_000);
    world.advance(5_000);
    expect(world.timesSent('parent', 'keep-alive')).toEqual([]);
    world.advance(100);
    expect(world.timesSent('parent', 'keep-alive').length).toBeGreaterThan(0);
  });

  test('[K2.1] a child sends none', () => {
    const world = new LinkWorld();
    world.open();
    world.advance(5_000);
    expect(world.timesSent('child', 'keep-alive')).toEqual([]);
  });
});

describe('silence', () => {
  test('[K2.2] a child that hears nothing for 100 ms reports silence, once', () => {
    const world = new LinkWorld({ latencyMs: 30 });
    world.open();
    world.playMedia(20, 1_001);
    world.advance(1_000);
    world.isCut = true;
    world.advance(30);
    const lastHeard = world.now;
    world.advance(5_000);

    const reports = world.child.effects.filter(({ effect }) => effect.type === 'silent');
    expect(reports).toEqual([
      { at: lastHeard + SILENCE_FLOOR_MS, effect: { type: 'silent', silentMs: SILENCE_FLOOR_MS } },
    ]);
    expect(world.child.control.phase).toBe('silent');
  });

  test('[K2.2] messages are heard like media', () => {
    const world = new LinkWorld({ latencyMs: 30 });
    world.open();
    world.advance(20_000);
    expect(world.effectsOf('child')).not.toContainEqual(silence);
  });

  test.each(SEEDS)(
    '[K2.2] a link with a steady parent is never silent, whatever the latency (seed %i)',
    (seed) => {
      const world = new LinkWorld({ latencyMs: seed * 40, jitterMs: 40, seed });
      world.open(seed * 40);
      world.advance(20_000);
      expect(world.effectsOf('child'), `seed ${seed}`).not.toContainEqual(silence);
    },
  );

  test('[K2.2, K2.3] the limit is four times the jitter, where that is more than 100 ms', () => {
    const gaps = fc.array(fc.double({ min: 0, max: 99, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(gaps, ([first = 0, ...rest]) => {
        const times = rest.reduce(
          (all, gap) => [...all, (all.at(-1) ?? 0) + gap],
          [START + 10, START + 10 + first],
        );
        let mean = first;
        let jitter = 0;
        for (const gap of [first, ...rest]) {
          mean += (gap - mean) / 16;
          jitter += (Math.abs(gap - mean) - jitter) / 16;
        }
        const limit = Math.max(100, 4 * jitter);
        expect(silentAt(childThatHeard(times)) - (times.at(-1) ?? 0)).toBeCloseTo(limit, 2);
      }),
    );
  });

  test('[K2.3] a parent that sends in bursts is given more time', () => {
    const bursts = Array.from({ length: 200 }, (_, i) => START + 10 + Math.floor(i / 2) * 98 + (i % 2));
    const waitedMs = silentAt(childThatHeard(bursts)) - (bursts.at(-1) ?? 0);
    // Gaps of 1 and 97 ms deviate by 48 ms from their mean.
    expect(waitedMs).toBeGreaterThan(180);
    expect(waitedMs).toBeLessThan(200);
  });

  test('[K2.4] a parent that opens a round trip later is not silent', () => {
    const world = new LinkWorld({ latencyMs: 300 });
    world.open(300);
    world.advance(3_000);
    expect(world.effectsOf('child')).not.toContainEqual(silence);
  });

  test('[K2.4] a parent that is never heard is silent after 1000 ms', () => {
    expect(silentAt(childThatHeard([]))).toBe(START + 1_000);
  });

  test('[K2.4] once heard, the first second is like any other', () => {
    expect(silentAt(childThatHeard([START + 50]))).toBe(START + 150);
  });

  test('[K2.5] a child that stood still itself reads what has arrived before it judges', () => {
    const world = new LinkWorld({ latencyMs: 20 });
    world.open();
    world.advance(1_000);
    for (let i = 0; i < 5; i++) {
      world.child.stalledUntil = world.now + 700;
      world.advance(1_000);
    }
    expect(world.effectsOf('child')).not.toContainEqual(silence);
  });

  test('[K2.5] a silence that outlasts the doubt is reported', () => {
    const world = new LinkWorld({ latencyMs: 20 });
    world.open();
    world.advance(1_000);
    world.isCut = true;
    world.child.stalledUntil = world.now + 700;
    world.advance(700 + SILENCE_FLOOR_MS * 2);
    expect(world.effectsOf('child')).toContainEqual(silence);
  });

  test('[K2.5] timers that are always late do not hide a silence', () => {
    const world = new LinkWorld({ latencyMs: 20 });
    world.open();
    world.child.timersLateMs = 900;
    world.advance(10_000);
    expect(world.effectsOf('child')).not.toContainEqual(silence);
    world.isCut = true;
    world.advance(3_000);
    expect(world.effectsOf('child')).toContainEqual(silence);
  });

  test('[K2.6] a link that is heard again is revived', () => {
    const world = new LinkWorld({ latencyMs: 20 });
    world.open();
    world.advance(1_000);
    world.isCut = true;
    world.advance(2_000);
    const mended = world.now;
    world.isCut = false;
    world.advance(100);
    expect(world.effectsOf('child', mended).filter(({ type }) => type === 'revived')).toHaveLength(1);
    expect(world.child.control.phase).toBe('open');
  });

  test('[K2.6] the silent time does not make the child more patient', () => {
    const steady = Array.from({ length: 100 }, (_, i) => START + 10 + i * 20);
    const control = childThatHeard(steady);
    const silent = silentAt(control);
    expect(control.step(silent + 5_000, { type: 'heard-media' })).toEqual([{ type: 'revived' }]);
    expect(silentAt(control)).toBe(silent + 5_000 + SILENCE_FLOOR_MS);
  });

  test('[K2.6] a silent child wants a timer soon, so that its host looks for media', () => {
    const control = childThatHeard([START + 50]);
    const silent = silentAt(control);
    for (let i = 1; i < 20; i++) {
      const due = control.deadline() ?? Infinity;
      expect(due - silent).toBeLessThanOrEqual(i * SILENCE_FLOOR_MS);
      expect(control.step(due, { type: 'timeout' })).not.toContainEqual(silence);
    }
  });

  test('[K2.6] an arrival that is told late does not undo a later one', () => {
    const control = childThatHeard([START + 50, START + 70]);
    control.step(START + 60, { type: 'heard-media' });
    expect(silentAt(control)).toBe(START + 170);
  });

  test('[K2.7] a parent does not judge its child', () => {
    const world = new LinkWorld({ latencyMs: 20 });
    world.open();
    world.advance(1_000);
    world.isCut = true;
    world.advance(60_000);
    expect(world.effectsOf('parent')).not.toContainEqual(silence);
    expect(world.parent.control.phase).toBe('open');
  });
});

describe('a standby', () => {
  /** A link that is a standby from the start, on which both ends tell their states. */
  function standbyWorld(options: LinkWorldOptions = {}): LinkWorld {
    const world = new LinkWorld({ latencyMs: 30, ...options });
    for (const end of [world.parent, world.child]) {
      end.step({ type: 'advertise', state: someState() });
      end.step({ type: 'standby', isStandby: true });
    }
    world.open();
    world.advance(20_000);
    return world;
  }

  /** The child wants media at once, the parent gives it when it is told. */
  function activate(world: LinkWorld, parentLaterMs = 30): void {
    world.child.step({ type: 'standby', isStandby: false });
    world.schedule(parentLaterMs, () => world.parent.step({ type: 'standby', isStandby: false }));
  }

  test('[K2.9] hears no keep-alives, and is not silent for that', () => {
    const world = standbyWorld();
    world.advance(120_000);
    expect(world.timesSent('parent', 'keep-alive')).toEqual([]);
    expect(world.effectsOf('child')).not.toContainEqual(silence);
  });

  test('[K2.9] costs each end no more than a state every 5 s and a ping every 30 s', () => {
    const world = standbyWorld();
    const begin = world.now;
    world.advance(60_000);
    for (const { sent } of [world.parent, world.child]) {
      expect(sent.filter(({ at }) => at > begin).length).toBeLessThanOrEqual(12 + 2 + 2);
    }
  });

  test('[K2.9] is silent when two states were missed, and one second', () => {
    const world = standbyWorld();
    const lastHeard = Math.max(...world.timesSent('parent', 'state')) + 30;
    world.isCut = true;
    world.advance(lastHeard + STANDBY_SILENCE_MS - 1 - world.now);
    expect(world.effectsOf('child')).not.toContainEqual(silence);
    world.advance(1);
    expect(world.effectsOf('child')).toContainEqual({ type: 'silent', silentMs: STANDBY_SILENCE_MS });
    expect(STANDBY_SILENCE_MS).toBe(2 * STATE_MS + 1_000);
  });

  test('[K2.9] that was active until now is given the longer time at once', () => {
    const world = new LinkWorld({ latencyMs: 30 });
    world.parent.step({ type: 'advertise', state: someState() });
    world.open();
    world.playMedia(20, 1_001);
    world.advance(1_000);
    for (const end of [world.parent, world.child]) end.step({ type: 'standby', isStandby: true });
    world.advance(60_000);
    expect(world.effectsOf('child')).not.toContainEqual(silence);
  });

  test('[K2.9] does not make the child more patient when it is active again', () => {
    const control = childThatHeard(Array.from({ length: 100 }, (_, i) => START + 10 + i * 20));
    const paused = START + 2_000;
    control.step(paused, { type: 'standby', isStandby: true });
    for (let i = 1; i <= 20; i++) {
      timeoutsUntil(control, paused + i * STATE_MS);
      control.step(paused + i * STATE_MS, { type: 'heard-media' });
    }
    const resumed = paused + 21 * STATE_MS;
    control.step(resumed, { type: 'standby', isStandby: false });
    control.step(resumed + 50, { type: 'heard-media' });
    expect(silentAt(control)).toBe(resumed + 50 + SILENCE_FLOOR_MS);
  });

  test('[K2.10] that is activated and gives nothing is silent after 1000 ms', () => {
    const world = standbyWorld();
    const begin = world.now;
    world.isCut = true;
    activate(world);
    world.advance(5_000);
    expect(world.child.effects.filter(({ effect }) => effect.type === 'silent')).toEqual([
      { at: begin + FIRST_SILENCE_MS, effect: { type: 'silent', silentMs: FIRST_SILENCE_MS } },
    ]);
  });

  test('[K2.10] that is activated is judged like any link once its media come', () => {
    const world = standbyWorld();
    const begin = world.now;
    activate(world);
    world.schedule(30, () => world.playMedia(20, 501));
    world.advance(500);
    world.isCut = true;
    world.advance(200);
    expect(world.effectsOf('child', begin)).toContainEqual(silence);
  });

  test.each(SEEDS)('[K2.10] that is activated is not silent while its parent starts (seed %i)', (seed) => {
    const latencyMs = 40 * seed;
    // Just before the parent learns of it a state of the standby is sent, or has been.
    for (const beforeMs of [1, latencyMs, 2 * latencyMs - 1]) {
      const world = standbyWorld({ latencyMs, jitterMs: 20, seed });
      const nextState = Math.max(...world.timesSent('parent', 'state')) + STATE_MS;
      world.advance(nextState + latencyMs - beforeMs - world.now);
      const begin = world.now;
      activate(world, latencyMs);
      world.advance(3_000);
      expect(world.effectsOf('child', begin), `seed ${seed}, ${beforeMs} ms`).not.toContainEqual(silence);
      expect(world.timesSent('parent', 'keep-alive').length).toBeGreaterThan(0);
    }
  });

  test('[K2.10] that is silent when it is activated is revived by its media', () => {
    const world = standbyWorld();
    world.isCut = true;
    world.advance(20_000);
    expect(world.child.control.phase).toBe('silent');
    const begin = world.now;
    world.isCut = false;
    activate(world);
    world.advance(1_000);
    expect(world.effectsOf('child', begin).map(({ type }) => type)).toContain('revived');
    expect(world.child.control.phase).toBe('open');
  });

  test('[K2.10] that is activated twice counts from the first time', () => {
    const control = childThatHeard([START + 50]);
    control.step(START + 60, { type: 'standby', isStandby: false });
    expect(silentAt(control)).toBe(START + 150);
  });
});
