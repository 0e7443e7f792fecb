/** What the ends of a link tell of themselves, and the wish for key frames (K4.1, K4.2, K5). */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KEY_FRAME_REQUEST_MS, STATE_MS } from '../src/config.ts';
import type { LinkState } from '../src/control-messages.ts';
import { createLinkControl, type LinkControl } from '../src/link-control.ts';
import { LinkWorld, someState, START, type Role } from './link-world.ts';

/** An open machine that has sent `someState()`. */
function advertised(role: Role): LinkControl {
  const control = createLinkControl(role);
  control.step(START, { type: 'advertise', state: someState() });
  control.step(START, { type: 'opened' });
  return control;
}

describe.each<Role>(['parent', 'child'])('the state of a %s', (role) => {
  const other = role === 'parent' ? 'child' : 'parent';

  test('[K4.1] reaches the other end when the channel opens', () => {
    const world = new LinkWorld({ latencyMs: 10 });
    world[role].step({ type: 'advertise', state: someState() });
    world.open();
    world.advance(10);
    expect(world.effectsOf(other)).toContainEqual({ type: 'state', state: someState() });
  });

  test.each<[string, Partial<LinkState>]>([
    ['depth', { depth: null }],
    ['path', { path: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 1]) }],
    ['a longer path', { path: new Uint8Array(12) }],
    ['a shorter path', { path: new Uint8Array(4) }],
    ['free slots', { freeSlots: 4 }],
    ['slots below', { subtreeSlots: 11 }],
    ['viewers', { viewers: 5 }],
    ['epoch', { epoch: 1 }],
    ['a known clock', { clockOffsetMs: null }],
    ['flowing media', { flowing: false }],
    ['delay', { delayMs: 70 }],
    ['a known delay', { delayMs: null }],
    ['slots', { slots: 6 }],
    ['layers', { layers: 0b011 }],
    ['the share received', { received: 998 }],
  ])('[K4.1] is sent when it is news, and only then: %s', (_, change) => {
    const control = advertised(role);
    for (const state of [someState(change), someState(), someState(change)]) {
      const sent = [{ type: 'send', message: { type: 'state', ...state } }];
      expect(control.step(START + 1, { type: 'advertise', state })).toEqual(sent);
      expect(control.step(START + 2, { type: 'advertise', state: { ...state } })).toEqual([]);
    }
  });

  test('[K4.1] is repeated 5 s after it was last sent', () => {
    const world = new LinkWorld({ latencyMs: 10 });
    world[role].step({ type: 'advertise', state: someState() });
    world.open();
    world.schedule(1_500, () => world[role].step({ type: 'advertise', state: someState({ viewers: 8 }) }));
    world.advance(17_000);
    const times = world.timesSent(role, 'state').map((at) => at - START);
    expect(times).toEqual([0, 1_500, 1_500 + STATE_MS, 1_500 + 2 * STATE_MS, 1_500 + 3 * STATE_MS]);
  });

  test('[K4.1] is repeated with its newest values', () => {
    const control = advertised(role);
    const state = someState({ clockOffsetMs: 24 });
    expect(control.step(START + 100, { type: 'advertise', state })).toEqual([]);
    // It has grown older meanwhile, which is no news that anybody has to tell it.
    const ageS = state.ageS + Math.floor((STATE_MS - 100) / 1000);
    expect(control.step(START + STATE_MS, { type: 'timeout' })).toContainEqual({
      type: 'send',
      message: { type: 'state', ...state, ageS },
    });
  });

  test('[K4.2] is not sent for a clock that creeps by less than 5 ms', () => {
    const control = advertised(role);
    for (const clockOffsetMs of [20.3, 24.9, 15.1, 20]) {
      expect(control.step(START + 1, { type: 'advertise', state: someState({ clockOffsetMs }) })).toEqual([]);
    }
  });

  test('[K4.2] is not sent for a delay that wanders by less than 10 ms, nor for the age', () => {
    const control = advertised(role);
    [51, 69, 60].forEach((delayMs, i) => {
      const state = someState({ delayMs, ageS: 91 + i });
      expect(control.step(START + 1, { type: 'advertise', state })).toEqual([]);
    });
  });

  test('[K4.2] is sent when the delay has wandered by 10 ms since it was last sent', () => {
    const control = advertised(role);
    control.step(START + 1, { type: 'advertise', state: someState({ delayMs: 55 }) });
    const state = someState({ delayMs: 50, ageS: 100 });
    expect(control.step(START + 2, { type: 'advertise', state })).toEqual([
      { type: 'send', message: { type: 'state', ...state } },
    ]);
  });

  test('[K4.2] is sent when the clock has crept by 5 ms since it was last sent', () => {
    const control = advertised(role);
    control.step(START + 1, { type: 'advertise', state: someState({ clockOffsetMs: 23 }) });
    const state = someState({ clockOffsetMs: 25 });
    expect(control.step(START + 2, { type: 'advertise', state })).toEqual([
      { type: 'send', message: { type: 'state', ...state } },
    ]);
  });
});

describe('key frames', () => {
  /** When requests for a layer left, if it was wanted at these times. */
  function requests(wishes: readonly { at: number; layer: number }[]): { at: number; layer: number }[] {
    const world = new LinkWorld({ latencyMs: 10 });
    world.open();
    world.advance(1);
    const begin = world.now;
    for (const { at, layer } of wishes) {
      world.schedule(at, () => world.child.step({ type: 'want-key-frame', layer }));
    }
    world.advance(4_000);
    return world.child.sent.flatMap(({ at, message }) =>
      message.type === 'need-key-frame' ? [{ at: at - begin, layer: message.layer }] : [],
    );
  }

  test('[K5.1] are asked for at once', () => {
    expect(requests([{ at: 5, layer: 1 }])).toEqual([{ at: 5, layer: 1 }]);
  });

  test('[K5.1] reach the parent as a wish', () => {
    const world = new LinkWorld({ latencyMs: 10 });
    world.open();
    world.child.step({ type: 'want-key-frame', layer: 2 });
    world.advance(10);
    expect(world.effectsOf('parent')).toContainEqual({ type: 'key-frame-wanted', layer: 2 });
  });

  test('[K5.2] the last wish of a burst is sent when its 200 ms are over', () => {
    const burst = Array.from({ length: 20 }, (_, i) => ({ at: i * 10, layer: 0 }));
    expect(requests(burst)).toEqual([
      { at: 0, layer: 0 },
      { at: 200, layer: 0 },
    ]);
  });

  test('[K5.2] a wish for one layer does not displace that for another', () => {
    expect(
      requests([
        { at: 0, layer: 0 },
        { at: 10, layer: 1 },
        { at: 20, layer: 0 },
        { at: 30, layer: 1 },
        { at: 40, layer: 2 },
      ]),
    ).toEqual([
      { at: 0, layer: 0 },
      { at: 10, layer: 1 },
      { at: 40, layer: 2 },
      { at: 200, layer: 0 },
      { at: 210, layer: 1 },
    ]);
  });

  test('[K5.1, K5.2] leave at most every 200 ms per layer, and never later than that after a wish', () => {
    const wishes = fc.array(fc.record({ at: fc.nat({ max: 3_000 }), layer: fc.nat({ max: 2 }) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(wishes, (wanted) => {
        const sent = requests(wanted);
        for (const layer of [0, 1, 2]) {
          const times = sent.filter((request) => request.layer === layer).map(({ at }) => at);
          times
            .slice(1)
            .forEach((at, i) => expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(KEY_FRAME_REQUEST_MS));
          for (const wish of wanted.filter((entry) => entry.layer === layer)) {
            const answered = times.some((at) => at >= wish.at && at <= wish.at + KEY_FRAME_REQUEST_MS);
            expect(answered).toBe(true);
          }
        }
      }),
    );
  });
});
