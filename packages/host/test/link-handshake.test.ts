import type { Connection, Stream } from '@libp2p/interface';
import { afterEach, describe, expect, test } from 'vitest';
import { encode as encodeVarint } from 'uint8-varint';
import {
  LINK_PROTOCOL,
  linkCodec,
  MAX_CANDIDATES,
  PROTOCOL_VERSION,
  type LinkMessage,
  type PeerId,
} from '@casto/core';
import { MemoryLinks, type MemoryChildEnd, type MemoryParentEnd } from '../src/conformance/memory-links.ts';
import type { MemoryPathOptions } from '../src/conformance/memory-links.ts';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import {
  messageChannel,
  parseSessionDescription,
  refusalCounter,
  relayRtpCapabilities,
  requestLink,
  serveLinks,
} from '../src/index.ts';
import type { JoinJudge, JoinOutcome, JoinRequest } from '../src/index.ts';
import { freshId, TestPeers, until } from '../src/conformance/loopback-peers.ts';

const HANDSHAKE_MS = 15_000;
const WANTED = { audio: true, video: 'vp8' as const };
const peers = new TestPeers();

afterEach(() => peers.stop());

type Path = Omit<MemoryPathOptions, 'clock'>;

/** A parent that judges joins as a test says, a connection to it, and ends that meet in memory. */
class HandshakeWorld {
  readonly clock = new VirtualClock();
  readonly links: MemoryLinks;
  readonly childRefused = refusalCounter();
  readonly parentRefused = refusalCounter();
  readonly parents: MemoryParentEnd[] = [];
  readonly joins: { join: JoinRequest; from: PeerId }[] = [];
  judge: JoinJudge = async (join) => this.accept(join);
  connection!: Connection;
  record: Uint8Array = new Uint8Array([1, 2, 3]);

  constructor(path: Path) {
    this.links = new MemoryLinks({ clock: this.clock, ...path });
  }

  static async create(path: Path = {}): Promise<HandshakeWorld> {
    const world = new HandshakeWorld(path);
    const [parent, child] = [await peers.create(), await peers.create()];
    await serveLinks(
      parent.libp2p,
      (join, from, connection) => {
        world.joins.push({ join, from });
        return world.judge(join, from, connection);
      },
      { refused: world.parentRefused, clock: world.clock },
    );
    world.connection = await peers.connect(child, parent);
    return world;
  }

  accept(join: JoinRequest): Awaited<ReturnType<JoinJudge>> {
    const end = this.links.parent(parseSessionDescription('offer', join.offer));
    this.parents.push(end);
    return {
      type: 'accept',
      end,
      acceptance: {
        version: PROTOCOL_VERSION,
        kind: 'headless',
        record: this.record,
        depth: 1,
        path: new Uint8Array(8),
      },
    };
  }

  async ask(
    end: MemoryChildEnd = this.links.child(WANTED),
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ end: MemoryChildEnd; outcome: JoinOutcome }> {
    const join = {
      version: PROTOCOL_VERSION,
      channel: await freshId(),
      kind: 'browser' as const,
      layers: [0],
      audio: true,
      capabilities: relayRtpCapabilities(),
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
    };
    const { childRefused: refused, clock } = this;
    return { end, outcome: await requestLink(this.connection, end, join, { signal, refused, clock }) };
  }

  /** A stream on which a test plays the child itself. */
  async raw(): Promise<{ stream: Stream; channel: ReturnType<typeof messageChannel<LinkMessage>> }> {
    const stream = await this.connection.newStream(LINK_PROTOCOL);
    return { stream, channel: messageChannel(stream, linkCodec) };
  }

  async rawJoin(end: MemoryChildEnd, changes: Partial<JoinRequest> = {}): Promise<LinkMessage> {
    return {
      type: 'join',
      version: PROTOCOL_VERSION,
      channel: await freshId(),
      kind: 'browser',
      layers: [0],
      audio: true,
      capabilities: {},
      offer: await end.offer(),
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
      ...changes,
    };
  }

  /** A child up to the answer, on whose stream a test goes on. */
  async rawChild(): Promise<{
    child: Awaited<ReturnType<HandshakeWorld['raw']>>;
    end: MemoryChildEnd;
    join: LinkMessage;
  }> {
    const child = await this.raw();
    const end = this.links.child(WANTED);
    const join = await this.rawJoin(end);
    await child.channel.write(join);
    const reply = await child.channel.read();
    if (reply.type !== 'accept') throw new Error('not accepted');
    await end.accept(reply.answer);
    return { child, end, join };
  }

  get streams(): number {
    return this.connection.streams.filter(({ protocol }) => protocol === LINK_PROTOCOL).length;
  }

  /** All ends, streams and timers are gone. */
  async untilNothingIsLeft(): Promise<void> {
    await this.clock.until(() => this.links.open === 0 && this.streams === 0, 'ends and streams to go');
    await this.clock.until(() => this.clock.pending === 0, 'the last timer');
  }
}

describe('a join that is accepted', () => {
  test('[L1.1, L1.2] brings the parent all that the child said, and the child the answer', async () => {
    const world = await HandshakeWorld.create();
    const { end, outcome } = await world.ask();

    expect(world.joins).toHaveLength(1);
    expect(world.joins[0]?.join).toMatchObject({ version: PROTOCOL_VERSION, kind: 'browser', layers: [0] });
    expect(world.joins[0]?.join.offer).toBe(await end.offer());
    expect(world.joins[0]?.from).toMatch(/^12D3KooW/);
    expect(outcome).toMatchObject({
      type: 'accepted',
      kind: 'headless',
      version: PROTOCOL_VERSION,
      depth: 1,
      record: new Uint8Array([1, 2, 3]),
    });
  });

  test.each<[string, Path]>([
    ['with candidates in the answer', {}],
    ['with all candidates after it', { candidates: 'trickled' }],
    ['over a long way', { latencyMs: 300, candidates: 'trickled' }],
  ])('[L3.2] connects %s', async (_, path) => {
    const world = await HandshakeWorld.create(path);
    const { end } = await world.ask();

    await world.clock.until(() => end.control.isOpen, 'the link');

    expect(world.parents[0]?.control.isOpen).toBe(true);
    expect(world.parentRefused.counts).toEqual({});
    expect(world.childRefused.counts).toEqual({});
  });

  test('[L6.2] lives on when the stream has ended, which it does once the link is up', async () => {
    const world = await HandshakeWorld.create();
    const { end } = await world.ask();
    await world.clock.until(() => end.control.isOpen, 'the link');

    await world.clock.until(() => world.streams === 0, 'the end of the stream', 500);
    await world.clock.until(() => world.clock.pending === 0, 'the last timer', 3_000);
    await world.clock.pass(2 * HANDSHAKE_MS, 1_000);

    expect([end.state, world.parents[0]?.state]).toEqual(['connected', 'connected']);
  });

  test('[L6.2] lives on when the libp2p connection is lost', async () => {
    const world = await HandshakeWorld.create();
    const { end } = await world.ask();
    await world.clock.until(() => end.control.isOpen, 'the link');

    world.connection.abort(new Error('cut'));
    await world.clock.pass(2 * HANDSHAKE_MS, 1_000);

    expect([end.state, world.parents[0]?.state]).toEqual(['connected', 'connected']);
  });

  test("goes on telling candidates when the other end's are all told", async () => {
    const world = await HandshakeWorld.create({ candidates: 'trickled', latencyMs: 50 });
    const { child } = await world.rawChild();
    await child.channel.write({ type: 'candidate', candidate: '' });
    const candidate = child.channel.read();
    // The parent has gathered long after that.
    await world.clock.pass(100);

    expect(await candidate).toEqual({ type: 'candidate', candidate: world.parents[0]?.candidate });
  });

  test('[L3.1] tells no more than 32 candidates, and none that is too long', async () => {
    const world = await HandshakeWorld.create({ candidates: 'trickled', latencyMs: 200 });
    const { child } = await world.rawChild();
    await until(() => world.parents[0]?.onCandidate !== null);
    world.parents[0]?.onCandidate?.(`candidate:${'1'.repeat(300)}`);
    for (let i = 0; i < 2 * MAX_CANDIDATES; i++) world.parents[0]?.onCandidate?.(`candidate:${i}`);
    world.parents[0]?.onCandidate?.('');
    const told: LinkMessage[] = [];
    while (told.length <= MAX_CANDIDATES) told.push(await child.channel.read());

    expect(told.slice(0, -1)).toEqual(
      Array.from({ length: MAX_CANDIDATES }, (_, i) => ({ type: 'candidate', candidate: `candidate:${i}` })),
    );
    expect(told.at(-1)).toEqual({ type: 'candidate', candidate: '' });
  });

  test('[L1.3] is given up by both ends when the link does not come up within 15 s', async () => {
    const world = await HandshakeWorld.create({ latencyMs: 10_000, connectMs: 60_000 });
    const { end } = await world.ask();
    await world.clock.pass(HANDSHAKE_MS - 1_000, 100);
    expect([end.state, world.parents[0]?.state]).toEqual(['connecting', 'connecting']);

    await world.clock.pass(1_100, 100);

    expect([end.state, world.parents[0]?.state]).toEqual(['closed', 'closed']);
    await world.untilNothingIsLeft();
  });

  test('frees the slot of a child that goes away before the link is up', async () => {
    const world = await HandshakeWorld.create({ latencyMs: 1_000 });
    const { end } = await world.ask();
    expect(world.parents[0]?.state).toBe('connecting');

    end.close();
    await world.clock.until(() => world.parents[0]?.state === 'closed', 'the free slot', 1_000);

    await world.untilNothingIsLeft();
  });

  test('whose stream only ends has the rest of its time', async () => {
    const world = await HandshakeWorld.create({ latencyMs: 200 });
    const { child, end } = await world.rawChild();
    await child.stream.close();

    await world.clock.until(() => end.control.isOpen, 'the link');

    expect(world.parents[0]?.state).toBe('connected');
  });
});

describe('a join that is not accepted', () => {
  test.each(['full', 'offline', 'not-found', 'draining', 'loop', 'too-deep', 'not-allowed'] as const)(
    '[L4.1] because of %s tells the child, and leaves nothing',
    async (reason) => {
      const world = await HandshakeWorld.create();
      world.judge = async () => ({ type: 'refuse', reason, retryAfterMs: 5_000 });

      const { end, outcome } = await world.ask();

      expect(outcome).toMatchObject({ type: 'refused', reason, retryAfterMs: 5_000 });
      expect(end.state).toBe('closed');
      expect(world.parentRefused.counts).toEqual({ [`join:${reason}`]: 1 });
      await world.untilNothingIsLeft();
    },
  );

  test('[L4.2] is redirected', async () => {
    const world = await HandshakeWorld.create();
    const parents = [{ peerId: await freshId(), addresses: ['/ip4/192.0.2.1/tcp/1/ws'] }];
    world.judge = async () => ({ type: 'redirect', parents });

    const { end, outcome } = await world.ask();

    expect(outcome).toMatchObject({ type: 'redirected', parents });
    expect(end.state).toBe('closed');
    expect(world.parentRefused.counts).toEqual({});
    await world.untilNothingIsLeft();
  });

  test('because the parent fails is told as busy', async () => {
    const world = await HandshakeWorld.create();
    world.judge = () => Promise.reject(new RangeError('out of memory'));

    const { outcome } = await world.ask();

    expect(outcome).toMatchObject({ type: 'refused', reason: 'busy' });
    expect(world.parentRefused.counts).toEqual({ 'link:RangeError': 1 });
    await world.untilNothingIsLeft();
  });

  test.each(['SessionDescriptionError', 'CapabilitiesError'])(
    'because of a %s is told as malformed',
    async (name) => {
      const world = await HandshakeWorld.create();
      world.judge = () => Promise.reject(Object.assign(new Error('bad'), { name, reason: 'bad-codec' }));

      const { outcome } = await world.ask();

      expect(outcome).toMatchObject({ type: 'refused', reason: 'malformed' });
      expect(world.parentRefused.counts).toEqual({ 'link:bad-codec': 1 });
    },
  );

  test('because the parent cannot answer closes its end', async () => {
    const world = await HandshakeWorld.create();
    world.judge = async (join) => {
      const decision = world.accept(join);
      world.parents[0]?.close();
      return decision;
    };

    const { outcome } = await world.ask();

    expect(outcome).toMatchObject({ type: 'refused', reason: 'busy' });
    await world.untilNothingIsLeft();
  });

  test('[L1.3] because the parent does not answer ends after 15 s', async () => {
    const world = await HandshakeWorld.create();
    world.judge = () => new Promise(() => {});
    const asking = world.ask();
    asking.catch(() => {});
    await until(() => world.joins.length === 1);

    await world.clock.pass(HANDSHAKE_MS, 1_000);

    await expect(asking).rejects.toThrow(/took too long|abort|reset|EOF/i);
    await world.untilNothingIsLeft();
  });

  test('because it took the parent too long closes the end that it made', async () => {
    const world = await HandshakeWorld.create();
    let decide = (): void => {};
    world.judge = async (join) => {
      await new Promise<void>((resolve) => (decide = resolve));
      return world.accept(join);
    };
    const asking = world.ask();
    asking.catch(() => {});
    await until(() => world.joins.length === 1);
    await world.clock.pass(HANDSHAKE_MS, 1_000);

    decide();

    await expect(asking).rejects.toBeInstanceOf(Error);
    await world.untilNothingIsLeft();
    expect(world.parents[0]?.state).toBe('closed');
  });
});

describe('a child that stops asking', () => {
  test('before the stream is there closes its end', async () => {
    const world = await HandshakeWorld.create();
    const end = world.links.child(WANTED);

    await expect(world.ask(end, AbortSignal.abort(new Error('stopped')))).rejects.toBeInstanceOf(Error);

    expect(end.state).toBe('closed');
    await world.untilNothingIsLeft();
  });

  test('while the parent decides closes both ends', async () => {
    const world = await HandshakeWorld.create();
    let decide = (): void => {};
    world.judge = async (join) => {
      await new Promise<void>((resolve) => (decide = resolve));
      return world.accept(join);
    };
    const stop = new AbortController();
    const end = world.links.child(WANTED);
    const asking = world.ask(end, stop.signal);
    asking.catch(() => {});
    await until(() => world.joins.length === 1);

    stop.abort(new Error('stopped'));
    await expect(asking).rejects.toThrow(/stopped|abort/);
    expect(end.state).toBe('closed');
    await until(() => world.streams === 0);
    decide();

    await world.untilNothingIsLeft();
  });

  test('because its offer fails leaves nothing', async () => {
    const world = await HandshakeWorld.create();
    const end = world.links.child(WANTED);
    end.close();

    await expect(world.ask(end)).rejects.toThrow('closed meanwhile');

    await world.untilNothingIsLeft();
    expect(world.joins).toEqual([]);
  });

  test('because the connection is lost leaves nothing', async () => {
    const world = await HandshakeWorld.create();
    world.judge = () => new Promise(() => {});
    const asking = world.ask();
    asking.catch(() => {});
    await until(() => world.joins.length === 1);

    world.connection.abort(new Error('cut'));

    await expect(asking).rejects.toBeInstanceOf(Error);
    await world.clock.until(() => world.links.open === 0, 'the end to go');
  });
});

describe('bad input at the parent', () => {
  test.each<[string, Uint8Array]>([
    ['that is no CBOR', framed(new Uint8Array([0xff, 0xff]))],
    ['that is too large', new Uint8Array(encodeVarint(linkCodec.maxBytes + 1))],
    ['with a prefix without an end', new Uint8Array(8).fill(0xff)],
    ['of another type', framed(linkCodec.encode({ type: 'candidate', candidate: '' }))],
    ['of a parent', framed(linkCodec.encode({ type: 'refuse', reason: 'full', retryAfterMs: 0 }))],
  ])('[X1.3] a message %s is refused as malformed, and counted', async (_, bytes) => {
    const world = await HandshakeWorld.create();
    const { stream, channel } = await world.raw();
    stream.send(bytes);

    expect(await channel.read()).toMatchObject({ type: 'refuse', reason: 'malformed' });

    expect(world.joins).toEqual([]);
    expect(Object.entries(world.parentRefused.counts)).toEqual([[expect.stringMatching(/^link:/), 1]]);
    await stream.close();
    await world.untilNothingIsLeft();
  });

  test('[L1.3] nothing at all ends the stream after 15 s', async () => {
    const world = await HandshakeWorld.create();
    const { stream } = await world.raw();
    // A stream is opened with its first byte.
    stream.send(new Uint8Array([0x80]));
    await world.clock.until(() => world.clock.pending === 1, 'the stream');

    await world.clock.pass(HANDSHAKE_MS, 1_000);

    await until(() => stream.remoteWriteStatus === 'closed', 'the end of the stream');
    await stream.close().catch(() => {});
    await world.untilNothingIsLeft();
  });

  test('[L3.1] candidates beyond 32 are dropped and counted, and the link comes up', async () => {
    const world = await HandshakeWorld.create({ candidates: 'trickled', latencyMs: 100 });
    const { child, end } = await world.rawChild();
    for (let port = 1; port <= MAX_CANDIDATES + 20; port++) {
      await child.channel.write({
        type: 'candidate',
        candidate: `candidate:1 1 udp 1 192.0.2.1 ${port} typ host`,
      });
    }
    await child.channel.write({ type: 'candidate', candidate: 'nonsense' });
    await child.channel.write({ type: 'candidate', candidate: '' });

    await world.clock.until(() => end.control.isOpen, 'the link');

    expect(world.parents[0]?.candidatesTaken).toBe(MAX_CANDIDATES);
    await world.clock.until(() => (world.parentRefused.counts['link:bad-candidate'] ?? 0) > 0, 'the count');
  });

  test.each<[string, (world: Awaited<ReturnType<HandshakeWorld['rawChild']>>) => unknown]>([
    ['no CBOR', ({ child }) => child.stream.send(framed(new Uint8Array([0xff, 0xff])))],
    ['a second join', ({ child, join }) => child.channel.write(join)],
    ['candidates without end', ({ child }) => flood(child.channel)],
  ])('%s after the answer ends the stream and is counted; the link has its time', async (_, write) => {
    const world = await HandshakeWorld.create({ latencyMs: 100 });
    const opening = await world.rawChild();
    await write(opening);

    await world.clock.until(() => opening.end.control.isOpen, 'the link');

    expect(Object.keys(world.parentRefused.counts)).toContainEqual(expect.stringMatching(/^link:/));
    expect(opening.child.stream.status).not.toBe('open');
  });
});

describe('bad input at the child', () => {
  /** A parent that answers a join with these bytes. */
  async function faulty(answer: (stream: Stream) => void): Promise<HandshakeWorld> {
    const world = new HandshakeWorld({});
    const [parent, child] = [await peers.create(), await peers.create()];
    await parent.libp2p.handle(LINK_PROTOCOL, (stream) => {
      const channel = messageChannel(stream, linkCodec);
      void channel
        .read()
        .then(() => answer(stream))
        .catch(() => {});
    });
    world.connection = await peers.connect(child, parent);
    return world;
  }

  const acceptance = {
    type: 'accept',
    version: 1,
    kind: 'headless',
    record: new Uint8Array(),
    depth: 0,
    path: new Uint8Array(4),
  } as const;

  test.each<[string, Uint8Array]>([
    ['no CBOR', framed(new Uint8Array([0xff, 0xff]))],
    ['too large a message', new Uint8Array(encodeVarint(linkCodec.maxBytes + 1))],
    ['a candidate', framed(linkCodec.encode({ type: 'candidate', candidate: '' }))],
    ['no description', framed(linkCodec.encode({ ...acceptance, answer: 'v=0' }))],
  ])('%s ends the handshake, and is counted', async (_, bytes) => {
    const world = await faulty((stream) => void stream.send(bytes));
    const end = world.links.child(WANTED);

    await expect(world.ask(end)).rejects.toBeInstanceOf(Error);

    expect(end.state).toBe('closed');
    expect(Object.keys(world.childRefused.counts)).toEqual([expect.stringMatching(/^link:/)]);
    await world.untilNothingIsLeft();
  });

  test('half an answer is waited for until the time is over', async () => {
    const world = await faulty((stream) => void stream.send(new Uint8Array([0x20, 0x81])));
    const asking = world.ask();
    asking.catch(() => {});
    await world.clock.pass(100);

    await world.clock.pass(HANDSHAKE_MS, 1_000);

    await expect(asking).rejects.toThrow(/took too long|abort/);
    await world.untilNothingIsLeft();
  });

  test('a stream that ends without an answer fails at once', async () => {
    const world = await faulty((stream) => void stream.close());

    await expect(world.ask()).rejects.toThrow(/EOF|reset/);

    await world.untilNothingIsLeft();
  });
});

function framed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array([...encodeVarint(bytes.length), ...bytes]);
}

async function flood(channel: ReturnType<typeof messageChannel<LinkMessage>>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    await channel
      .write({ type: 'candidate', candidate: `candidate:1 2 udp 1 192.0.2.1 ${i + 1} typ host` })
      .catch(() => {});
  }
}
