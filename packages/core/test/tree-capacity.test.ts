/** PROTOCOL.md, C: how many children a peer has, and what becomes of those for whom there is no room. */

import { describe, expect, test } from 'vitest';
import type { PeerKind } from '../src/link-messages.ts';
import { measuredSlots } from '../src/tree/slots.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import type { TreeEffect } from '../src/tree/tree-io.ts';
import {
  about,
  candidate,
  id,
  LonePeer,
  loneStreamer,
  messages,
  numberOf,
  only,
  roomyStreamer,
  sent,
  uplinkFor,
  word,
} from './lone-peer.ts';

const { uplinkShare, packetOverhead, overflowShare, shedMs, shedGraceMs, shedRequests } = TREE_DEFAULTS;
const { slotRecoveryMs, upkeepMs, maxLinks, servedShare } = TREE_DEFAULTS;

/** With a parent 2 and room for six children. */
function relay(): LonePeer {
  const peer = new LonePeer({ tuning: { preemption: false } });
  peer.tell({ type: 'uplink', bps: 1e9 });
  return peer.attach(2);
}

function named(effects: readonly TreeEffect[]): number[] {
  return only('redirect', effects).flatMap(({ parents }) => parents.map(({ peerId }) => numberOf(peerId)));
}

/** What a streamer with two places for pages and so many for relays says to joiners, one after the other. */
function answers(relayPlaces: number, ...joiners: { kind: PeerKind; standby?: boolean }[]): string[] {
  const streamer = loneStreamer(2, { relayPlaces, tuning: { preemption: false } });
  return joiners.map((joiner, i) => {
    const [effect] = streamer.asked(2 + i, joiner);
    streamer.linked(2 + i);
    return effect?.type ?? 'nothing';
  });
}

const PAGE = { kind: 'browser' } as const;
const RELAY = { kind: 'headless' } as const;

describe('slots', () => {
  test('[C1.3] of pages are not taken by relays, nor the other way round', () => {
    const accepted = ['accept', 'accept', 'accept', 'accept', 'refuse', 'refuse'];
    expect(answers(2, RELAY, RELAY, PAGE, PAGE, PAGE, RELAY)).toEqual(accepted);
    expect(answers(2, PAGE, PAGE, RELAY, RELAY, RELAY, PAGE)).toEqual(accepted);
    expect(answers(0, RELAY, RELAY, PAGE)).toEqual(['accept', 'accept', 'refuse']);
  });

  test('[C1.4] of a headless relay are three quarters of what its owner allows, whenever that changes', () => {
    const peer = new LonePeer({ kind: 'headless', maxChildren: 600 });
    peer.tell({ type: 'uplink', bps: Infinity });
    const slots = [600, 100, 4, 3, 2, 1, 0].map((children) => {
      peer.tell({ type: 'allowed', children });
      return peer.view.slots;
    });
    expect(slots).toEqual([451, 75, 3, 2, 2, 1, 0]);
    const page = new LonePeer({ kind: 'browser', maxChildren: 4 });
    page.tell({ type: 'uplink', bps: Infinity });
    expect(page.view.slots).toBe(4);
  });

  test('[C1.3] that are left to relays are offered to no page', () => {
    const streamer = loneStreamer(1, { relayPlaces: 2 });
    expect(streamer.view.freeSlots).toBe(1);
    streamer.child(2);
    expect(streamer.view.freeSlots).toBe(0);
    streamer.child(3, { kind: 'headless' });
    expect(streamer.view).toMatchObject({ slots: 2, freeSlots: 0 });
    streamer.unlinked(3);
    expect(streamer.view.slots).toBe(1);
  });

  test('[C1.3] for relays are what the uplink carries as well', () => {
    const streamer = loneStreamer(2, { relayPlaces: 2, tuning: { preemption: false } });
    // What one child takes, and no more.
    streamer.tell({ type: 'bitrate', bps: 1e6 });
    streamer.tell({ type: 'uplink', bps: (1e6 * packetOverhead) / uplinkShare });
    expect(about('accept', streamer.asked(2, RELAY))).toEqual([2]);
    expect(streamer.asked(3, RELAY)).toMatchObject([{ type: 'refuse', reason: 'full' }]);
  });

  test('[C1.3] a page that its owner lets serve nobody stands by nowhere', () => {
    const streamer = loneStreamer(0, { relayPlaces: 2 }).child(2, RELAY);
    expect(streamer.asked(3, { standby: true })).toMatchObject([{ type: 'refuse', reason: 'full' }]);
    expect(streamer.asked(4, { ...RELAY, standby: true })).toMatchObject([{ type: 'accept' }]);
  });

  test('[C1.1] are what half of the uplink carries', () => {
    const peer = new LonePeer({ maxChildren: 100 });
    const bitrateBps = 1_000_000;
    peer.tell({ type: 'bitrate', bps: bitrateBps });
    const uplinkBps = (4 * bitrateBps * packetOverhead) / uplinkShare;
    peer.tell({ type: 'uplink', bps: uplinkBps });
    expect(peer.view.slots).toBe(4);
    peer.tell({ type: 'uplink', bps: uplinkBps - 1 });
    expect(peer.view.slots).toBe(3);
    peer.tell({ type: 'bitrate', bps: bitrateBps / 2 });
    expect(peer.view.slots).toBe(7);
  });

  test('[C1.1] are at most what the owner allows', () => {
    const peer = new LonePeer({ maxChildren: 2 });
    peer.tell({ type: 'uplink', bps: 1e9 });
    expect(peer.view.slots).toBe(2);
  });

  test('[C1.1] are none where they would cost money, or the own picture', () => {
    const peer = relay();
    expect(peer.view.slots).toBe(6);
    for (const network of ['metered', 'mobile'] as const) {
      peer.tell({ type: 'network', network });
      expect(peer.view.slots).toBe(0);
    }
    peer.tell({ type: 'network', network: 'unmetered' });
    peer.tell({ type: 'processor', load: 0.9 });
    expect(peer.view.slots).toBe(6);
    peer.tell({ type: 'processor', load: 0.91 });
    expect(peer.view.slots).toBe(0);
  });

  test('[C1.1] are none without an uplink, even when no media flow yet', () => {
    const peer = relay();
    peer.tell({ type: 'bitrate', bps: 0 });
    peer.tell({ type: 'uplink', bps: 0 });
    expect(peer.view.slots).toBe(0);
  });

  test('[C1.2] are one before the uplink is measured', () => {
    expect(new LonePeer({ maxChildren: 6 }).view.slots).toBe(1);
    expect(new LonePeer({ maxChildren: 0 }).view.slots).toBe(0);
    const unmeasured = {
      maxChildren: 6,
      network: 'mobile',
      processor: 0,
      uplinkBps: null,
      bitrateBps: 1,
    } as const;
    expect(measuredSlots(unmeasured, TREE_DEFAULTS)).toBe(0);
  });

  test('[C2.1] below are summed from what active children tell', () => {
    const peer = relay();
    peer.child(3, {}, { freeSlots: 1, subtreeSlots: 10 }).child(4, {}, { freeSlots: 2, subtreeSlots: 20 });
    peer.child(5, { standby: true }, { freeSlots: 100, subtreeSlots: 100 });
    const [told] = only('advertise', peer.advance(TREE_DEFAULTS.tellMs)).slice(-1);
    expect(told).toMatchObject({
      peerId: id(2),
      state: { freeSlots: 4, subtreeSlots: 33, viewers: 3, slots: 6 },
    });
  });

  test('[C2.2] of a child count as taken by the joiners sent there, until it tells of them again', () => {
    const streamer = loneStreamer(1).child(2, { slots: 2 }, { freeSlots: 1, subtreeSlots: 1 });
    const sentTo = [3, 4, 5].map((number) => named(streamer.asked(number)));
    expect(sentTo).toEqual([[2], [2], []]);
    streamer.hears(2, word(2, { freeSlots: 1 }));
    expect(named(streamer.asked(6))).toEqual([2]);
  });

  test('[C2.3] that the owner has none of send joiners on', () => {
    const peer = relay();
    expect(only('refuse', peer.asked(3, {}, { isFull: true }))).toMatchObject([{ reason: 'full' }]);
    peer.child(4, { slots: 2 }, { freeSlots: 2 });
    expect(named(peer.asked(5, {}, { isFull: true }))).toEqual([4]);
    expect(only('accept', peer.asked(6))).toHaveLength(1);
  });
});

describe('complaints', () => {
  function complain(peer: LonePeer, shares: number[]): LonePeer {
    shares.forEach((share, i) => peer.child(10 + i, {}, { received: Math.round(1_000 * share) }));
    peer.advance(1.5 * upkeepMs);
    return peer;
  }

  test('[C3.1] of half of the children leave one slot less than there are children', () => {
    const poor = servedShare - 0.001;
    expect(complain(relay(), [poor, poor, 1, 1]).view.slots).toBe(3);
    expect(complain(relay(), [poor, 1, 1]).view.slots).toBe(6);
    expect(complain(relay(), [servedShare, servedShare]).view.slots).toBe(6);
  });

  test('[C3.1] leave a page one slot, and its only child', () => {
    const peer = complain(relay(), [0.1]);
    expect(peer.view).toMatchObject({ slots: 1, freeSlots: 0 });
    expect(sent('redirect', peer.advance(60_000))).toEqual([]);
    expect(peer.view.children).toHaveLength(1);
  });

  test('[C3.1] leave a headless relay eight', () => {
    const headless = new LonePeer({ kind: 'headless', maxChildren: 60 }).attach(2);
    headless.tell({ type: 'uplink', bps: 1e9 });
    const shares = Array.from({ length: 9 }, () => 0.1);
    expect(complain(headless, shares.slice(0, 2)).view.slots).toBe(8);
    expect(complain(headless, shares.slice(2)).view.slots).toBe(8);
  });

  test('[C3.1] count against what the peer itself gets', () => {
    const peer = relay().standBy(3, 4);
    for (let i = 0; i < 20; i++) peer.measured(2, { receivedShare: 0.92 });
    expect(complain(peer, [0.89, 0.89]).view.slots).toBe(6);
    expect(complain(peer, [0.86, 0.86]).view.slots).toBe(1);
  });

  test('[C3.1] are forgotten slot by slot', () => {
    const peer = complain(relay().standBy(3, 4), [0.5, 0.5, 0.5]);
    expect(peer.view.slots).toBe(2);
    [10, 11, 12].forEach((number) => peer.hears(number, word(number, { received: 1_000 })));
    const seen: number[] = [];
    for (let waitedMs = 0; waitedMs < 6 * slotRecoveryMs; waitedMs += 1_000) {
      peer.advance(1_000);
      if (seen.at(-1) !== peer.view.slots) seen.push(peer.view.slots);
      if (waitedMs < slotRecoveryMs - 1.5 * upkeepMs) expect(peer.view.slots).toBe(2);
    }
    expect(seen).toEqual([2, 3, 4, 5, 6]);
  });
});

describe('more children than slots', () => {
  test('[C4.1] are taken for a while when standbys are needed, up to four fifths more', () => {
    const streamer = roomyStreamer(5);
    const overflow = Math.ceil(5 * overflowShare);
    const standbys = Array.from({ length: 5 + overflow + 1 }, (_, i) => 2 + i);
    for (const number of standbys) streamer.child(number, { standby: true });
    const served = standbys.flatMap((number) =>
      about('serve', streamer.gets(number, { type: 'activate', layer: 0 })),
    );
    expect(served).toEqual(standbys.slice(0, -1));
    const [last] = standbys.slice(-1);
    expect(sent('redirect', streamer.gets(last ?? 0, { type: 'activate', layer: 0 }))).toEqual([last]);
  });

  test('[C4.1] are never more than the owner allows', () => {
    const served = (slots: number, allowed: number) => {
      const streamer = roomyStreamer(slots, { maxChildren: allowed });
      const standbys = Array.from({ length: 2 * slots }, (_, i) => 2 + i);
      for (const number of standbys) streamer.child(number, { standby: true });
      const effects = standbys.flatMap((number) => streamer.gets(number, { type: 'activate', layer: 0 }));
      expect(about('serve', effects).length + sent('redirect', effects).length).toBe(standbys.length);
      return about('serve', effects).length;
    };
    expect([served(8, 8), served(5, 6), served(1, 1), served(5, 50)]).toEqual([8, 6, 1, 9]);
  });

  test('[C4.1] of whom one is a relay are taken at the places of relays', () => {
    const streamer = loneStreamer(1, { relayPlaces: 1 }).child(2);
    for (const number of [3, 4, 5]) streamer.child(number, { standby: true, kind: 'headless' });
    streamer.child(6, { standby: true });
    const activate = { type: 'activate', layer: 0 } as const;
    const served = [6, 3, 4].flatMap((number) => about('serve', streamer.gets(number, activate)));
    expect(served).toEqual([3]);
  });

  test('[C4.1, J5.5] land at a headless relay up to what its owner allows', () => {
    const accepted = (allowed: number) => {
      const relay = new LonePeer({ kind: 'headless', maxChildren: allowed });
      relay.tell({ type: 'uplink', bps: uplinkFor(6) });
      relay.attach(2);
      return Array.from({ length: 12 }, (_, i) => about('accept', relay.asked(50 + i))).flat().length;
    };
    expect([accepted(100), accepted(7), accepted(6)]).toEqual([8, 7, 6]);
  });

  test('[C4.1] are borne by a page for a moment, beyond all that it settles', () => {
    const page = loneStreamer(1, { momentaryChildren: 1 });
    for (const number of [2, 3, 4]) page.child(number, { standby: true });
    const activate = { type: 'activate', layer: 0 } as const;
    const served = [2, 3, 4].flatMap((number) => about('serve', page.gets(number, activate)));
    expect(served).toEqual([2, 3]);
    expect(page.view.slots).toBe(1);
  });

  test('[C4.1] are not taken by a peer without slots', () => {
    const streamer = loneStreamer(2).child(2, { standby: true });
    streamer.tell({ type: 'network', network: 'metered' });
    expect(sent('redirect', streamer.gets(2, { type: 'activate', layer: 0 }))).toEqual([2]);
  });

  /** With two children of different strength, and one slot less than before. */
  function crowded(): LonePeer {
    const streamer = loneStreamer(3, { tuning: { preemption: false } });
    streamer
      .child(2, { slots: 2, ageS: 600 }, { freeSlots: 2 })
      .child(3, { slots: 0 })
      .child(4, { slots: 1 });
    streamer.tell({ type: 'uplink', bps: (2 * 2_500_000 * packetOverhead) / uplinkShare });
    expect(streamer.view.slots).toBe(2);
    return streamer;
  }

  test('[C4.2] become fewer: the weakest is sent to the others', () => {
    const streamer = crowded();
    expect(sent('redirect', streamer.advance(shedMs - 1))).toEqual([]);
    const told = messages('redirect', streamer.advance(1));
    expect(told).toEqual([{ to: 3, message: { type: 'redirect', parents: [candidate(2)] } }]);
  });

  test('[C4.2] become fewer even when the weakest does not go', () => {
    const streamer = crowded();
    const effects = streamer.advance(2 * (shedMs + shedRequests * (shedGraceMs + shedMs)));
    expect(sent('redirect', effects)).toHaveLength(shedRequests);
    expect(about('close', effects)).toEqual([3]);
    expect(streamer.times('close')[0]).toBeGreaterThanOrEqual(shedMs + shedRequests * shedGraceMs);
    expect(streamer.view.children).toHaveLength(2);
  });

  test('[C4.2] stay where a headless relay has places for newcomers, as long as there is no room below it', () => {
    const peer = new LonePeer({ kind: 'headless', maxChildren: 8 });
    peer.tell({ type: 'uplink', bps: Infinity });
    peer.attach(2);
    for (let number = 10; number < 18; number++) peer.child(number);
    expect(peer.view).toMatchObject({ slots: 6 });
    expect(sent('redirect', peer.advance(60_000))).toEqual([]);
    peer.hears(10, word(10, { freeSlots: 9 }));
    const effects = peer.advance(3 * shedRequests * (shedGraceMs + shedMs));
    expect(sent('redirect', effects).length).toBeGreaterThanOrEqual(2 * shedRequests);
    expect(about('close', effects)).toHaveLength(2);
    expect(peer.view.children).toHaveLength(6);
  });

  test('[C4.2] leave a headless relay all the same when its owner allows fewer', () => {
    const peer = new LonePeer({ kind: 'headless', maxChildren: 8 });
    peer.tell({ type: 'uplink', bps: Infinity });
    peer.attach(2);
    for (let number = 10; number < 18; number++) peer.child(number);
    peer.tell({ type: 'allowed', children: 4 });
    const effects = peer.advance(6 * shedRequests * (shedGraceMs + shedMs));
    expect(about('close', effects)).toHaveLength(4);
  });

  test('[C4.2] are let be when one of them goes', () => {
    const streamer = crowded();
    streamer.advance(shedMs);
    streamer.unlinked(4);
    expect(only('close', streamer.advance(60_000))).toEqual([]);
    const asked = crowded();
    asked.advance(shedMs + (shedRequests - 1) * (shedGraceMs + shedMs));
    asked.unlinked(4);
    expect(only('close', asked.advance(60_000))).toEqual([]);
    const paused = crowded();
    paused.advance(shedMs);
    paused.gets(3, { type: 'pause' });
    expect(only('close', paused.advance(60_000))).toEqual([]);
  });

  test('[C5.1, U3.2] are never more than links may be', () => {
    const streamer = loneStreamer(1_000);
    const accepted = Array.from({ length: maxLinks + 20 }, (_, i) =>
      about('accept', streamer.asked(2 + i)),
    ).flat();
    expect(accepted).toHaveLength(maxLinks);
    expect(about('accept', streamer.asked(2))).toEqual([2]);
  });
});

describe('a peer that goes', () => {
  test('[C6.1] tells its children and the directories when it leaves', () => {
    const peer = relay().child(3).child(4, { standby: true });
    const effects = peer.tell({ type: 'leave', reason: 'leaving' });
    expect(about('close', effects)).toEqual([2, 3, 4]);
    expect(only('report', effects)).toEqual([{ type: 'report', offer: null }]);
    expect(peer.asked(9)).toEqual([]);
    expect(peer.tree.deadline()).toBeNull();
  });

  test('[C6.1] tells its children and the directories when it drains', () => {
    const peer = relay().child(3).child(4, { standby: true });
    peer.advance(TREE_DEFAULTS.reportMs);
    const effects = [
      ...peer.tell({ type: 'drain', withinMs: 5_000 }),
      ...peer.advance(TREE_DEFAULTS.reportMs),
    ];
    expect(sent('drain', effects)).toEqual([3, 4]);
    expect(only('report', effects)).toEqual([{ type: 'report', offer: null }]);
    expect(peer.view.slots).toBe(0);
    expect(peer.asked(9)).toMatchObject([{ type: 'refuse', reason: 'draining' }]);
    expect(sent('redirect', peer.gets(4, { type: 'activate', layer: 0 }))).toEqual([4]);
  });
});

describe('a child whose link comes up at a peer that goes', () => {
  test('[C6.1] is told so then', () => {
    const peer = relay();
    peer.asked(3);
    peer.asked(4, { standby: true });
    expect(sent('drain', peer.tell({ type: 'drain', withinMs: 5_000 }))).toEqual([]);
    peer.advance(1_500);
    const told = [...peer.linked(3), ...peer.linked(4)];
    const message = { type: 'drain', withinMs: 3_500 };
    expect(messages('drain', told)).toEqual([3, 4].map((to) => ({ to, message })));
    expect(sent('drain', relay().child(3).linked(3))).toEqual([]);
  });

  test('[C6.1] is told no time that is over, and none in parts of a millisecond', () => {
    const peer = relay();
    peer.asked(3);
    peer.asked(4);
    peer.tell({ type: 'drain', withinMs: 5_000 });
    peer.now += 0.25;
    const [first] = messages('drain', peer.linked(3));
    peer.now += 6_000;
    const [second] = messages('drain', peer.linked(4));
    expect([first?.message.withinMs, second?.message.withinMs]).toEqual([5_000, 0]);
  });
});

describe('a join for other layers', () => {
  test('[C7.1] makes a headless relay fetch them', () => {
    const peer = new LonePeer({ kind: 'headless' });
    peer.tell({ type: 'uplink', bps: 1e9 });
    peer.attach(2, word(2, { layers: 0b001 }));
    expect(peer.asked(3, { layers: 0b010 })).toMatchObject([
      { type: 'fetch', layers: 0b010 },
      { type: 'accept', layers: 0b010 },
    ]);
    expect(only('fetch', peer.asked(4, { layers: 0b011 }))).toEqual([]);
  });

  test('[C7.1] is redirected by a page to children that have them', () => {
    const peer = relay()
      .child(3, {}, { freeSlots: 2, layers: 0b001 })
      .child(4, {}, { freeSlots: 2, layers: 0b010 });
    expect(named(peer.asked(5, { layers: 0b010 }))).toEqual([4]);
    expect(peer.asked(6, { layers: 0b100 })).toMatchObject([{ type: 'refuse', reason: 'full' }]);
  });

  test('[J5.6] that comes back soon gets a place at a headless relay', () => {
    const answers = (kind: PeerKind, maxChildren: number) => {
      const peer = new LonePeer({ kind, maxChildren, tuning: { preemption: false, landingShare: 0 } });
      peer.tell({ type: 'uplink', bps: uplinkFor(2) });
      peer.attach(2).child(3, {}, { freeSlots: 9 }).child(4);
      return [5, 5, 5, 6].map((number) => peer.asked(number)[0]?.type);
    };
    expect(answers('headless', 4)).toEqual(['redirect', 'accept', 'accept', 'redirect']);
    expect(answers('browser', 4)).toEqual(['redirect', 'redirect', 'redirect', 'redirect']);
    expect(answers('headless', 2)).toEqual(['redirect', 'redirect', 'redirect', 'redirect']);
  });
});
