/**
 * What every implementation of the LinkEnd ports must do. Run against the fake beside this file and against each
 * adapter: `describeLinkEnds('node-datachannel', () => new World())`.
 */

import { MAX_CANDIDATES } from '@casto/core';
import { afterEach, describe, expect, test } from 'vitest';
import { CandidateIntake } from '../candidates.ts';
import type { ChildEnd, LinkEnd, LinkEndState, ParentEnd } from '../link-ports.ts';
import { parseSessionDescription, renderSessionDescription } from '../session-description.ts';
import type { SessionParameters } from '../session-parameters.ts';

/** Two places where ends are made, and a way to wait. Ends ask for or offer audio and one layer of VP8. */
export interface LinkEndWorld {
  child(): ChildEnd;
  parent(offer: SessionParameters): ParentEnd;
  /** Lets things happen until the condition holds. @throws When it does not for long. */
  until(isDone: () => boolean, what: string): Promise<void>;
  /** Ends the world with all that it made. */
  close(): Promise<void> | void;
}

/** More than the largest message of the control codec. */
const LARGE_MESSAGE_BYTES = 16_384;

export function describeLinkEnds(name: string, createWorld: () => LinkEndWorld): void {
  const worlds: LinkEndWorld[] = [];
  const create = (): LinkEndWorld => {
    const world = createWorld();
    worlds.push(world);
    return world;
  };
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });

  describe(`link ends of ${name}`, () => {
    describeOpening(create);
    describeControl(create);
    describeDescriptions(create);
    describeClosing(create);
  });
}

function describeOpening(create: () => LinkEndWorld): void {
  test('connect, and tell it once', async () => {
    const { world, child, parent } = await link(create());
    const told = { child: statesOf(child), parent: statesOf(parent) };
    expect([child.state, parent.state]).toEqual(['connecting', 'connecting']);

    await untilOpen(world, child, parent);

    expect(told).toEqual({ child: ['connected'], parent: ['connected'] });
  });

  test('keep the candidates that they find before anybody listens', async () => {
    const world = create();
    const child = world.child();
    const parent = world.parent(parseSessionDescription('offer', await child.offer()));
    const answer = parseSessionDescription('answer', await parent.answer());
    const found: string[] = [...answer.candidates];
    await child.accept(renderSessionDescription('answer', { ...answer, candidates: [] }));
    parent.onCandidate = (candidate) => void found.push(candidate);
    child.onCandidate = (candidate) => void found.push(candidate);

    await world.until(() => found.some((candidate) => candidate !== ''), 'candidates');

    const intake = new CandidateIntake();
    for (const candidate of found.filter(Boolean)) expect(intake.take(candidate)).not.toBeNull();
  });

  test('take candidates that are no use', async () => {
    const { world, child, parent } = await link(create());
    for (const end of [child, parent]) {
      end.addCandidate('');
      end.addCandidate('candidate:1 1 udp 1 attacker.example 1 typ host');
      end.addCandidate('\r\na=fingerprint:sha-256 00');
      end.addCandidate('candidate:9 1 udp 1 127.0.0.1 9 typ host');
    }

    await untilOpen(world, child, parent);
  });

  // After the link is up: an end that is to try dozens of them first may take longer than anybody waits.
  test('take more candidates than there may be', async () => {
    const { world, child, parent } = await link(create());
    const received = messagesOf(parent);
    await untilOpen(world, child, parent);
    for (const end of [child, parent]) {
      for (let port = 1; port < 2 * MAX_CANDIDATES; port++) {
        end.addCandidate(`candidate:9 1 udp 1 127.0.0.1 ${port} typ host`);
      }
    }

    child.control.send(new Uint8Array([1]));
    await world.until(() => received.length === 1, 'a message');

    expect([child.state, parent.state]).toEqual(['connected', 'connected']);
  });
}

function describeControl(create: () => LinkEndWorld): void {
  test('[K1.1] carry messages whole and in order, both ways', async () => {
    const { world, child, parent } = await link(create());
    const received = { child: messagesOf(child), parent: messagesOf(parent) };
    await untilOpen(world, child, parent);
    const sizes = [1, LARGE_MESSAGE_BYTES, 0x80, 2, LARGE_MESSAGE_BYTES, 3];
    const messages = sizes.map((size, i) => new Uint8Array(size).fill(i + 1));

    for (const message of messages) {
      expect(child.control.send(message)).toBe(true);
      expect(parent.control.send(message)).toBe(true);
    }
    await world.until(
      () => received.child.length === sizes.length && received.parent.length === sizes.length,
      'the messages',
    );

    expect(received.parent.map(([first]) => first)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(received.child.map(({ length }) => length)).toEqual(sizes);
    expect(received.parent.map(({ length }) => length)).toEqual(sizes);
  });

  test('[K1.3] take no message before the control channel is open', async () => {
    const { child, parent } = await link(create());

    expect([child.control.isOpen, parent.control.isOpen]).toEqual([false, false]);
    expect(child.control.send(new Uint8Array(3))).toBe(false);
    expect(parent.control.send(new Uint8Array(3))).toBe(false);
  });

  test('keep what they sent, whatever its memory is used for afterwards', async () => {
    const { world, child, parent } = await link(create());
    const received = messagesOf(parent);
    await untilOpen(world, child, parent);
    const bytes = new Uint8Array([1, 2, 3]);

    child.control.send(bytes);
    bytes.fill(9);
    await world.until(() => received.length === 1, 'the message');

    expect([...(received[0] ?? [])]).toEqual([1, 2, 3]);
  });
}

function describeDescriptions(create: () => LinkEndWorld): void {
  test('[L2.3] offer the sections that were asked for, without candidates or with them', async () => {
    const child = create().child();
    const offer = parseSessionDescription('offer', await child.offer());

    expect(offer.media.map(({ kind, direction }) => [kind, direction])).toEqual([
      ['audio', 'recvonly'],
      ['video', 'recvonly'],
    ]);
  });

  test('answer under the same numbers, each section with one codec and one source', async () => {
    const world = create();
    const offer = parseSessionDescription('offer', await world.child().offer());
    const answer = parseSessionDescription('answer', await world.parent(offer).answer());

    expect(answer.media.map(({ mid }) => mid)).toEqual(offer.media.map(({ mid }) => mid));
    for (const [i, { codecs, source }] of answer.media.entries()) {
      expect(codecs.map(({ payloadType }) => payloadType)).toEqual([
        offer.media[i]?.codecs[0]?.payloadType ?? 0,
      ]);
      expect(source?.ssrc).toBeGreaterThan(0);
    }
  });

  test.each(['', 'v=0\r\n', 'x'.repeat(16_384)])('refuse the answer %j', async (answer) => {
    const child = create().child();
    await child.offer();

    await expect(child.accept(answer)).rejects.toThrow(Error);
  });

  test('refuse an answer that is not one to their offer', async () => {
    const { child, answer } = await answered(create());
    const [first, ...rest] = answer.media;
    if (first === undefined) throw new Error('no sections');
    const foreign = { ...answer, media: [{ ...first, mid: 'other' }, ...rest] };

    await expect(child.accept(renderSessionDescription('answer', foreign))).rejects.toThrow(Error);
    const short = { ...answer, media: [first] };
    await expect(child.accept(renderSessionDescription('answer', short))).rejects.toThrow(Error);
  });

  test('refuse an answer before their own offer', async () => {
    const world = create();
    const { answer } = await answered(world);

    await expect(world.child().accept(renderSessionDescription('answer', answer))).rejects.toThrow(Error);
  });

  test('[L2.5] close a connection that shows another certificate', async () => {
    const world = create();
    const { child, answer } = await answered(world);
    const states = statesOf(child);
    const value = Array.from({ length: 32 }, () => 'AB').join(':');
    const forged = { ...answer, dtls: { ...answer.dtls, fingerprint: { algorithm: 'sha-256', value } } };

    await child.accept(renderSessionDescription('answer', forged));
    await world.until(() => child.state === 'closed', 'the end of the forged connection');

    expect(states).toEqual(['closed']);
    expect(child.control.isOpen).toBe(false);
  });
}

function describeClosing(create: () => LinkEndWorld): void {
  test.each(['child', 'parent'] as const)('tell the other end when the %s closes', async (closing) => {
    const opened = await link(create());
    const { world, child, parent } = opened;
    await untilOpen(world, child, parent);
    const other = closing === 'child' ? parent : child;
    const states = statesOf(other);
    let channelsClosed = 0;
    other.control.onClosed = () => channelsClosed++;

    opened[closing].close();
    await world.until(() => other.state === 'closed', 'the other end');

    expect(states).toEqual(['closed']);
    expect(channelsClosed).toBe(1);
    expect(other.control.send(new Uint8Array(1))).toBe(false);
  });

  test('close once, and tell it once', async () => {
    const { world, child, parent } = await link(create());
    await untilOpen(world, child, parent);
    const states = statesOf(parent);
    let channelsClosed = 0;
    parent.control.onClosed = () => channelsClosed++;

    parent.close();
    parent.close();

    expect(parent.state).toBe('closed');
    expect(parent.control.isOpen).toBe(false);
    expect(parent.control.send(new Uint8Array(1))).toBe(false);
    await world.until(() => child.state === 'closed', 'the other end');
    expect(states).toEqual(['closed']);
    expect(channelsClosed).toBeLessThanOrEqual(1);
  });

  test('close in the middle of the handshake', async () => {
    const world = create();
    const { child, parent, answer } = await answered(world);

    parent.close();
    child.close();

    expect([child.state, parent.state]).toEqual(['closed', 'closed']);
    child.addCandidate('candidate:9 1 udp 1 127.0.0.1 9 typ host');
    parent.addCandidate('candidate:9 1 udp 1 127.0.0.1 9 typ host');
    await expect(child.accept(renderSessionDescription('answer', answer))).rejects.toThrow(Error);
  });

  test('make no description once they are closed', async () => {
    const world = create();
    const offer = parseSessionDescription('offer', await world.child().offer());
    const child = world.child();
    const parent = world.parent(offer);
    child.close();
    parent.close();

    await expect(child.offer()).rejects.toThrow(Error);
    await expect(parent.answer()).rejects.toThrow(Error);
  });
}

interface OpeningLink {
  world: LinkEndWorld;
  child: ChildEnd;
  parent: ParentEnd;
}

async function answered(world: LinkEndWorld): Promise<OpeningLink & { answer: SessionParameters }> {
  const child = world.child();
  const parent = world.parent(parseSessionDescription('offer', await child.offer()));
  const answer = parseSessionDescription('answer', await parent.answer());
  return { world, child, parent, answer };
}

async function link(world: LinkEndWorld): Promise<OpeningLink> {
  const { child, parent, answer } = await answered(world);
  child.onCandidate = (candidate) => parent.addCandidate(candidate);
  parent.onCandidate = (candidate) => child.addCandidate(candidate);
  await child.accept(renderSessionDescription('answer', answer));
  return { world, child, parent };
}

async function untilOpen(world: LinkEndWorld, ...ends: LinkEnd[]): Promise<void> {
  await world.until(
    () => ends.every(({ state, control }) => state === 'connected' && control.isOpen),
    'the link',
  );
}

function statesOf(end: LinkEnd): LinkEndState[] {
  const states: LinkEndState[] = [];
  end.onStateChange = (state) => void states.push(state);
  return states;
}

function messagesOf(end: LinkEnd): Uint8Array[] {
  const messages: Uint8Array[] = [];
  end.control.onMessage = (bytes) => void messages.push(bytes.slice());
  return messages;
}
