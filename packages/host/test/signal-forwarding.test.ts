import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { describe, expect, test } from 'vitest';
import type { PeerId } from '@casto/core';
import { MemoryLinks, type MemoryEnd } from '../src/conformance/memory-links.ts';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import {
  parseSessionDescription,
  peerIdOf,
  PeerLink,
  refusalCounter,
  signalForwarder,
  signalVerifier,
  signSignal,
} from '../src/index.ts';
import type { ForwardedSignal } from '../src/index.ts';

const WANTED = { audio: true, video: 'vp8' as const };

interface Neighbour {
  readonly id: PeerId;
  readonly key: PrivateKey;
  /** The neighbour's end, and the end of the peer in the middle. */
  readonly link: PeerLink;
  readonly middle: PeerLink;
  readonly received: ForwardedSignal[];
}

/** A peer in the middle with a parent and children around it, as in a tree. */
class Star {
  readonly clock = new VirtualClock();
  readonly refused = refusalCounter();
  readonly #links = new MemoryLinks({ clock: this.clock });
  readonly #forwarder = signalForwarder({ clock: this.clock, refused: this.refused });
  readonly #neighbours = new Set<PeerLink>();
  readonly #middleId: PeerId;
  #nonces = 0;

  private constructor(middleId: PeerId) {
    this.#middleId = middleId;
  }

  static async create(): Promise<Star> {
    return new Star(peerIdOf(peerIdFromPrivateKey(await generateKeyPair('Ed25519'))));
  }

  async parent(key?: PrivateKey): Promise<Neighbour> {
    return this.#join('parent', key ?? (await generateKeyPair('Ed25519')));
  }

  async child(key?: PrivateKey): Promise<Neighbour> {
    return this.#join('child', key ?? (await generateKeyPair('Ed25519')));
  }

  sign(from: Neighbour, to: PeerId, changes: { payload?: Uint8Array } = {}): Promise<ForwardedSignal> {
    const nonce = new Uint8Array(16);
    new DataView(nonce.buffer).setUint32(0, this.#nonces++);
    return signSignal(from.key, {
      from: from.id,
      to,
      nonce,
      fingerprint: new Uint8Array(32).fill(1),
      payload: changes.payload ?? new Uint8Array([1]),
      now: this.clock.now(),
    });
  }

  async #join(role: 'parent' | 'child', key: PrivateKey): Promise<Neighbour> {
    const childEnd = this.#links.child(WANTED);
    const parentEnd = this.#links.parent(parseSessionDescription('offer', await childEnd.offer()));
    await childEnd.accept(await parentEnd.answer());
    const [outer, inner] = role === 'child' ? [childEnd, parentEnd] : [parentEnd, childEnd];
    const id = peerIdOf(peerIdFromPrivateKey(key));
    const received: ForwardedSignal[] = [];
    const link = this.#link(outer, role, this.#middleId, (signal) => void received.push(signal));
    const middle: PeerLink = this.#link(inner, role === 'child' ? 'parent' : 'child', id, (signal) => {
      this.#forwarder.forward(signal, middle, this.#neighbours);
    });
    this.#neighbours.add(middle);
    this.clock.advance(200);
    return { id, key, link, middle, received };
  }

  #link(
    end: MemoryEnd,
    role: 'parent' | 'child',
    peerId: PeerId,
    onSignal: (signal: ForwardedSignal) => void,
  ): PeerLink {
    return new PeerLink({
      role,
      peerId,
      kind: 'browser',
      end,
      clock: this.clock,
      refused: this.refused,
      onEvent: (event) => {
        if (event.type === 'forward') onSignal(event.message);
      },
    });
  }
}

describe('[K7.1] a signal between two neighbours', () => {
  test('of a child to another arrives as it was signed, at that one alone', async () => {
    const star = await Star.create();
    const [one, other, third] = [await star.child(), await star.child(), await star.child()];
    const signal = await star.sign(one, other.id, { payload: new Uint8Array(4_096).fill(3) });

    one.link.send(signal);
    star.clock.advance(100);

    expect(other.received).toHaveLength(1);
    expect([one.received, third.received]).toEqual([[], []]);
    const [received] = other.received;
    if (received === undefined) throw new Error('nothing came');
    await signalVerifier().verify(received, other.id, star.clock.now());
    expect(star.refused.counts).toEqual({});
  });

  test('passes between a child and the parent, both ways', async () => {
    const star = await Star.create();
    const [parent, child] = [await star.parent(), await star.child()];

    child.link.send(await star.sign(child, parent.id));
    parent.link.send(await star.sign(parent, child.id));
    star.clock.advance(100);

    expect(parent.received.map(({ from }) => from)).toEqual([child.id]);
    expect(child.received.map(({ from }) => from)).toEqual([parent.id]);
  });

  test('to a peer that is no neighbour is dropped and counted', async () => {
    const star = await Star.create();
    const [one, gone] = [await star.child(), await star.child()];
    gone.middle.close();
    const stranger = peerIdOf(peerIdFromPrivateKey(await generateKeyPair('Ed25519')));

    one.link.send(await star.sign(one, stranger));
    one.link.send(await star.sign(one, gone.id));
    star.clock.advance(100);

    expect(star.refused.counts).toEqual({ 'forward:no-neighbour': 1, 'forward:not-sent': 1 });
  });

  test('of somebody else travels no further', async () => {
    const star = await Star.create();
    const [one, other, third] = [await star.child(), await star.child(), await star.child()];

    other.link.send(await star.sign(one, third.id));
    star.clock.advance(100);

    expect(third.received).toEqual([]);
    expect(star.refused.counts).toEqual({ 'forward:not-its-own': 1 });
  });

  test('to its own sender does not come back', async () => {
    const star = await Star.create();
    const key = await generateKeyPair('Ed25519');
    const [one, again] = [await star.child(key), await star.child(key)];

    one.link.send(await star.sign(one, one.id));
    star.clock.advance(100);

    expect([one.received, again.received]).toEqual([[], []]);
    expect(star.refused.counts).toEqual({ 'forward:no-neighbour': 1 });
  });

  test('to a peer with two links takes the one that is open', async () => {
    const star = await Star.create();
    const key = await generateKeyPair('Ed25519');
    const [one, old, fresh] = [await star.child(), await star.child(key), await star.child(key)];
    old.middle.close();

    one.link.send(await star.sign(one, fresh.id));
    star.clock.advance(100);

    expect(fresh.received).toHaveLength(1);
  });
});

describe('a flood of signals', () => {
  test('passes 20 at once and 10 a second, and the rest is dropped and counted', async () => {
    const star = await Star.create();
    const [one, other] = [await star.child(), await star.child()];
    const signal = await star.sign(one, other.id);
    for (let i = 0; i < 100; i++) one.link.send(signal);
    star.clock.advance(100);
    expect(other.received).toHaveLength(20);
    expect(star.refused.counts).toEqual({ 'forward:too-many': 80 });

    for (let second = 0; second < 10; second++) {
      star.clock.advance(1_000);
      for (let i = 0; i < 50; i++) one.link.send(signal);
    }
    star.clock.advance(100);

    // Ten seconds, and the time that the messages are under way.
    expect(other.received.length - 20).toBeGreaterThanOrEqual(100);
    expect(other.received.length - 20).toBeLessThanOrEqual(102);
  });

  test('of one neighbour costs the others nothing', async () => {
    const star = await Star.create();
    const [flooding, quiet, other] = [await star.child(), await star.child(), await star.child()];
    const signal = await star.sign(flooding, other.id);
    for (let i = 0; i < 100; i++) flooding.link.send(signal);

    quiet.link.send(await star.sign(quiet, other.id));
    star.clock.advance(100);

    expect(other.received.filter(({ from }) => from === quiet.id)).toHaveLength(1);
  });

  test('to nobody uses up the sender’s share as well', async () => {
    const star = await Star.create();
    const one = await star.child();
    const signal = await star.sign(one, one.id);
    for (let i = 0; i < 100; i++) one.link.send(signal);
    star.clock.advance(100);

    expect(star.refused.counts).toEqual({ 'forward:no-neighbour': 20, 'forward:too-many': 80 });
  });
});
