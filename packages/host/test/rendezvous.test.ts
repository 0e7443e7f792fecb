import type { Connection, Stream } from '@libp2p/interface';
import { afterEach, describe, expect, test } from 'vitest';
import {
  encodePath,
  RENDEZVOUS_PROTOCOL,
  rendezvousCodec,
  shortId,
  type ChannelId,
  type Offer,
  type OfferedCandidate,
  type PeerId,
  type Standing,
} from '@casto/core';
import { turn, VirtualClock } from '../src/conformance/virtual-clock.ts';
import { messageChannel, refusalCounter, RendezvousClient, serveRendezvous } from '../src/index.ts';
import type {
  AnnounceError,
  ChannelNews,
  MessageChannel,
  RendezvousHandlers,
  SlotReport,
} from '../src/index.ts';
import { freshId, TestPeers, until } from '../src/conformance/loopback-peers.ts';

const peers = new TestPeers();

afterEach(() => peers.stop());

type Verdict = Awaited<ReturnType<RendezvousHandlers['announce']>>;

/** A directory that a test writes: what it is asked is kept, what it answers is set. */
class Directory implements RendezvousHandlers {
  readonly announced: { record: Uint8Array; token: string | null; from: PeerId }[] = [];
  readonly watchers = new Map<ChannelId, Set<(news: ChannelNews) => void>>();
  verdict: () => Verdict | Promise<Verdict> = () => ({ carries: true });

  async announce(record: Uint8Array, token: string | null, from: PeerId): Promise<Verdict> {
    this.announced.push({ record, token, from });
    return this.verdict();
  }

  watch(channel: ChannelId, notify: (news: ChannelNews) => void): () => void {
    const watchers = this.watchers.get(channel) ?? new Set();
    this.watchers.set(channel, watchers.add(notify));
    notify(news(channel));
    return () => void watchers.delete(notify);
  }

  readonly offers = new Map<PeerId, OfferedCandidate>();
  readonly sought: { channel: ChannelId; layers: number; from: PeerId }[] = [];
  /** Searches wait for this. */
  finding: Promise<void> | null = null;
  place: Standing | null = null;

  async seek(channel: ChannelId, layers: number, from: PeerId): Promise<OfferedCandidate[]> {
    this.sought.push({ channel, layers, from });
    await this.finding;
    return [...this.offers.values()];
  }

  readonly records: (Uint8Array | null)[] = [];

  report({ addresses, offer, record }: SlotReport, from: PeerId): void {
    this.records.push(record);
    if (offer === null) this.offers.delete(from);
    else this.offers.set(from, { peerId: from, addresses, offer });
  }

  forget(_channel: ChannelId, from: PeerId): void {
    this.offers.delete(from);
  }

  standing(): Standing | null {
    return this.place;
  }

  tell(channel: ChannelId, changes: Partial<ChannelNews>): void {
    for (const notify of this.watchers.get(channel) ?? []) notify(news(channel, changes));
  }

  get watching(): number {
    return [...this.watchers.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

function news(channel: ChannelId, changes: Partial<ChannelNews> = {}): ChannelNews {
  return { channel, record: null, live: false, viewers: 0, parents: [], ...changes };
}

async function world() {
  const clock = new VirtualClock();
  const directory = new Directory();
  const refused = refusalCounter();
  const [relay, page] = [await peers.create(), await peers.create()];
  const server = await serveRendezvous(relay.libp2p, directory, { refused, clock });
  const connection = await peers.connect(page, relay);
  return { clock, directory, refused, relay, page, connection, server };
}

function open(connection: Connection, clock?: VirtualClock): Promise<RendezvousClient> {
  return RendezvousClient.open(connection, AbortSignal.timeout(5_000), clock);
}

/** A stream to the directory on which a test writes what it likes. */
async function rawStream(connection: Connection): Promise<{
  stream: Stream;
  channel: MessageChannel<ReturnType<typeof rendezvousCodec.decode> & object>;
}> {
  const stream = await connection.newStream(RENDEZVOUS_PROTOCOL);
  return { stream, channel: messageChannel(stream, rendezvousCodec) };
}

function nextNews(client: RendezvousClient, channel: ChannelId): () => Promise<ChannelNews> {
  const queue: ChannelNews[] = [];
  let wake = (): void => {};
  void client.watch(channel, (told) => {
    queue.push(told);
    wake();
  });
  return async () => {
    while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return queue.shift() ?? news(channel);
  };
}

describe('announcing', () => {
  test('[D2.1] hands over the record, the token and who it came from', async () => {
    const { directory, connection, page } = await world();
    const client = await open(connection);

    expect(await client.announce(new Uint8Array([1, 2]), 'secret')).toEqual({ carries: true });
    directory.verdict = () => ({ carries: false });
    expect(await client.announce(new Uint8Array(2_048), null)).toEqual({ carries: false });

    expect(directory.announced.map(({ record, token, from }) => [record.length, token, from])).toEqual([
      [2, 'secret', page.id],
      [2_048, null, page.id],
    ]);
  });

  test.each(['bad-record', 'not-owner', 'expired', 'superseded', 'not-allowed', 'full'] as const)(
    '[D6.2] tells the refusal %s, counts it and goes on',
    async (reason) => {
      const { directory, connection, refused } = await world();
      const client = await open(connection);
      directory.verdict = () => reason;

      await expect(client.announce(new Uint8Array(), null)).rejects.toMatchObject({
        name: 'AnnounceError',
        reason,
      } satisfies Partial<AnnounceError>);

      expect(refused.counts).toEqual({ [`announce:${reason}`]: 1 });
      directory.verdict = () => ({ carries: true });
      expect(await client.announce(new Uint8Array(), null)).toEqual({ carries: true });
    },
  );

  test('[D6.2] is answered in order', async () => {
    const { directory, connection } = await world();
    const client = await open(connection);
    const answers: Verdict[] = [{ carries: true }, 'full', { carries: false }, 'expired'];
    directory.verdict = () => answers.shift() ?? 'bad-record';

    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, (_, i) => client.announce(new Uint8Array([i]), null)),
    );

    expect(directory.announced.map(({ record }) => record[0])).toEqual([0, 1, 2, 3]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
  });

  test('fails when the relay does not answer, and lets go of the stream', async () => {
    const { directory, connection, clock } = await world();
    const client = await open(connection, clock);
    let closed = 0;
    client.onClosed = () => closed++;
    directory.verdict = () => new Promise(() => {});
    const announcing = client.announce(new Uint8Array(), null);
    await until(() => directory.announced.length === 1);

    clock.advance(10_000);

    await expect(announcing).rejects.toThrow('does not answer');
    expect(closed).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('fails when the relay goes away in the middle', async () => {
    const { directory, connection, relay } = await world();
    const client = await open(connection);
    directory.verdict = () => new Promise(() => {});
    const announcing = client.announce(new Uint8Array(), null);
    announcing.catch(() => {});
    await until(() => directory.announced.length === 1);

    await relay.libp2p.stop();

    await expect(announcing).rejects.toBeInstanceOf(Error);
    await expect(client.announce(new Uint8Array(), null)).rejects.toBeInstanceOf(Error);
    await expect(client.watch(relay.id, () => {})).rejects.toBeInstanceOf(Error);
  });
});

describe('watching', () => {
  test('[D6.1] is answered as things stand, and again when they change', async () => {
    const { directory, connection, relay } = await world();
    const next = nextNews(await open(connection), relay.id);

    expect(await next()).toMatchObject(news(relay.id));
    directory.tell(relay.id, { live: true, viewers: 3, record: new Uint8Array([1]) });
    expect(await next()).toMatchObject({ live: true, viewers: 3, record: new Uint8Array([1]) });
    directory.tell(relay.id, { parents: [{ peerId: relay.id, addresses: ['/ip4/127.0.0.1/tcp/1'] }] });
    expect((await next()).parents).toHaveLength(1);
  });

  test('[D6.1] is answered again when it is asked again, with one watcher at the directory', async () => {
    const { directory, connection, relay } = await world();
    const client = await open(connection);
    for (let i = 0; i < 3; i++) await nextNews(client, relay.id)();

    expect(directory.watching).toBe(1);
  });

  test('keeps channels apart', async () => {
    const { directory, connection, relay, page } = await world();
    const client = await open(connection);
    const [one, other] = [nextNews(client, relay.id), nextNews(client, page.id)];
    await Promise.all([one(), other()]);

    directory.tell(page.id, { viewers: 2 });
    directory.tell(relay.id, { viewers: 1 });

    expect((await one()).viewers).toBe(1);
    expect((await other()).viewers).toBe(2);
  });

  test('ends with the stream', async () => {
    const { directory, connection, relay } = await world();
    const client = await open(connection);
    await nextNews(client, relay.id)();
    expect(directory.watching).toBe(1);

    await client.close();

    await until(() => directory.watching === 0);
  });

  test('ends with the connection', async () => {
    const { directory, connection, relay } = await world();
    await nextNews(await open(connection), relay.id)();

    await connection.close();

    await until(() => directory.watching === 0);
  });
});

const OFFER: Offer = { kind: 'browser', depth: 2, delayMs: 40, freeSlots: 3, ageS: 60, layers: 1 };

function standing(peer: PeerId): Standing {
  return { ...OFFER, path: encodePath([1, 2].map(() => shortId(peer))), epoch: 7, flowing: true };
}

describe('seeking', () => {
  test('[D7.3, D8.1] names the peers that report slots, with what they offer', async () => {
    const { directory, connection, relay, page } = await world();
    const client = await open(connection);
    const record = new Uint8Array([1, 2, 3]);
    client.report({ channel: relay.id, addresses: ['/ip4/192.0.2.1/tcp/1'], offer: OFFER, record });

    expect(await client.seek(relay.id, 0b101)).toEqual([
      { peerId: page.id, addresses: ['/ip4/192.0.2.1/tcp/1'], offer: OFFER },
    ]);
    expect(directory.sought).toEqual([{ channel: relay.id, layers: 0b101, from: page.id }]);
    expect(directory.records).toEqual([record]);
  });

  test('[D7.1, D7.2] finds nobody who took the offer back, or whose stream has ended', async () => {
    const { directory, connection, relay } = await world();
    const client = await open(connection);
    const offered = { channel: relay.id, addresses: [], offer: OFFER, record: null };
    client.report(offered);
    client.report({ ...offered, offer: null });
    expect(await client.seek(relay.id, 1)).toEqual([]);

    const other = await open(connection);
    other.report(offered);
    await until(() => directory.offers.size === 1);
    await other.close();
    await until(() => directory.offers.size === 0);
    expect(await client.seek(relay.id, 1)).toEqual([]);
  });

  test('twice at the same time is one question', async () => {
    const { directory, connection, relay } = await world();
    const client = await open(connection);

    await Promise.all([client.seek(relay.id, 1), client.seek(relay.id, 1)]);

    expect(directory.sought).toHaveLength(1);
  });

  test('does not wait for ever, nor keep others waiting', async () => {
    const { directory, connection, relay, clock } = await world();
    const client = await open(connection, clock);
    let find = (): void => {};
    directory.finding = new Promise((resolve) => (find = resolve));
    const seeking = client.seek(relay.id, 1, 500);
    await until(() => directory.sought.length === 1);

    expect(await client.announce(new Uint8Array(), null)).toEqual({ carries: true });
    clock.advance(500);
    expect(await seeking).toEqual([]);

    find();
    expect(clock.pending).toBe(0);
  });

  test('finds nobody when the relay goes away', async () => {
    const { directory, connection, relay } = await world();
    const client = await open(connection);
    directory.finding = new Promise(() => {});
    const seeking = client.seek(relay.id, 1);
    await until(() => directory.sought.length === 1);

    await relay.libp2p.stop();

    expect(await seeking).toEqual([]);
    expect(await client.seek(relay.id, 1)).toEqual([]);
  });

  test('more than four times at once is not served', async () => {
    const { directory, connection, refused } = await world();
    directory.finding = new Promise(() => {});
    const { channel } = await rawStream(connection);
    for (let i = 0; i < 6; i++) await channel.write({ type: 'seek', channel: await freshId(), layers: 1 });

    await until(() => refused.counts['rendezvous:busy'] === 2);
    expect(directory.sought).toHaveLength(4);
  });

  test('does not let a peer report to more than 32 channels', async () => {
    const { connection, refused, clock, directory } = await world();
    const { channel } = await rawStream(connection);
    for (let i = 0; i < 33; i++) {
      const report = { channel: await freshId(), addresses: [], offer: OFFER, record: null };
      await channel.write({ type: 'report', ...report });
      clock.advance(1_000);
    }

    expect(await channel.read()).toEqual({ type: 'refused', reason: 'malformed' });
    expect(refused.counts).toEqual({ 'rendezvous:too-large': 1 });
    await until(() => directory.offers.size === 0);
  });
});

describe('probing', () => {
  async function twoPages() {
    const all = await world();
    const other = await peers.create();
    const client = await open(all.connection, all.clock);
    const target = await open(await peers.connect(other, all.relay), all.clock);
    // The relay knows of both streams when it has answered on them.
    await Promise.all([client.announce(new Uint8Array(), null), target.announce(new Uint8Array(), null)]);
    return { ...all, client, target, other };
  }

  test('[D9.1] asks another peer of the same relay where it stands', async () => {
    const { client, target, other, page, relay } = await twoPages();
    const asked: unknown[] = [];
    target.onProbe = (channel, from) => {
      asked.push([channel, from]);
      return standing(other.id);
    };

    const probed = await client.probe(relay.id, other.id);

    expect(probed?.standing).toEqual(standing(other.id));
    expect(probed?.rttMs).toBeGreaterThanOrEqual(0);
    expect(asked).toEqual([[relay.id, page.id]]);
  });

  test('asks the relay itself', async () => {
    const { client, relay, directory } = await twoPages();
    expect((await client.probe(relay.id, relay.id))?.standing).toBeNull();
    directory.place = standing(relay.id);
    expect((await client.probe(relay.id, relay.id))?.standing).toEqual(standing(relay.id));
  });

  test('[D9.2] of a peer that is not there, or stands nowhere, is answered by nothing', async () => {
    const { client, other, relay } = await twoPages();

    expect(await client.probe(relay.id, await freshId())).toMatchObject({ standing: null });
    expect(await client.probe(relay.id, other.id)).toMatchObject({ standing: null });
  });

  test('is given up after a while, and when the relay goes away', async () => {
    const { client, target, other, relay, clock } = await twoPages();
    let asked = 0;
    const silent = new Promise<void>((resolve) => {
      target.onProbe = () => {
        asked++;
        resolve();
        throw new Error('never mind');
      };
    });
    const probing = client.probe(relay.id, other.id, 300);
    await silent;
    clock.advance(300);
    expect(await probing).toBeNull();
    expect(asked).toBe(1);

    await relay.libp2p.stop();
    expect(await client.probe(relay.id, relay.id)).toBeNull();
  });

  test('[D9.3] too often reaches nobody, and costs the stream only when it is a flood', async () => {
    const { client, connection, other, target, relay, refused } = await twoPages();
    let asked = 0;
    target.onProbe = () => {
      asked++;
      return null;
    };
    const { channel } = await rawStream(connection);
    for (let nonce = 0; nonce < 60; nonce++) {
      await channel.write({ type: 'probe', channel: relay.id, peer: other.id, nonce });
    }
    for (let i = 0; i < 36; i++) expect((await channel.read()).type).toBe('probed');
    expect(asked).toBe(36);
    expect(refused.counts).toEqual({ 'probe:too-many': 24 });

    for (let nonce = 0; nonce < 20; nonce++) {
      await channel.write({ type: 'probe', channel: relay.id, peer: other.id, nonce });
    }
    expect(await channel.read()).toEqual({ type: 'refused', reason: 'malformed' });
    // The other stream of the same peer goes on.
    expect(await client.announce(new Uint8Array(), null)).toEqual({ carries: true });
  });

  test('[D9.4] an answer that nobody asked for is dropped', async () => {
    const { connection, client, other, relay, refused, target } = await twoPages();
    target.onProbe = () => standing(other.id);
    const { channel } = await rawStream(connection);
    await channel.write({
      type: 'probed',
      channel: relay.id,
      peer: other.id,
      nonce: 1,
      standing: standing(other.id),
    });

    expect((await client.probe(relay.id, other.id))?.standing).toEqual(standing(other.id));
    expect(refused.counts).toEqual({ 'probe:not-asked': 1 });
  });
});

describe('a relay that probes', () => {
  async function answering() {
    const all = await world();
    const client = await open(all.connection, all.clock);
    // The relay knows of the stream when it has answered on it.
    await client.announce(new Uint8Array(), null);
    return { ...all, client };
  }

  test('[D9.5] asks over the stream that the peer holds, in its own name', async () => {
    const { server, client, relay, page, connection } = await answering();
    const asked: unknown[] = [];
    client.onProbe = (channel, from) => {
      asked.push([channel, from]);
      return standing(page.id);
    };

    const probed = await server.probe(relay.id, page.id);

    expect(probed?.standing).toEqual(standing(page.id));
    expect(probed?.rttMs).toBeGreaterThanOrEqual(0);
    expect(asked).toEqual([[relay.id, relay.id]]);
    expect(connection.streams).toHaveLength(1);
  });

  test('[D9.2, D9.5] hears at once that a peer holds no stream there', async () => {
    const { server, client, relay, page } = await answering();
    client.onProbe = () => standing(page.id);
    const nowhere = { rttMs: 0, standing: null };

    expect(await server.probe(relay.id, await freshId())).toEqual(nowhere);
    expect((await server.probe(relay.id, page.id))?.standing).not.toBeNull();
    await page.libp2p.stop();
    await until(() => relay.libp2p.getConnections().length === 0);
    expect(await server.probe(relay.id, page.id)).toEqual(nowhere);
  });

  test('[D9.4, D9.5] waits a second, and believes no other answer', async () => {
    const { server, connection, relay, page, clock, refused } = await answering();
    const { channel } = await rawStream(connection);
    // The latest stream is the one that is asked.
    await channel.write({ type: 'announce', record: new Uint8Array(), token: null });
    await channel.read();
    const probing = server.probe(relay.id, page.id);
    const asked = await channel.read();
    if (asked.type !== 'probe') throw new Error(asked.type);
    const place = { channel: relay.id, peer: relay.id, standing: standing(page.id) };
    await channel.write({ type: 'probed', ...place, nonce: (asked.nonce ^ 1) >>> 0 });
    await until(() => refused.counts['probe:not-asked'] === 1);
    clock.advance(1_000);

    expect(await probing).toBeNull();
    expect(clock.pending).toBe(0);
  });
});

describe('the end of the stream', () => {
  test('is told to the client once', async () => {
    const { connection, relay } = await world();
    const client = await open(connection);
    let closed = 0;
    client.onClosed = () => closed++;

    await relay.libp2p.stop();
    await until(() => closed > 0);
    await client.close();

    expect(closed).toBe(1);
  });

  test('comes when the client closes, at both ends', async () => {
    const { connection, clock } = await world();
    const client = await open(connection, clock);
    let closed = 0;
    client.onClosed = () => closed++;

    await client.close();
    await client.close();

    expect(closed).toBe(1);
    await until(() => connection.streams.every(({ protocol }) => protocol !== RENDEZVOUS_PROTOCOL));
    expect(clock.pending).toBe(0);
  });
});

describe('bad input at the directory', () => {
  test.each([
    ['of no known shape', new Uint8Array([3, 0x81, 0x18, 0x01])],
    ['that is no CBOR', new Uint8Array([2, 0xff, 0xff])],
    ['that is too large', new Uint8Array([0xff, 0xff, 0x7f])],
    ['with a prefix without an end', new Uint8Array(8).fill(0xff)],
    ['for a peer, not a directory', framed(rendezvousCodec.encode({ type: 'announced', carries: true }))],
  ])('a message %s is answered by a refusal and the end of the stream', async (_, bytes) => {
    const { connection, refused } = await world();
    const { stream, channel } = await rawStream(connection);
    stream.send(bytes);

    expect(await channel.read()).toEqual({ type: 'refused', reason: 'malformed' });
    await expect(channel.read()).rejects.toThrow(/EOF|reset/);
    expect(Object.entries(refused.counts)).toEqual([[expect.stringMatching(/^rendezvous:/), 1]]);
  });

  test('leaves the streams of others, and the next one of the same peer, alone', async () => {
    const { connection, directory, relay, page } = await world();
    const client = await open(connection);
    const next = nextNews(client, relay.id);
    await next();
    const { stream, channel } = await rawStream(connection);
    stream.send(new Uint8Array([2, 0xff, 0xff]));
    await channel.read();

    directory.tell(relay.id, { viewers: 9 });

    expect((await next()).viewers).toBe(9);
    expect(await (await open(connection)).announce(new Uint8Array(), null)).toEqual({ carries: true });
    expect(directory.announced.at(-1)?.from).toBe(page.id);
  });

  test('watching more than 32 channels ends the stream, and the watching', async () => {
    const { connection, clock, directory, refused } = await world();
    const { channel } = await rawStream(connection);
    for (let i = 0; i < 33; i++) {
      await channel.write({ type: 'watch', channel: await freshId() });
      clock.advance(1_000);
    }

    for (let i = 0; i < 32; i++) expect((await channel.read()).type).toBe('channel');
    expect(await channel.read()).toEqual({ type: 'refused', reason: 'malformed' });
    expect(refused.counts).toEqual({ 'rendezvous:too-large': 1 });
    expect(directory.watching).toBe(0);
  });

  test('a flood of messages ends the stream', async () => {
    const { connection, directory, refused } = await world();
    const { channel } = await rawStream(connection);
    for (let i = 0; i < 60; i++)
      await channel.write({ type: 'announce', record: new Uint8Array(), token: null });

    for (let i = 0; i < 40; i++) expect((await channel.read()).type).toBe('announced');
    expect(await channel.read()).toEqual({ type: 'refused', reason: 'malformed' });
    expect(directory.announced).toHaveLength(40);
    expect(refused.counts).toEqual({ 'rendezvous:too-large': 1 });
  });

  test('ten messages a second are no flood', async () => {
    const { connection, clock } = await world();
    const client = await open(connection);
    for (let i = 0; i < 100; i++) {
      await client.announce(new Uint8Array(), null);
      clock.advance(100);
    }
  });

  test('a watcher that does not read is let go', async () => {
    const { connection, directory, relay, refused } = await world();
    const { stream, channel } = await rawStream(connection);
    await channel.write({ type: 'watch', channel: relay.id });
    await until(() => directory.watching === 1);
    stream.pause();

    for (let i = 0; i < 3_000 && directory.watching > 0; i++) {
      directory.tell(relay.id, { record: new Uint8Array(2_000), viewers: i });
      if (i % 100 === 0) await turn();
    }

    expect(directory.watching).toBe(0);
    expect(refused.counts).toEqual({ 'rendezvous:too-large': 1 });
  });
});

describe('bad input at the client', () => {
  async function faultyRelay(answer: (stream: Stream) => void): Promise<Connection> {
    const [relay, page] = [await peers.create(), await peers.create()];
    await relay.libp2p.handle(RENDEZVOUS_PROTOCOL, answer);
    return peers.connect(page, relay);
  }

  test('ends the stream', async () => {
    const connection = await faultyRelay((stream) => void stream.send(new Uint8Array([2, 0xff, 0xff])));
    const client = await open(connection);
    let closed = 0;
    client.onClosed = () => closed++;

    await until(() => closed === 1);
  });

  test('that answers what was not asked changes nothing', async () => {
    const connection = await faultyRelay((stream) => {
      const channel = messageChannel(stream, rendezvousCodec);
      const answer = async (): Promise<void> => {
        await channel.write({ type: 'announced', carries: true });
        await channel.write({ type: 'refused', reason: 'full' });
        await channel.write({ type: 'watch', channel: await freshId() });
        const watch = await channel.read();
        if (watch.type === 'watch') await channel.write({ type: 'channel', ...news(watch.channel) });
        await channel.read();
        await channel.write({ type: 'announced', carries: false });
      };
      void answer();
    });
    const client = await open(connection);
    // What was sent before this news has been read by then.
    await nextNews(client, await freshId())();

    expect(await client.announce(new Uint8Array(), null)).toEqual({ carries: false });
  });
});

function framed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array([bytes.length, ...bytes]);
}
