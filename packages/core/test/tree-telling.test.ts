/** PROTOCOL.md, A: who hears what, and when. */

import { describe, expect, test } from 'vitest';
import { MAX_DEPTH } from '../src/config.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import type { TreeEffect } from '../src/tree/tree-io.ts';
import type { LinkState } from '../src/control-messages.ts';
import {
  about,
  candidate,
  EPOCH,
  id,
  LonePeer,
  loneStreamer,
  only,
  pathOf,
  START,
  word,
} from './lone-peer.ts';
import { createTreePeer } from '../src/tree/tree-peer.ts';

const { delayToleranceMs, tellMs, reportMs, reportAgainMs, reserveDepth } = TREE_DEFAULTS;

/** With a parent 2, an active child 3 and a standby 4 below it. */
function relay(): LonePeer {
  const peer = new LonePeer({ layers: 0b11 });
  peer.tell({ type: 'uplink', bps: 1e9 });
  return peer
    .attach(2, word(2, { layers: 0b11 }))
    .child(3)
    .child(4, { standby: true });
}

/** What is told to the children. */
function toldDown(effects: readonly TreeEffect[]): LinkState[] {
  return only('advertise', effects).flatMap(({ peerId, state }) => (peerId === id(2) ? [] : [state]));
}

describe('children', () => {
  const news: Record<string, [LinkState, Partial<LinkState>]> = {
    'a new depth and path': [word(2, { via: [7, 8], layers: 0b11 }), { depth: 4, path: pathOf(7, 8, 2, 1) }],
    'another path of the same length': [
      word(2, { via: [7], layers: 0b11 }),
      { depth: 3, path: pathOf(7, 2, 1) },
    ],
    'a new epoch': [word(2, { epoch: EPOCH + 1, layers: 0b11 }), { epoch: EPOCH + 1 }],
    'other layers': [word(2, { layers: 0b01 }), { layers: 0b01 }],
    'media that stop': [word(2, { flowing: false, layers: 0b11 }), { flowing: false }],
    'a longer delay': [word(2, { delayMs: 50 + delayToleranceMs, layers: 0b11 }), { delayMs: 92 }],
    'a shorter delay': [word(2, { delayMs: 50 - delayToleranceMs, layers: 0b11 }), { delayMs: 72 }],
    'another clock': [word(2, { clockOffsetMs: 5, layers: 0b11 }), { clockOffsetMs: 5 }],
    'an unknown clock': [word(2, { clockOffsetMs: null, layers: 0b11 }), { clockOffsetMs: null }],
  };
  test.each(Object.entries(news))('[A1.1] all hear of %s at once', (_, [state, told]) => {
    const peer = relay();
    peer.measured(2, { offsetMs: 0 });
    const effects = peer.hears(2, state);
    expect(about('advertise', effects).filter((to) => to !== 2)).toEqual([3, 4]);
    expect(toldDown(effects)).toMatchObject([told, told]);
  });

  test('[A1.1] hear of media that come back', () => {
    const peer = relay();
    peer.hears(2, word(2, { flowing: false, layers: 0b11 }));
    expect(toldDown(peer.hears(2, word(2, { layers: 0b11 })))).toMatchObject([
      { flowing: true },
      { flowing: true },
    ]);
  });

  test('[A1.1] hear of delays and clocks that the peer measures itself', () => {
    const peer = relay();
    peer.measured(2, { offsetMs: 0 });
    expect(toldDown(peer.measured(2, { rttMs: 40 + 8 * (delayToleranceMs - 1) }))).toEqual([]);
    expect(toldDown(peer.measured(2, { rttMs: 400 }))).not.toEqual([]);
    expect(toldDown(peer.measured(2, { offsetMs: 5 }))).toMatchObject([
      { clockOffsetMs: 5 },
      { clockOffsetMs: 5 },
    ]);
  });

  test('[A1.1] do not hear what is no news', () => {
    const peer = relay();
    peer.measured(2, { offsetMs: 0 });
    const { delayMs } = word(2);
    const same = [
      {},
      { delayMs: (delayMs ?? 0) + delayToleranceMs - 1 },
      { clockOffsetMs: 4.9 },
      { freeSlots: 9, viewers: 5 },
    ];
    for (const change of same)
      expect(toldDown(peer.hears(2, word(2, { layers: 0b11, ...change })))).toEqual([]);
  });

  test('[A1.1] hear how things stand when their link comes up', () => {
    const peer = relay();
    peer.asked(5);
    expect(toldDown(peer.linked(5))).toMatchObject([
      { depth: 3, path: pathOf(102, 2, 1), flowing: true, layers: 0b11 },
    ]);
    expect(peer.linked(5)).toEqual([]);
  });
});

describe('the parent', () => {
  const toldUp = (effects: readonly TreeEffect[]) =>
    about('advertise', effects).filter((to) => to === 2).length;

  test('[A2.1] hears of slots and viewers, merged', () => {
    const peer = relay();
    peer.advance(2 * tellMs);
    expect(toldUp(peer.asked(5))).toBe(1);
    const before = peer.now;
    peer.child(5).child(6).child(7).unlinked(6);
    expect(toldUp(peer.advance(tellMs - 1))).toBe(0);
    const effects = peer.advance(1);
    expect(toldUp(effects)).toBe(1);
    expect(only('advertise', effects)).toMatchObject([{ state: { viewers: 4, slots: 6 } }]);
    expect(peer.now - before).toBe(tellMs);
    peer.hears(7, word(7, { slots: 0, ageS: 9 }));
    expect(toldUp(peer.advance(10 * tellMs))).toBe(0);
  });

  test('[A2.1] hears how much of its media came', () => {
    const peer = relay();
    peer.advance(2 * tellMs);
    const effects = [...peer.measured(2, { receivedShare: 0.92 }), ...peer.advance(tellMs)];
    expect(only('advertise', effects)).toMatchObject([{ peerId: id(2), state: { received: 980 } }]);
  });

  test('[A2.1] hears at once when it is a new one', () => {
    const peer = relay();
    peer.gets(2, { type: 'redirect', parents: [candidate(5)] });
    peer.up(5, word(5, { via: [], layers: 0b11 }));
    expect(about('advertise', peer.flowing(5))).toContain(5);
  });
});

describe('directories', () => {
  const offers = (effects: readonly TreeEffect[]) => only('report', effects).map(({ offer }) => offer);

  test('[A3.1] hear of an offer when it changes, merged, and again after a while', () => {
    const streamer = loneStreamer(9, { tuning: { preemption: false } });
    const first = { kind: 'browser', depth: 0, delayMs: 0, freeSlots: 9, ageS: 0, layers: 1 };
    expect(offers(streamer.done.map(({ effect }) => effect))).toEqual([first]);
    streamer.child(2).child(3);
    expect(offers(streamer.advance(reportMs - 1))).toEqual([]);
    expect(offers(streamer.advance(1))).toMatchObject([{ freeSlots: 7, ageS: 0 }]);
    expect(offers(streamer.advance(reportAgainMs - 1))).toEqual([]);
    expect(offers(streamer.advance(1))).toMatchObject([{ freeSlots: 7 }]);
    expect(offers(streamer.advance(3 * reportAgainMs))).toHaveLength(3);
  });

  test('[A3.1] hear of another depth and other layers', () => {
    const peer = relay();
    peer.advance(2 * reportMs);
    expect(offers(peer.hears(2, word(2, { via: [7, 8], layers: 0b11 })))).toMatchObject([{ depth: 4 }]);
    peer.advance(2 * reportMs);
    expect(offers(peer.hears(2, word(2, { via: [7, 8], layers: 0b01 })))).toMatchObject([{ layers: 0b01 }]);
  });

  test('[A3.1] hear once that there is no slot any more', () => {
    const streamer = loneStreamer(1).child(2);
    expect(offers(streamer.advance(3 * reportAgainMs))).toEqual([null]);
    const silent = relay();
    silent.advance(2 * reportMs);
    expect(offers([...silent.silent(2), ...silent.advance(reportAgainMs)])).toEqual([null]);
    expect(offers(new LonePeer({ maxChildren: 0 }).attach(2).advance(3 * reportAgainMs))).toEqual([]);
  });

  test('[A3.1] hear that there are slots again', () => {
    const streamer = loneStreamer(1);
    streamer.advance(reportMs);
    streamer.asked(3);
    streamer.advance(reportMs);
    expect(offers(streamer.unlinked(3))).toMatchObject([{ freeSlots: 1 }]);
  });

  test('[A3.2] hear of all free places, joiners that probe only of those that are not kept', () => {
    const streamer = loneStreamer(4);
    expect(offers(streamer.done.map(({ effect }) => effect))).toMatchObject([{ freeSlots: 4 }]);
    expect(streamer.tree.standing(streamer.now)?.freeSlots).toBe(3);
    streamer.child(2).child(3).child(4);
    expect(offers(streamer.advance(reportMs))).toMatchObject([{ freeSlots: 1 }]);
    expect(streamer.tree.standing(streamer.now)?.freeSlots).toBe(0);
    const deep = new LonePeer({ maxChildren: 4 });
    deep.tell({ type: 'uplink', bps: 1e9 });
    deep.attach(2, word(2, { via: Array.from({ length: reserveDepth }, (_, i) => 20 + i) }));
    expect(deep.tree.standing(deep.now)?.freeSlots).toBe(4);
  });

  test('[A3.2] do not hear of places whose children could have none', () => {
    const reported = (depth: number) => {
      const peer = new LonePeer().attach(
        2,
        word(2, { via: Array.from({ length: depth - 2 }, (_, i) => 20 + i) }),
      );
      peer.advance(reportMs);
      return offers(peer.done.map(({ effect }) => effect)).length;
    };
    expect([reported(MAX_DEPTH - 2), reported(MAX_DEPTH - 1)]).toEqual([1, 0]);
  });
});

test('an ingest stands right below the channel, with its clock', () => {
  const ingest = createTreePeer({
    self: id(1),
    channel: id(0),
    kind: 'headless',
    addresses: [],
    seed: 1,
    maxChildren: 4,
    isViewer: false,
    isIngest: true,
    layers: 0b1,
  });
  expect(ingest.standing(START)).toBeNull();
  ingest.step(START, { type: 'broadcast', epoch: EPOCH });
  expect(ingest.standing(START)).toMatchObject({ depth: 1, path: pathOf(1), epoch: EPOCH, flowing: true });
  expect(ingest.view(START)).toMatchObject({ phase: 'root', parents: [] });
});

test('[A2.1] viewers that are served outside the tree go up with the others', () => {
  const peer = relay();
  peer.advance(tellMs);
  const effects = [...peer.tell({ type: 'audience', viewers: 5 }), ...peer.advance(2 * tellMs)];
  const told = only('advertise', effects).filter(({ peerId }) => peerId === id(2));
  expect(told.at(-1)?.state.viewers).toBe(7);
});
