/** PROTOCOL.md, P: those who pass the stream on are moved towards the streamer. */

import { describe, expect, test } from 'vitest';
import { childStrength } from '../src/tree/scores.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import type { TreeEffect, TreeJoin } from '../src/tree/tree-io.ts';
import type { LinkState } from '../src/control-messages.ts';
import {
  about,
  candidate,
  id,
  joins,
  LonePeer,
  loneStreamer,
  messages,
  numberOf,
  pathOf,
  roomyStreamer,
  sent,
  uplinkFor,
  word,
  type LoneSetup,
} from './lone-peer.ts';
import { TreeWorld } from './tree-world.ts';

const { attestMs, upkeepMs, invitationMs, maxInvitations, reserveDepth, promotionGain } = TREE_DEFAULTS;

/** With a parent 2 and room for children. */
function parent(setup: LoneSetup = {}): LonePeer {
  const peer = new LonePeer(setup);
  peer.tell({ type: 'uplink', bps: 1e9 });
  return peer.attach(2);
}

function recommended(effects: readonly TreeEffect[]): PropertyKey[] {
  return messages('recommend', effects).map(({ message }) => message.peer.peerId);
}

/** A full streamer with weak children, and a child 2 that recommends. */
function fullStreamer(slots = 3, setup: LoneSetup = {}): LonePeer {
  const streamer = roomyStreamer(slots, setup).child(2, { slots: 2, ageS: 600 });
  for (let i = 1; i < slots; i++) streamer.child(2 + i, { slots: i === 1 ? 2 : 3, ageS: 0 });
  return streamer;
}

function recommend(
  streamer: LonePeer,
  number: number,
  { slots = 4, ageS = 600 }: { slots?: number; ageS?: number } = {},
): number[] {
  const effects = streamer.gets(2, { type: 'recommend', peer: candidate(number), slots, ageS });
  return messages('invite', effects).map(({ message }) => {
    expect(message.peerId).toBe(id(number));
    return number;
  });
}

describe('a recommendation', () => {
  test('[P1.1] names the strongest child to the own parent', () => {
    const peer = parent()
      .child(5, { slots: 2, ageS: 600 })
      .child(6, { slots: 4, ageS: 600 })
      .child(7, { slots: 4 });
    const told = messages('recommend', peer.advance(attestMs + 1.5 * upkeepMs));
    expect(told[0]).toEqual({
      to: 2,
      message: { type: 'recommend', peer: candidate(6), slots: 4, ageS: 600 },
    });
  });

  const unproven: Record<string, (peer: LonePeer) => unknown> = {
    'has one slot': (peer) => peer.child(5, { slots: 1, ageS: 600 }),
    'gets too little': (peer) => peer.child(6).child(7).child(5, { slots: 4 }, { received: 949 }),
    'is a standby': (peer) => peer.child(5, { slots: 4, standby: true }),
    'is a headless relay': (peer) => peer.child(5, { slots: 4, kind: 'headless' }),
  };
  test.each(Object.entries(unproven))('[P1.1] names no child that %s', (_, arrives) => {
    const peer = parent();
    arrives(peer);
    expect(recommended(peer.advance(3 * upkeepMs))).toEqual([]);
  });

  test('[P1.1] names nobody before it was served for a while', () => {
    const peer = parent({ tuning: { upkeepMs: 500 } });
    peer.advance(2_000);
    peer.child(5, { slots: 4 }, { received: 950 });
    expect(recommended(peer.advance(attestMs - 1))).toEqual([]);
    expect(recommended(peer.advance(5_000))).not.toEqual([]);
  });
});

describe('strength', () => {
  test('[P2.1] is slots times one more than the doublings of the age', () => {
    const of = (slots: number, ageS: number) => childStrength({ kind: 'browser', slots, ageS });
    expect(of(3, 0)).toBe(3);
    expect(of(3, 30)).toBe(6);
    expect(of(3, 90)).toBe(9);
    expect(of(0, 1_000)).toBe(0);
    expect(of(3, 1_800)).toBe(of(3, 100_000));
  });

  test('[P2.1] of a headless relay is greater than that of any page, whatever that claims', () => {
    const relay = childStrength({ kind: 'headless', slots: 1, ageS: 0 });
    expect(childStrength({ kind: 'browser', slots: 0xffff, ageS: 0xffffffff })).toBeLessThan(relay);
    expect(childStrength({ kind: 'headless', slots: 0, ageS: 100 })).toBe(0);
  });
});

describe('an invitation', () => {
  test('[P3.1] is given where there is a free slot', () => {
    const streamer = loneStreamer(3).child(2, { slots: 2 }).child(3, { slots: 4, ageS: 600 });
    expect(recommend(streamer, 9, { slots: 2, ageS: 0 })).toEqual([9]);
  });

  test('[P3.1] is given to a peer that is stronger by a factor than the weakest child', () => {
    const weakest = childStrength({ kind: 'browser', slots: 2, ageS: 0 });
    const slots = Math.ceil(promotionGain * weakest);
    expect(recommend(fullStreamer(), 9, { slots: slots - 1, ageS: 0 })).toEqual([]);
    expect(recommend(fullStreamer(), 9, { slots, ageS: 0 })).toEqual([9]);
  });

  test('[P3.1] counts those children as weakest that will not have to go', () => {
    const streamer = fullStreamer();
    streamer.asked(7, { kind: 'headless', slots: 9 });
    const second = childStrength({ kind: 'browser', slots: 3, ageS: 0 });
    expect(recommend(streamer, 9, { slots: Math.ceil(promotionGain * second) - 1, ageS: 0 })).toEqual([]);
  });

  test('[P3.1] is not given to a peer with one slot, to itself, to a neighbour, or to a banned one', () => {
    const streamer = fullStreamer();
    for (let i = 0; i < 10; i++) streamer.asked(9);
    expect(streamer.banned).toEqual({ 9: 'flood' });
    expect([0, 3, 9].flatMap((number) => recommend(streamer, number))).toEqual([]);
    expect(recommend(streamer, 8, { slots: 1, ageS: 1_800 })).toEqual([]);
    const below = parent().child(5, { slots: 2 });
    expect(
      messages('invite', below.gets(5, { type: 'recommend', peer: candidate(2), slots: 9, ageS: 9 })),
    ).toEqual([]);
  });

  test('[P3.1] is not given by a peer that gets nothing, or has no slots', () => {
    const peer = parent().child(5, { slots: 2 });
    const word = { type: 'recommend', peer: candidate(9), slots: 9, ageS: 9 } as const;
    expect(sent('invite', peer.gets(5, word))).toEqual([5]);
    peer.silent(2);
    expect(sent('invite', peer.gets(5, { ...word, peer: candidate(8) }))).toEqual([]);
    const full = parent().child(5, { slots: 2 });
    full.tell({ type: 'network', network: 'mobile' });
    expect(sent('invite', full.gets(5, word))).toEqual([]);
  });

  test('[P3.2] gives a place beyond the slots', () => {
    const streamer = fullStreamer();
    recommend(streamer, 9);
    expect(about('accept', streamer.asked(8, { slots: 4 }))).toEqual([]);
    expect(about('accept', streamer.asked(9, { slots: 4 }))).toEqual([9]);
    streamer.linked(9);
    expect(sent('redirect', streamer.advance(TREE_DEFAULTS.shedMs))).toHaveLength(1);
  });

  test('[P3.2] holds for a while', () => {
    const streamer = fullStreamer();
    recommend(streamer, 9);
    streamer.advance(invitationMs + 1);
    expect(about('accept', streamer.asked(9, { slots: 4 }))).toEqual([]);
  });

  test('[P3.2] is open to two at a time', () => {
    const streamer = fullStreamer(6);
    const invited = [11, 12, 13].flatMap((number) => recommend(streamer, number));
    expect(invited).toHaveLength(maxInvitations);
    streamer.advance(invitationMs + 1);
    expect(recommend(streamer, 13)).toEqual([13]);
  });

  test('[P4.1] goes to the one who recommended, who sends its child to the inviting parent', () => {
    const streamer = fullStreamer();
    const asked = streamer.gets(2, { type: 'recommend', peer: candidate(9), slots: 4, ageS: 600 });
    expect(sent('invite', asked)).toEqual([2]);
    const peer = parent().child(9, { slots: 4 }).child(8, { slots: 4 });
    const effects = peer.gets(2, { type: 'invite', peerId: id(9) });
    expect(messages('redirect', effects)).toEqual([
      { to: 9, message: { type: 'redirect', parents: [candidate(2)] } },
    ]);
  });

  test('[P4.1] for somebody who is no active child is dropped', () => {
    const peer = parent().child(9, { standby: true });
    expect(peer.gets(2, { type: 'invite', peerId: id(9) })).toEqual([]);
    expect(peer.gets(2, { type: 'invite', peerId: id(10) })).toEqual([]);
  });
});

describe('a redirected child', () => {
  test('[P4.2] moves when the new parent delivers', () => {
    const peer = parent();
    expect(joins(peer.gets(2, { type: 'redirect', parents: [candidate(7)] }))).toEqual([7]);
    peer.up(7, word(7, { via: [], delayMs: 500 }));
    expect(peer.active).toEqual([2]);
    expect(about('play', peer.flowing(7))).toEqual([7]);
  });

  test('[P4.2] stays when the new parent refuses, or is not there', () => {
    for (const type of ['refused', 'failed'] as const) {
      const peer = parent();
      peer.gets(2, { type: 'redirect', parents: [candidate(7)] });
      const answer = type === 'failed' ? { type } : ({ type, reason: 'full', retryAfterMs: 0 } as const);
      const effects = [...peer.answered(7, answer), ...peer.advance(5_000)];
      expect(about('play', effects)).toEqual([]);
      expect(about('close', effects)).toEqual([]);
      expect(peer.active).toEqual([2]);
    }
  });

  test('[P4.2] that is stronger ends up above the weaker ones', () => {
    const world = new TreeWorld();
    const streamer = world.streamer({ maxChildren: 4 });
    Array.from({ length: 4 }, () => world.join({ maxChildren: 1, uplinkBps: 20e6 }));
    world.advance(5_000);
    const strong = world.join({ maxChildren: 6, uplinkBps: 1e8, ageS: 600 });
    world.advance(120_000);
    expect(strong.parent).toBe(streamer);
    expect(world.unfed).toEqual([]);
  });
});

describe('places near the streamer', () => {
  /** A peer with four slots at a depth, so that one place is kept. */
  function at(depth: number, tuning: LoneSetup['tuning'] = {}): LonePeer {
    const via = Array.from({ length: depth - 2 }, (_, i) => 20 + i);
    const peer = new LonePeer({ maxChildren: 4, tuning });
    peer.tell({ type: 'uplink', bps: 1e9 });
    return peer.attach(depth === 1 ? 0 : 2, depth === 1 ? word(0) : word(2, { via }));
  }

  /** Joiners that it accepts, one after the other. They stand somewhere already. */
  function accepted(peer: LonePeer, joiners: Partial<TreeJoin>[]): boolean[] {
    const path = word(90).path;
    return joiners.map((joiner, i) => about('accept', peer.asked(50 + i, { path, ...joiner })).length > 0);
  }

  const weak = Array.from({ length: 4 }, () => ({ slots: 1 }));

  test('[P5.1] are kept for those who pass the stream on, a quarter of them', () => {
    expect(accepted(at(1), weak)).toEqual([true, true, true, false]);
    const last = [...weak, { slots: 2 }, { slots: 2 }];
    expect(accepted(at(reserveDepth), last)).toEqual([true, true, true, false, true, false]);
    expect(accepted(at(reserveDepth), [...weak, { kind: 'headless' }])).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
  });

  test('[P5.1] are not kept from newcomers', () => {
    const newcomers = weak.map((joiner) => ({ ...joiner, path: new Uint8Array() }));
    expect(accepted(at(1), newcomers)).toEqual([true, true, true, true]);
  });

  test('[P5.1] are not kept further down', () => {
    expect(accepted(at(reserveDepth + 1), weak)).toEqual([true, true, true, true]);
  });

  test('[P5.2] are given to a headless relay before a page', () => {
    const streamer = roomyStreamer(2).child(2, { slots: 4, ageS: 900 }).child(3, { slots: 2, ageS: 900 });
    expect(about('accept', streamer.asked(4, { kind: 'headless', slots: 4 }))).toEqual([4]);
    streamer.linked(4);
    expect(sent('redirect', streamer.advance(TREE_DEFAULTS.shedMs))).toEqual([3]);
  });

  test('[P5.3] of pages without slots are given to one that serves others', () => {
    const full = (slots: number) => roomyStreamer(2).child(2, { slots, ageS: 900 }).child(3, { slots: 2 });
    const streamer = full(0);
    expect(about('accept', streamer.asked(4, { slots: 2 }))).toEqual([4]);
    streamer.linked(4);
    expect(sent('redirect', streamer.advance(TREE_DEFAULTS.shedMs))).toEqual([2]);
    expect(about('accept', full(0).asked(4, { slots: 1 }))).toEqual([]);
    expect(about('accept', full(1).asked(4, { slots: 2 }))).toEqual([]);
  });

  test('[P5.3] of pages without slots are theirs further down', () => {
    const accepting = [reserveDepth, reserveDepth + 1].map((depth) => {
      const via = Array.from({ length: depth - 2 }, (_, i) => 20 + i);
      const peer = new LonePeer({ maxChildren: 40 });
      peer.tell({ type: 'uplink', bps: uplinkFor(1) });
      peer.attach(2, word(2, { via })).child(3);
      expect(peer.view).toMatchObject({ depth, freeSlots: 0 });
      return about('accept', peer.asked(4, { slots: 2, path: word(90).path })).length > 0;
    });
    expect(accepting).toEqual([true, false]);
  });

  test('[C4.3] are given at once where the owner allows no more children', () => {
    const full = () => loneStreamer(2).child(2, { slots: 2, ageS: 900 }, { freeSlots: 1 }).child(3);
    const joiners: Record<string, (streamer: LonePeer) => readonly TreeEffect[]> = {
      'P5.2': (streamer) => streamer.asked(9, { kind: 'headless', slots: 4 }),
      'P5.3': (streamer) => streamer.asked(9, { slots: 2 }),
    };
    for (const asks of Object.values(joiners)) {
      const streamer = full();
      const effects = asks(streamer);
      expect(about('accept', effects)).toEqual([9]);
      expect(messages('redirect', effects)).toEqual([
        { to: 3, message: { type: 'redirect', parents: [candidate(2)] } },
      ]);
      expect(about('close', effects)).toEqual([3]);
      expect(streamer.view.children.map(({ peerId }) => numberOf(peerId))).toEqual([2, 9]);
    }
  });

  test('[C4.3] are not given at once to whoever stands elsewhere, nor while nobody can be sent away', () => {
    const streamer = loneStreamer(1).child(2);
    expect(about('accept', streamer.asked(9, { slots: 2, path: word(90).path }))).toEqual([]);
    const busy = loneStreamer(1);
    busy.asked(2);
    expect(about('accept', busy.asked(9, { kind: 'headless', slots: 4 }))).toEqual([]);
  });

  test('[C4.3] are free for a recommended peer when the weakest child has found another', () => {
    const streamer = loneStreamer(2).child(2, { slots: 2, ageS: 900 }, { freeSlots: 1 }).child(3);
    const word = { type: 'recommend', peer: candidate(9), slots: 4, ageS: 600 } as const;
    const effects = streamer.gets(2, word);
    expect(messages('redirect', effects)).toEqual([
      { to: 3, message: { type: 'redirect', parents: [candidate(2)] } },
    ]);
    expect(sent('invite', effects)).toEqual([]);
    // One at a time is asked to go, and stays if it finds nothing.
    expect(streamer.gets(2, word)).toEqual([]);
    expect(about('close', streamer.advance(60_000))).toEqual([]);
    streamer.gets(2, word);
    streamer.unlinked(3);
    expect(sent('invite', streamer.gets(2, word))).toEqual([2]);
    expect(about('accept', streamer.asked(9, { slots: 4, path: pathOf(2) }))).toEqual([9]);
  });

  test('[P5.2] are not taken from another headless relay', () => {
    const streamer = loneStreamer(2);
    streamer.child(2, { slots: 4, kind: 'headless' }).child(3, { slots: 4, kind: 'headless' });
    expect(about('accept', streamer.asked(4, { kind: 'headless', slots: 9 }))).toEqual([]);
  });
});

test('[K6.8] an invitation comes behind the addresses at which the guest finds its host', () => {
  const streamer = loneStreamer(2).child(2, { slots: 4 });
  const effects = streamer.gets(2, { type: 'recommend', peer: candidate(9), slots: 4, ageS: 60 });
  const types = effects.flatMap((effect) => (effect.type === 'send' ? [effect.message.type] : []));
  expect(types).toEqual(['addresses', 'invite']);
});

describe('without preemption', () => {
  const tuning = { preemption: false };

  test('[P6.1] nobody is recommended or invited', () => {
    const peer = parent({ tuning }).child(6, { slots: 4, ageS: 600 });
    expect(recommended(peer.advance(3 * upkeepMs))).toEqual([]);
    expect(recommend(fullStreamer(3, { tuning }), 9)).toEqual([]);
  });

  test('[P6.1] no place is kept, and no page makes room for a relay', () => {
    const streamer = loneStreamer(4, { tuning });
    const states: Partial<LinkState> = { received: 1_000 };
    for (let number = 2; number < 6; number++) {
      expect(about('accept', streamer.asked(number, { slots: 0, path: word(90).path }))).toEqual([number]);
      streamer.child(number, {}, states);
    }
    expect(about('accept', streamer.asked(9, { kind: 'headless', slots: 9 }))).toEqual([]);
  });
});
