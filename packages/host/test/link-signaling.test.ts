/** Handshakes over signals that neighbours pass on. */

import { describe, expect, test } from 'vitest';
import {
  encodeSignalPayload,
  linkCodec,
  MAX_CANDIDATES,
  MAX_FORWARDED_BYTES,
  type LinkMessage,
  type PeerId,
} from '@casto/core';
import { pageRtpCapabilities, signSignal, type ForwardedSignal } from '../src/index.ts';
import { certificateIn } from '../src/certificate-fingerprint.ts';
import { rewriteOffer } from '../src/native-description.ts';
import { deflate, inflate } from '../src/raw-deflate.ts';
import { renderSessionDescription } from '../src/session-description.ts';
import { chromiumOffer } from './fixtures/chromium.ts';
import { firefoxOffer } from './fixtures/firefox.ts';
import { chromiumAudio, chromiumVideo, firefoxAudio, firefoxVideo } from './fixtures/native-capabilities.ts';
import { NeighbourWorld, WANTED, type TestNeighbour } from './neighbour-world.ts';

const HANDSHAKE_MS = 15_000;

/** Two children of one parent, which alone knows both. */
async function siblings(path: ConstructorParameters<typeof NeighbourWorld>[0] = {}) {
  const world = new NeighbourWorld(path);
  const [middle, asking, asked] = await world.people('middle', 'asking', 'asked');
  await world.link(middle, asking);
  await world.link(middle, asked);
  return { world, middle, asking, asked };
}

let drawn = 0;

/** A signal as a test writes it: a join of `from`, unless it says otherwise. */
async function signalOf(
  world: NeighbourWorld,
  from: TestNeighbour,
  to: { id: PeerId },
  changes: {
    messages?: readonly Uint8Array[];
    payload?: Uint8Array;
    fingerprint?: Uint8Array;
    handshake?: number;
    asks?: boolean;
  } = {},
): Promise<ForwardedSignal> {
  const join = await joinOf(world, from);
  const handshake = new Uint8Array(8).fill(changes.handshake ?? ++drawn);
  const { asks = true, messages = [linkCodec.encode(join)] } = changes;
  const payload = await deflate(encodeSignalPayload({ handshake, asks, messages: [...messages] }));
  const nonce = new Uint8Array(16);
  new DataView(nonce.buffer).setUint32(0, ++drawn);
  return signSignal(from.key, {
    from: from.id,
    to: to.id,
    nonce,
    fingerprint: changes.fingerprint ?? certificateIn(join) ?? new Uint8Array(32),
    payload: changes.payload ?? payload,
    now: world.clock.now(),
  });
}

async function joinOf(world: NeighbourWorld, from: TestNeighbour): Promise<LinkMessage> {
  return { type: 'join', ...from.join(), offer: await world.ends.child(WANTED).offer() };
}

function countsOf({ refused }: TestNeighbour): Record<string, number> {
  return { ...refused.counts };
}

describe('a link over a neighbour', () => {
  test('[L1.1, K7.6] opens as over a stream, and lives on when the neighbour vanishes', async () => {
    const { world, middle, asking, asked } = await siblings();
    const { end, outcome } = await asking.ask(asked);

    expect(outcome).toMatchObject({ type: 'accepted', depth: 1, record: new Uint8Array([1, 2, 3]) });
    expect(asked.joins).toMatchObject([{ from: asking.id, join: { kind: 'browser', layers: [0] } }]);
    await world.until(() => end.control.isOpen, 'the link');
    middle.die();
    await world.clock.pass(2 * HANDSHAKE_MS, 1_000);

    expect([end.state, asked.parentEnds[0]?.state]).toEqual(['connected', 'connected']);
    for (const peer of world.peers) expect(countsOf(peer)).toEqual({});
    expect(world.clock.pending).toBe(0);
  });

  test.each([
    ['with candidates after the answer', { candidates: 'trickled' as const }],
    ['over a long way', { latencyMs: 300, candidates: 'trickled' as const }],
  ])('[K7.6] connects %s', async (_, path) => {
    const { world, asking, asked } = await siblings(path);
    const { end } = await asking.ask(asked);

    await world.until(() => end.control.isOpen, 'the link');
    expect(asked.parentEnds[0]?.candidatesTaken).toBe(1);
  });

  test('[K7.6] takes few signals, because candidates travel together', async () => {
    const { world, asking, asked } = await siblings({ candidates: 'trickled', latencyMs: 200 });
    const { end } = await asking.ask(asked);
    for (let port = 1; port <= 20; port++) {
      end.onCandidate?.(`candidate:1 1 udp 1 192.0.2.1 ${port} typ host`);
    }
    await world.until(() => end.control.isOpen, 'the link');

    expect(asked.parentEnds[0]?.candidatesTaken).toBe(21);
    expect(asked.signals.length).toBeLessThanOrEqual(5);
  });

  test('[K7.6] of two peers that ask each other at the same time opens twice', async () => {
    const { world, asking, asked } = await siblings();
    const both = await Promise.all([asking.ask(asked), asked.ask(asking)]);

    await world.until(() => both.every(({ end }) => end.control.isOpen), 'both links');
    expect([asked.joins.length, asking.joins.length]).toEqual([1, 1]);
  });

  test('[K7.8] comes once, though all neighbours pass it on, and needs only one of them', async () => {
    const { world, middle, asking, asked } = await siblings();
    const other = await world.peer();
    await world.link(other, asking);
    await world.link(other, asked);
    const asking1 = asking.ask(asked);
    await world.until(() => asked.joins.length === 1, 'the join');
    middle.die();
    const { end } = await asking1;

    await world.until(() => end.control.isOpen, 'the link');
    await world.clock.pass(500);
    expect(asked.joins).toHaveLength(1);
    expect(Object.keys(countsOf(asked))).toEqual(['signal:copy']);
  });

  test.each(['full', 'loop', 'draining'] as const)(
    '[L4.1] that is refused as %s tells so',
    async (reason) => {
      const { world, asking, asked } = await siblings();
      asked.judge = async () => ({ type: 'refuse', reason, retryAfterMs: 5_000 });
      const timers = world.clock.pending;
      const { end, outcome } = await asking.ask(asked);

      expect(outcome).toMatchObject({ type: 'refused', reason, retryAfterMs: 5_000 });
      expect(end.state).toBe('closed');
      await world.until(() => world.clock.pending <= timers, 'the end of the timers');
    },
  );

  test('[L4.2] is redirected', async () => {
    const { asking, asked, middle } = await siblings();
    const parents = [{ peerId: middle.id, addresses: [] }];
    asked.judge = async () => ({ type: 'redirect', parents });

    expect((await asking.ask(asked)).outcome).toMatchObject({ type: 'redirected', parents });
  });

  test('that is given up frees the slot at once', async () => {
    const { world, asking, asked } = await siblings({ latencyMs: 100 });
    const { end } = await asking.ask(asked);
    await world.until(() => asked.parentEnds[0]?.state === 'connecting', 'the answer');

    end.close();
    await world.until(() => asked.parentEnds[0]?.state === 'closed', 'the free slot');
  });

  test('[L1.3] that does not come up within 15 s is given up by both ends', async () => {
    const { world, asking, asked } = await siblings({ latencyMs: 10, connectMs: 60_000 });
    const { end } = await asking.ask(asked);
    end.isCut = true;
    end.addCandidate = () => {};
    const [parentEnd] = asked.parentEnds;
    if (parentEnd) parentEnd.addCandidate = () => {};
    asked.judge = () => new Promise(() => {});
    const late = asking.ask(asked);
    late.catch(() => {});
    await world.until(() => asked.joins.length === 2, 'the second join');
    await world.clock.pass(HANDSHAKE_MS, 500);

    await expect(late).rejects.toThrow(/took too long/);
  });

  test('[L4.1] whose judge fails is told as busy', async () => {
    const { asking, asked } = await siblings();
    asked.judge = () => Promise.reject(new RangeError('out of memory'));

    expect((await asking.ask(asked)).outcome).toMatchObject({ type: 'refused', reason: 'busy' });
    expect(countsOf(asked)).toEqual({ 'link:RangeError': 1 });
  });
});

describe('a peer that cannot be reached', () => {
  test('[K7.1] because the neighbour does not know it is waited for until the attempt is given up', async () => {
    const { world, middle, asking } = await siblings();
    const stranger = await world.peer();
    const attempt = new AbortController();
    const end = world.ends.child(WANTED);
    const failing = asking.ask(stranger, { end, signal: attempt.signal });
    failing.catch(() => {});
    await world.until(() => (middle.refused.counts['forward:no-neighbour'] ?? 0) > 0, 'the signal');
    attempt.abort(new Error('given up'));

    await expect(failing).rejects.toThrow('given up');
    expect(end.state).toBe('closed');
    await world.until(() => middle.refused.counts['forward:no-neighbour'] === 2, 'the end of the handshake');
  });

  test('because there is no neighbour fails at once', async () => {
    const world = new NeighbourWorld();
    const [lonely, other] = await world.people('lonely', 'other');

    await expect(lonely.ask(other)).rejects.toThrow('no neighbour');
    expect(world.ends.open).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  test('when signaling is closed fails, and breaks off what is under way', async () => {
    const { world, asking, asked } = await siblings();
    asked.judge = () => new Promise(() => {});
    const failing = asking.ask(asked);
    failing.catch(() => {});
    await world.until(() => asked.joins.length === 1, 'the join');
    asking.neighbours.close();

    await expect(failing).rejects.toThrow('closed');
    await expect(asking.ask(asked)).rejects.toThrow('closed');
  });
});

describe('a page', () => {
  test.each([
    ['Chromium', chromiumOffer, { audio: chromiumAudio, video: chromiumVideo }],
    ['Firefox', firefoxOffer, { audio: firefoxAudio, video: firefoxVideo }],
  ])('[K7.4, K7.5] of %s has room for its join in one signal', async (_, native, capabilities) => {
    const { world, asking } = await siblings();
    const offer = renderSessionDescription('offer', rewriteOffer(native, WANTED));
    const join = { ...asking.join(), capabilities: pageRtpCapabilities(capabilities), offer };
    const message = linkCodec.encode({ type: 'join', ...join });
    const { payload } = await signalOf(world, asking, asking, { messages: [message] });

    expect(payload.length).toBeLessThan(MAX_FORWARDED_BYTES * 0.75);
  });

  test('[K7.4] with more to say than a signal holds does not ask', async () => {
    const { asking, asked } = await siblings();
    const noise = Array.from({ length: 6_000 }, () => Math.floor(Math.random() * 256));
    const join = asking.join();
    asking.join = () => ({ ...join, capabilities: noise });

    await expect(asking.ask(asked)).rejects.toThrow(RangeError);
    expect(asked.signals).toEqual([]);
  });
});

describe('a signal that is wrong', () => {
  test.each<[string, string, (sent: ForwardedSignal, to: TestNeighbour) => ForwardedSignal]>([
    ['[K7.2] forged', 'signal:out-of-range', (sent) => ({ ...sent, signature: new Uint8Array(64) })],
    [
      '[K7.2] changed on the way',
      'signal:out-of-range',
      (sent) => ({ ...sent, expiresAt: sent.expiresAt + 1 }),
    ],
    ['[K7.2] of another sender', 'signal:out-of-range', (sent, to) => ({ ...sent, from: to.id })],
    ['[K7.3] expired', 'signal:out-of-range', (sent) => ({ ...sent, expiresAt: sent.expiresAt - 60_000 })],
  ])('%s is dropped and counted', async (_, reason, change) => {
    const { world, middle, asking, asked } = await siblings();
    const sent = await signalOf(world, asking, asked);
    middle.linkTo(asked).send(change(sent, middle));
    await world.until(() => asked.refused.counts[reason] === 1, 'the count');

    expect(asked.joins).toEqual([]);
  });

  test('[K7.3] because it was taken before is dropped and counted', async () => {
    const { world, middle, asking, asked } = await siblings();
    asked.judge = async () => ({ type: 'refuse', reason: 'full', retryAfterMs: 0 });
    const sent = await signalOf(world, asking, asked);
    for (let i = 0; i < 3; i++) middle.linkTo(asked).send(sent);
    await world.until(() => asked.refused.counts['signal:copy'] === 2, 'the count');

    expect(asked.joins).toHaveLength(1);
  });

  test('[K7.1] because it is for somebody else is not taken by who gets it', async () => {
    const { world, middle, asking, asked } = await siblings();
    const stranger = await world.peer();
    middle.linkTo(asked).send(await signalOf(world, asking, stranger));
    await world.until(() => asked.refused.counts['forward:not-its-own'] === 1, 'the count');

    expect(asked.joins).toEqual([]);
  });

  test.each<[string, () => Promise<Uint8Array>, string]>([
    ['not deflated', async () => new Uint8Array(100).fill(7), 'signal:not-decodable'],
    ['empty', async () => new Uint8Array(), 'signal:not-decodable'],
    ['cut', async () => (await deflate(new Uint8Array(500).fill(1))).slice(0, -1), 'signal:not-decodable'],
    [
      'followed by something',
      async () => new Uint8Array([...(await deflate(new Uint8Array([0x80]))), 1]),
      'signal:not-decodable',
    ],
    ['a bomb', () => deflate(new Uint8Array(3_900_000)), 'signal:too-large'],
    ['no payload', () => deflate(new Uint8Array([0x80])), 'signal:wrong-shape'],
    ['no CBOR', () => deflate(new Uint8Array([0xff])), 'signal:not-decodable'],
  ])('[K7.5] because its payload is %s is dropped and counted', async (_, make, reason) => {
    const { world, asking, asked } = await siblings();
    const payload = await make();
    expect(payload.length).toBeLessThanOrEqual(MAX_FORWARDED_BYTES);
    for (const link of asking.links) link.send(await signalOf(world, asking, asked, { payload }));
    await world.until(() => asked.refused.counts[reason] === 1, 'the count');

    expect(asked.joins).toEqual([]);
  });

  test('[K7.6] because it begins with no join, or belongs to nothing, changes nothing', async () => {
    const { world, middle, asking, asked } = await siblings();
    const candidate = linkCodec.encode({ type: 'candidate', candidate: '' });
    for (const changes of [
      { messages: [candidate] },
      { messages: [] },
      { asks: false },
      { messages: [new Uint8Array([0xff])] },
    ]) {
      middle.linkTo(asked).send(await signalOf(world, asking, asked, changes));
    }
    await world.until(() => asked.refused.counts['signal:not-decodable'] === 1, 'the last one');

    expect(asked.joins).toEqual([]);
    expect(asked.signals).toHaveLength(4);
    expect(asking.signals).toEqual([]);
  });
});

describe('another certificate', () => {
  test('[K7.7, L2.5] in a join than its signal names is malformed, and nobody is asked', async () => {
    const { world, asking, asked } = await siblings();
    const fingerprint = new Uint8Array(32).fill(9);
    asking.linkTo(world.peers[0] ?? asked).send(await signalOf(world, asking, asked, { fingerprint }));
    await world.until(() => asked.refused.counts['link:out-of-range'] === 1, 'the count');
    await world.until(() => asking.signals.length === 1, 'the answer');

    expect(asked.joins).toEqual([]);
    const [answer] = asking.signals;
    expect(answer?.fingerprint).toEqual(new Uint8Array(32));
    const payload = new TextDecoder().decode(await inflate(answer?.payload ?? new Uint8Array(), 32_768));
    expect(payload).toContain('malformed');
  });

  test('[K7.7, L2.5] in an answer than its signal names fails the join', async () => {
    const { world, asking, asked } = await siblings();
    const send = asked.linkTo(world.peers[0] ?? asked);
    const original = send.send.bind(send);
    // The peer itself signs another certificate than it describes.
    send.send = (message) => {
      if (message.type !== 'forward') return original(message);
      const { from, to, payload } = message;
      const fingerprint = new Uint8Array(32).fill(9);
      const nonce = new Uint8Array(16).fill(++drawn);
      const now = world.clock.now();
      void signSignal(asked.key, { from, to, payload, fingerprint, nonce, now }).then(original);
      return true;
    };
    const end = world.ends.child(WANTED);
    const failing = asking.ask(asked, { end });
    failing.catch(() => {});
    await world.until(() => asking.refused.counts['link:out-of-range'] === 1, 'the count');

    await expect(failing).rejects.toMatchObject({ name: 'MalformedError' });
    expect(end.state).toBe('closed');
  });
});

describe('a flood', () => {
  test('[K7.9] of signals over one link is dropped beyond 50 at once and 20 a second', async () => {
    const { world, middle, asking, asked } = await siblings();
    const sent = await signalOf(world, asking, asked);
    for (let i = 0; i < 200; i++) middle.linkTo(asked).send(sent);
    world.clock.advance(50);
    await world.until(() => (asked.refused.counts['signal:copy'] ?? 0) >= 49, 'the last one');

    expect(asked.refused.counts['signal:too-many']).toBeGreaterThanOrEqual(148);
  });

  test('[K7.9] of joins over one link begins eight handshakes, and others when those are over', async () => {
    const { world, middle, asking, asked } = await siblings();
    let refuse = (): void => {};
    const refused = new Promise<void>((resolve) => (refuse = resolve));
    asked.judge = async () => {
      await refused;
      return { type: 'refuse', reason: 'full', retryAfterMs: 0 };
    };
    for (let i = 0; i < 12; i++) middle.linkTo(asked).send(await signalOf(world, asking, asked));
    await world.until(() => asked.refused.counts['signal:too-many-handshakes'] === 4, 'the count');
    expect(asked.joins).toHaveLength(8);

    refuse();
    await world.until(() => asked.refused.counts['join:full'] === 8, 'the refusals');
    middle.linkTo(asked).send(await signalOf(world, asking, asked));
    await world.until(() => asked.joins.length === 9, 'the next join');
  });

  test('[K7.9] of joins over one link costs the others nothing', async () => {
    const { world, middle, asking, asked } = await siblings();
    const [other, friend] = await world.people('other', 'friend');
    await world.link(other, asked);
    await world.link(other, friend);
    asked.judge = (join, from) =>
      from === friend.id ? Promise.resolve(asked.accept(join)) : new Promise(() => {});
    for (let i = 0; i < 12; i++) middle.linkTo(asked).send(await signalOf(world, asking, asked));
    await world.until(() => asked.joins.length === 8, 'the handshakes');
    const { end } = await friend.ask(asked);

    await world.until(() => end.control.isOpen, 'the link');
  });

  test('[K7.9] of messages that nobody reads is dropped beyond 48', async () => {
    const { world, middle, asking, asked } = await siblings();
    asked.judge = () => new Promise(() => {});
    const candidate = linkCodec.encode({ type: 'candidate', candidate: 'candidate:1' });
    const messages = Array.from({ length: 8 }, () => candidate);
    middle.linkTo(asked).send(await signalOf(world, asking, asked, { handshake: 5 }));
    for (let i = 0; i < 8; i++) {
      middle.linkTo(asked).send(await signalOf(world, asking, asked, { handshake: 5, messages }));
    }
    await world.until(() => asked.refused.counts['signal:unread'] === 2, 'the count');
  });

  test('[L3.1] of candidates after the answer ends the handshake, and the link has its time', async () => {
    const { world, middle, asking, asked } = await siblings({ latencyMs: 100 });
    const { end } = await asking.ask(asked);
    for (let port = 1; port <= 2 * MAX_CANDIDATES; port++) {
      end.onCandidate?.(`candidate:1 1 udp 1 192.0.2.1 ${port} typ host`);
    }

    await world.until(() => end.control.isOpen, 'the link');
    expect(asked.parentEnds[0]?.candidatesTaken).toBeLessThanOrEqual(MAX_CANDIDATES);
    expect(countsOf(middle)).toEqual({});
  });
});
