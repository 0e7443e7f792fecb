import { describe, expect, test } from 'vitest';
import {
  controlCodec,
  encodeTuple,
  FIRST_SILENCE_MS,
  KEEP_ALIVE_MS,
  SILENCE_FLOOR_MS,
  type ControlMessage,
  type LinkState,
  type TreeMessage,
} from '@casto/core';
import { MemoryLinks, type MemoryEnd, type MemoryPathOptions } from '../src/conformance/memory-links.ts';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import { parseSessionDescription, PeerLink, refusalCounter } from '../src/index.ts';
import type { ControlPort, LinkEvent, RefusalCounter } from '../src/index.ts';
import { freshId } from '../src/conformance/loopback-peers.ts';

const WANTED = { audio: true, video: 'vp8' as const };
const childId = await freshId();
const parentId = await freshId();

interface Side {
  readonly link: PeerLink;
  readonly end: MemoryEnd;
  readonly events: LinkEvent[];
  readonly refused: RefusalCounter;
  /** What this side put on its control channel. */
  readonly sent: ControlMessage[];
}

/** The two ends of one link with the machines above them. */
class LinkPair {
  readonly clock = new VirtualClock();
  readonly links: MemoryLinks;
  readonly child: Side;
  readonly parent: Side;

  private constructor(links: MemoryLinks, clock: VirtualClock, child: MemoryEnd, parent: MemoryEnd) {
    this.links = links;
    this.clock = clock;
    this.child = this.#side('child', child);
    this.parent = this.#side('parent', parent);
  }

  /** @returns The pair before its connection is up. */
  static async begin(path: Omit<MemoryPathOptions, 'clock'> = {}): Promise<LinkPair> {
    const clock = new VirtualClock();
    const links = new MemoryLinks({ clock, ...path });
    const child = links.child(WANTED);
    const parent = links.parent(parseSessionDescription('offer', await child.offer()));
    const pair = new LinkPair(links, clock, child, parent);
    await child.accept(await parent.answer());
    return pair;
  }

  static async open(path: Omit<MemoryPathOptions, 'clock'> = {}): Promise<LinkPair> {
    const pair = await LinkPair.begin(path);
    pair.clock.advance(1_000);
    if (!pair.child.end.control.isOpen) throw new Error('the link did not open');
    return pair;
  }

  /** Media from the parent, in the rhythm of a video. */
  play(forMs: number, everyMs = 20): void {
    for (let ms = 0; ms < forMs; ms += everyMs) {
      this.parent.end.sendMedia();
      this.clock.advance(everyMs);
    }
  }

  #side(role: 'child' | 'parent', end: MemoryEnd): Side {
    const events: LinkEvent[] = [];
    const refused = refusalCounter();
    const sent: ControlMessage[] = [];
    listen(end.control, sent);
    const link = new PeerLink({
      role,
      peerId: role === 'child' ? parentId : childId,
      kind: 'browser',
      end,
      clock: this.clock,
      refused,
      activity: end,
      onEvent: (event) => void events.push(event),
    });
    return { link, end, events, refused, sent };
  }
}

/** Keeps the messages that are sent, without changing anything. */
function listen(control: ControlPort, sent: ControlMessage[]): void {
  const send = control.send.bind(control);
  control.send = (bytes) => {
    const isTaken = send(bytes);
    try {
      const message = controlCodec.decode(bytes);
      if (isTaken && message) sent.push(message);
    } catch {
      // A test sends what is no message.
    }
    return isTaken;
  };
}

function typesOf(list: readonly { type: string }[]): string[] {
  return list.map(({ type }) => type);
}

function count(list: readonly { type: string }[], type: string): number {
  return list.filter((one) => one.type === type).length;
}

function state(changes: Partial<LinkState> = {}): LinkState {
  return {
    depth: 1,
    path: new Uint8Array(8),
    freeSlots: 1,
    subtreeSlots: 0,
    viewers: 3,
    epoch: 7,
    clockOffsetMs: null,
    flowing: true,
    delayMs: 30,
    slots: 2,
    ageS: 5,
    layers: 0b001,
    received: null,
    ...changes,
  };
}

describe('an opening link', () => {
  test('is not open before it says so, though its channel may be', async () => {
    const { child, clock } = await LinkPair.begin();
    Object.defineProperty(child.end.control, 'isOpen', { value: true, writable: true });
    expect(child.link.isOpen).toBe(false);
    clock.advance(1_000);

    expect(child.link.isOpen).toBe(true);
    expect(count(child.events, 'opened')).toBe(1);
  });

  test('tells that it is connected, measures the way and tells its state', async () => {
    const pair = await LinkPair.begin({ latencyMs: 30 });
    pair.parent.link.advertise(state());
    expect(pair.parent.sent).toEqual([]);
    pair.clock.advance(1_500);

    for (const { events, link } of [pair.child, pair.parent]) {
      expect(events[0]).toEqual({ type: 'connected' });
      expect(link.rttMs).toBeCloseTo(60, 0);
      expect(link.clockOffsetMs).toBeCloseTo(0, 0);
    }
    expect(pair.child.link.remoteState).toEqual(state());
    expect(pair.child.events).toContainEqual({ type: 'state', state: state() });
    expect(pair.parent.link.remoteState).toBeNull();
    // 12 ms: what a parent that is a page takes to pass media on.
    expect(pair.child.link.toParent.delayMs).toBeCloseTo(30 + 12, 0);
    expect(pair.child.link.toParent.offsetMs).toBe(pair.child.link.clockOffsetMs);
  });

  test('[K1.3] asks for the key frame that was wanted before', async () => {
    const pair = await LinkPair.begin();
    pair.child.link.wantKeyFrame(1);
    pair.clock.advance(1_000);

    expect(pair.parent.events).toContainEqual({ type: 'key-frame-wanted', layer: 1 });
  });

  test('over an end whose channel is open already is opened at once', async () => {
    const pair = await LinkPair.open();
    const sent: ControlMessage[] = [];
    listen(pair.child.end.control, sent);
    const late = new PeerLink({
      role: 'child',
      peerId: parentId,
      kind: 'headless',
      end: pair.child.end,
      clock: pair.clock,
      refused: refusalCounter(),
      onEvent: () => {},
    });

    expect(typesOf(sent)).toContain('ping');
    expect(late.isClosed).toBe(false);
  });

  test('that fails is closed without ever being connected', async () => {
    const pair = await LinkPair.begin({ latencyMs: 100_000 });
    pair.clock.advance(10_000);

    expect(pair.child.events).toEqual([{ type: 'closed' }]);
    expect(pair.parent.events).toEqual([{ type: 'closed' }]);
    expect(pair.links.open).toBe(0);
    expect(pair.clock.pending).toBeLessThanOrEqual(2);
  });
});

describe('silence', () => {
  test('[K2.1] does not come while a parent has nothing to send', async () => {
    const pair = await LinkPair.open();
    const before = pair.parent.sent.length;
    pair.clock.advance(10_000);

    expect(pair.child.link.isSilent).toBe(false);
    expect(count(pair.child.events, 'silent')).toBe(0);
    const keepAlives = count(pair.parent.sent.slice(before), 'keep-alive');
    expect(keepAlives).toBeGreaterThan((0.9 * 10_000) / KEEP_ALIVE_MS);
    expect(keepAlives).toBeLessThanOrEqual(10_000 / KEEP_ALIVE_MS);
    expect(count(pair.child.sent, 'keep-alive')).toBe(0);
  });

  test('[K2.1] needs no keep-alives while media flow', async () => {
    const pair = await LinkPair.open();
    pair.play(1_000);
    const before = pair.parent.sent.length;
    pair.play(10_000);

    expect(count(pair.parent.sent.slice(before), 'keep-alive')).toBe(0);
    expect(count(pair.child.events, 'silent')).toBe(0);
  });

  test('[K2.2, K2.6] is told once, and then that the link is revived', async () => {
    const pair = await LinkPair.open();
    pair.play(5_000);
    pair.parent.end.isCut = true;
    const cutAt = pair.clock.now();
    pair.clock.advance(2_000);
    const [silent, ...more] = pair.child.events.filter(({ type }) => type === 'silent');
    expect(silent).toMatchObject({ type: 'silent' });
    expect(more).toEqual([]);
    expect(pair.child.link.isSilent).toBe(true);
    expect(pair.child.link.isClosed).toBe(false);

    pair.parent.end.isCut = false;
    pair.clock.advance(100);

    expect(pair.child.events.at(-1)).toEqual({ type: 'revived' });
    expect(pair.child.link.isSilent).toBe(false);
    expect(pair.clock.now() - cutAt).toBe(2_100);
  });

  test('[K2.2] is noticed within 200 ms', async () => {
    const pair = await LinkPair.open();
    pair.play(5_000);
    pair.parent.end.isCut = true;
    pair.clock.advance(2 * SILENCE_FLOOR_MS);

    expect(count(pair.child.events, 'silent')).toBe(1);
  });

  test('[K2.4] at the start is forgiven for a second', async () => {
    const pair = await LinkPair.begin();
    pair.parent.end.isCut = true;
    pair.clock.advance(80 + FIRST_SILENCE_MS - 1);
    expect(count(pair.child.events, 'silent')).toBe(0);

    pair.clock.advance(2);

    expect(count(pair.child.events, 'silent')).toBe(1);
  });

  test('[K2.9] is allowed to last while the link is a standby', async () => {
    const pair = await LinkPair.open();
    for (const { link } of [pair.parent, pair.child]) {
      link.advertise(state());
      link.setStandby(true);
    }
    pair.clock.advance(100);
    const before = pair.parent.sent.length;
    pair.clock.advance(60_000);

    expect(count(pair.child.events, 'silent')).toBe(0);
    // Twelve states, two pings and two answers.
    expect(pair.parent.sent.length - before).toBeLessThanOrEqual(16);
    expect(typesOf(pair.parent.sent.slice(before))).not.toContain('keep-alive');

    for (const { link } of [pair.parent, pair.child]) link.setStandby(false);
    pair.clock.advance(1_000);
    expect(typesOf(pair.parent.sent.slice(before))).toContain('keep-alive');
    pair.parent.end.isCut = true;
    pair.clock.advance(2 * SILENCE_FLOOR_MS);
    expect(count(pair.child.events, 'silent')).toBe(1);
  });

  test('[K2.7] of a child is no business of its parent', async () => {
    const pair = await LinkPair.open();
    pair.child.end.isCut = true;
    pair.clock.advance(5_000);

    expect(count(pair.parent.events, 'silent')).toBe(0);
  });

  test('is ended by media alone', async () => {
    const pair = await LinkPair.open();
    pair.play(1_000);
    pair.parent.end.isCut = true;
    pair.clock.advance(1_000);
    expect(pair.child.link.isSilent).toBe(true);

    pair.child.link.heardMedia();

    expect(pair.child.link.isSilent).toBe(false);
  });

  test('is not seen on a path that loses a tenth of everything', async () => {
    let packets = 0;
    const pair = await LinkPair.open({ loss: 0.5, random: () => (packets++ % 10 === 0 ? 0 : 0.9) });
    pair.play(20_000);

    expect(count(pair.child.events, 'silent')).toBe(0);
  });
});

describe('the timer of a link', () => {
  test('wakes a child about as often as silence could begin, not for every packet', async () => {
    const pair = await LinkPair.open();
    pair.play(2_000);
    pair.parent.link.close();
    const alone = await LinkPair.open();
    alone.play(2_000, 5);
    const before = alone.clock.fired;
    alone.play(10_000, 5);
    // 2000 packets arrive by timers of the fake.
    const wakes = alone.clock.fired - before - 2_000;

    // 25 keep-alive deadlines a second at the parent, 10 of silence at the child, and the pings and pongs.
    expect(wakes).toBeLessThan(10 * (25 + 10 + 5));
  });

  test('is one at a time, and gone after closing', async () => {
    const pair = await LinkPair.open();
    pair.clock.advance(5_000);
    expect(pair.clock.pending).toBeLessThan(6);

    pair.child.link.close();
    pair.clock.advance(20);

    expect(pair.parent.link.isClosed).toBe(true);
    expect(pair.clock.pending).toBe(0);
    expect(pair.links.open).toBe(0);
  });
});

describe('what the other end says', () => {
  test('[K5.1] reaches the owner: key frames, layers, signals, and what concerns the tree', async () => {
    const pair = await LinkPair.open();
    const peer = { peerId: parentId, addresses: ['/ip4/192.0.2.1/udp/4001'] };
    const downwards: TreeMessage[] = [
      { type: 'drain', withinMs: 500 },
      { type: 'redirect', parents: [peer] },
      { type: 'invite', peerId: childId },
      { type: 'addresses', addresses: peer.addresses },
    ];
    const upwards: TreeMessage[] = [
      { type: 'activate', layer: 1 },
      { type: 'pause' },
      { type: 'recommend', peer, slots: 3, ageS: 40 },
      { type: 'addresses', addresses: [] },
    ];
    const signal = {
      type: 'forward',
      from: childId,
      to: parentId,
      nonce: new Uint8Array(16),
      expiresAt: 1,
      fingerprint: new Uint8Array(32),
      payload: new Uint8Array(4_096),
      signature: new Uint8Array(64),
    } as const;

    pair.child.link.wantKeyFrame(0);
    expect(pair.child.link.send({ type: 'choose-layer', layer: 2 })).toBe(true);
    expect(pair.child.link.send(signal)).toBe(true);
    for (const message of downwards) expect(pair.parent.link.send(message)).toBe(true);
    for (const message of upwards) expect(pair.child.link.send(message)).toBe(true);
    pair.clock.advance(20);

    expect(pair.parent.events).toContainEqual({ type: 'key-frame-wanted', layer: 0 });
    expect(pair.parent.events).toContainEqual({ type: 'layer-chosen', layer: 2 });
    expect(pair.parent.events).toContainEqual({ type: 'forward', message: signal });
    for (const message of downwards) {
      expect(pair.child.events).toContainEqual({ type: 'message', message });
    }
    for (const message of upwards) {
      expect(pair.parent.events).toContainEqual({ type: 'message', message });
    }
  });

  test('[K1.2] is ignored where it is not its business', async () => {
    const pair = await LinkPair.open();
    pair.child.link.send({ type: 'drain', withinMs: 500 });
    pair.child.link.send({ type: 'redirect', parents: [] });
    pair.parent.link.send({ type: 'choose-layer', layer: 0 });
    pair.parent.link.send({ type: 'activate', layer: 0 });
    pair.clock.advance(20);

    expect(typesOf(pair.parent.events)).not.toContain('message');
    expect(typesOf(pair.child.events)).not.toContain('message');
    expect(typesOf(pair.child.events)).not.toContain('layer-chosen');
  });

  test('[K1.4] is dropped and counted when it is malformed, and ends the link at the seventeenth', async () => {
    const pair = await LinkPair.open();
    const { refused, link, events } = pair.parent;
    for (let i = 0; i < 16; i++) pair.child.end.control.send(new Uint8Array([0xff]));
    pair.clock.advance(20);
    expect(refused.counts).toEqual({ 'control:not-decodable': 16 });
    expect(link.isClosed).toBe(false);

    pair.child.end.control.send(new Uint8Array(20_000));
    pair.clock.advance(20);

    expect(refused.counts).toEqual({ 'control:not-decodable': 16, 'control:too-large': 1 });
    expect(events.at(-1)).toEqual({ type: 'closed' });
    expect(pair.child.link.isClosed).toBe(true);
  });

  test('[W2.2] of an unknown type counts as heard, and nothing else', async () => {
    const pair = await LinkPair.open();
    pair.play(1_000);
    pair.parent.end.isCut = true;
    pair.clock.advance(1_000);
    pair.parent.end.isCut = false;
    const before = pair.child.events.length;

    pair.parent.end.control.send(encodeTuple({}, {}, [99]));
    pair.clock.advance(12);

    expect(typesOf(pair.child.events.slice(before))).toEqual(['revived']);
    expect(pair.child.refused.counts).toEqual({});
  });
});

describe('leaving', () => {
  test.each(['child', 'parent'] as const)('[K8.1] says bye last, and then closes: the %s', async (role) => {
    const pair = await LinkPair.open();
    const [side, other] = role === 'child' ? [pair.child, pair.parent] : [pair.parent, pair.child];
    pair.play(500);
    const leaving = side.link.leave('leaving');
    // What would be sent now comes after the farewell.
    side.link.advertise(state({ viewers: 99 }));
    side.link.wantKeyFrame(0);
    other.link.send({ type: role === 'child' ? 'drain' : 'choose-layer', withinMs: 1, layer: 0 } as never);
    pair.clock.advance(200);
    await leaving;

    expect(side.sent.at(-1)).toEqual({ type: 'bye', reason: 'leaving' });
    expect(count(side.sent, 'bye')).toBe(1);
    expect(side.events.at(-1)).toEqual({ type: 'closed' });
    expect(typesOf(other.events.slice(-2))).toEqual(['farewell', 'closed']);
    expect(pair.clock.pending).toBe(0);
    expect(pair.links.open).toBe(0);
  });

  test('twice is leaving once', async () => {
    const pair = await LinkPair.open();
    const both = Promise.all([pair.child.link.leave('moved'), pair.child.link.leave('leaving')]);
    pair.clock.advance(200);
    await both;
    await pair.child.link.leave('leaving');

    expect(pair.parent.events.filter(({ type }) => type === 'farewell')).toEqual([
      { type: 'farewell', reason: 'moved' },
    ]);
    expect(count(pair.child.events, 'closed')).toBe(1);
  });

  test('before the channel is open is closing', async () => {
    const pair = await LinkPair.begin();
    await pair.child.link.leave('leaving');

    expect(pair.child.link.isClosed).toBe(true);
    expect(pair.child.sent).toEqual([]);
  });

  test('while the other end leaves too ends well', async () => {
    const pair = await LinkPair.open();
    const both = Promise.all([pair.child.link.leave('leaving'), pair.parent.link.leave('ended')]);
    pair.clock.advance(200);
    await both;
    pair.clock.advance(20);

    expect([pair.child.link.isClosed, pair.parent.link.isClosed]).toEqual([true, true]);
    expect(pair.clock.pending).toBe(0);
  });
});

describe('closing', () => {
  test('is told once, last, at both ends', async () => {
    const pair = await LinkPair.open();
    pair.parent.link.close();
    pair.parent.link.close();
    pair.clock.advance(1_000);

    for (const { events, link } of [pair.child, pair.parent]) {
      expect(count(events, 'closed')).toBe(1);
      expect(events.at(-1)).toEqual({ type: 'closed' });
      expect(link.isClosed).toBe(true);
    }
  });

  test('ends everything: nothing is sent, told or timed any more', async () => {
    const pair = await LinkPair.open();
    pair.child.link.close();
    const told = pair.child.events.length;
    pair.child.link.advertise(state());
    pair.child.link.wantKeyFrame(0);
    pair.child.link.heardMedia();
    expect(pair.child.link.send({ type: 'choose-layer', layer: 0 })).toBe(false);
    await pair.child.link.leave('leaving');
    pair.clock.advance(10_000);

    expect(pair.child.events).toHaveLength(told);
    expect(pair.clock.pending).toBe(0);
  });

  test('by the owner in the middle of what it is told is the last that it is told', async () => {
    const pair = await LinkPair.open();
    const events: string[] = [];
    const link: PeerLink = new PeerLink({
      role: 'child',
      peerId: parentId,
      kind: 'browser',
      end: pair.child.end,
      clock: pair.clock,
      refused: refusalCounter(),
      onEvent: (event) => {
        events.push(event.type);
        if (event.type === 'revived') link.close();
      },
    });
    pair.parent.end.isCut = true;
    pair.clock.advance(FIRST_SILENCE_MS + 200);
    pair.parent.end.isCut = false;
    pair.parent.link.advertise(state({ viewers: 8 }));
    pair.clock.advance(1_000);

    expect(events.at(-1)).toBe('closed');
    expect(events.filter((type) => type === 'closed')).toHaveLength(1);
  });

  test('comes with the end of the connection', async () => {
    const pair = await LinkPair.open();
    pair.child.end.close();

    expect(pair.child.events.at(-1)).toEqual({ type: 'closed' });
  });

  test('comes with the end of the control channel', async () => {
    const pair = await LinkPair.open();
    pair.child.end.control.onClosed?.();

    expect(pair.child.events.at(-1)).toEqual({ type: 'closed' });
    expect(pair.child.end.state).toBe('closed');
  });
});
