import { generateKeyPair } from '@libp2p/crypto/keys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  encodePath,
  encodeSignedRecord,
  MAX_DEPTH,
  shortId,
  type AnnounceRefusal,
  type ChannelId,
} from '@casto/core';
import { relayRtpCapabilities, signSignal, type JoinDecision } from '@casto/host';
import { freshId } from '@casto/host/conformance/loopback-peers';
import { RelayWorld, type TestRelay, type TestStreamer, type TestViewer } from './relay/relay-world.ts';

const LINGER_MS = 3_000;
const OFFLINE_GRACE_MS = 75_000;
const SEARCH_MS = 2_000;

let world: RelayWorld;

beforeEach(() => {
  world = new RelayWorld();
});
afterEach(() => world.stop());

/** A relay with a broadcast on it. */
async function broadcast(): Promise<{ relay: TestRelay; streamer: TestStreamer }> {
  const [relay, streamer] = [await world.relay(), await world.streamer()];
  await streamer.goLive(relay);
  return { relay, streamer };
}

async function viewers(count: number, relay: TestRelay, streamer: TestStreamer): Promise<TestViewer[]> {
  const all = await Promise.all(Array.from({ length: count }, () => world.viewer()));
  for (const viewer of all) await viewer.join(relay, streamer.channel);
  return all;
}

/** Closes all relays, and checks that they leave nothing behind. */
async function expectNothingLeft(...relays: TestRelay[]): Promise<void> {
  const closing = Promise.all(relays.map(({ channels }) => channels.close()));
  await world.clock.pass(200);
  await closing;
  for (const { channels } of relays) expect(channels.status()).toEqual([]);
  for (const { ends } of world.streamers) for (const end of ends) end.close();
  await world.stop();
  await world.until(() => world.links.open === 0, 'the last end');
  await world.until(() => world.clock.pending === 0, 'the last timer');
}

function refusal(reason: AnnounceRefusal): unknown {
  return expect.objectContaining({ name: 'AnnounceError', reason });
}

describe('an announcement', () => {
  test('makes the relay take the media, once', async () => {
    const { relay, streamer } = await broadcast();
    expect(await streamer.announce(relay)).toEqual({ carries: true });
    expect(await streamer.announce(relay)).toEqual({ carries: true });
    await world.play(200);

    expect(relay.pulls).toBe(1);
    expect(streamer.joins[0]).toMatchObject({ from: relay.peer.id, join: { kind: 'headless', layers: [0] } });
    expect(relay.channels.status()).toEqual([
      { channel: streamer.channel, title: 'Test', live: true, viewers: 0 },
    ]);
    expect(relay.channels.carried).toEqual([streamer.channel]);
    expect(relay.network.published).toHaveLength(3);
    await expectNothingLeft(relay);
  });

  test.each<[AnnounceRefusal, (relay: TestRelay, streamer: TestStreamer) => Promise<unknown>]>([
    ['expired', (relay, streamer) => streamer.announce(relay, { expiresAt: Math.floor(world.clock.now()) })],
    ['bad-record', (relay, streamer) => streamer.announce(relay, { expiresAt: world.clock.now() + 1e9 })],
    [
      'bad-record',
      async (relay, streamer) =>
        (await streamer.connect(relay)).announce(
          encodeSignedRecord(new Uint8Array([0x80]), new Uint8Array(64)),
          null,
        ),
    ],
    [
      'not-owner',
      async (relay, streamer) => {
        const { bytes } = await (await world.streamer()).sign();
        return (await streamer.connect(relay)).announce(bytes, null);
      },
    ],
    [
      'superseded',
      async (relay, streamer) => {
        await streamer.announce(relay, { sequence: 7 });
        return streamer.announce(relay, { sequence: 6 });
      },
    ],
    [
      'superseded',
      async (relay, streamer) => {
        await streamer.announce(relay, { sequence: 7 });
        return streamer.announce(relay, { sequence: 7, title: 'another' });
      },
    ],
  ])('[D2.3, D3.1, D4.1, D6.2] is refused as %s', async (reason, announce) => {
    const [relay, streamer] = [await world.relay(), await world.streamer()];

    await expect(announce(relay, streamer)).rejects.toEqual(refusal(reason));

    expect(relay.refused.counts[`announce:${reason}`]).toBe(1);
  });

  test.each([null, '', 'secre', 'secrets'])('with the token %j is not allowed', async (token) => {
    const [relay, streamer] = [await world.relay({ publishToken: 'secret' }), await world.streamer()];

    await expect(streamer.announce(relay, {}, token)).rejects.toEqual(refusal('not-allowed'));
    expect(relay.knows(streamer.channel)).toBe(false);
    expect(relay.records.get(streamer.channel)).toBeNull();

    expect(await streamer.announce(relay, {}, 'secret')).toEqual({ carries: true });
  });

  test('the same one again is taken again', async () => {
    const [relay, streamer] = [await world.relay(), await world.streamer()];
    const { bytes } = await streamer.sign();
    const rendezvous = await streamer.connect(relay);
    await rendezvous.announce(bytes, null);

    expect(await rendezvous.announce(bytes, null)).toEqual({ carries: true });
  });

  test('of a streamer that is gone when it has been judged leaves nothing', async () => {
    const [relay, streamer] = [await world.relay(), await world.streamer()];
    await streamer.connect(relay);
    const [connection] = relay.peer.libp2p.getConnections();
    if (!connection) throw new Error('not connected');
    const { bytes } = await streamer.sign();
    const announcing = relay.channels.announce(bytes, null, streamer.channel, connection);
    connection.abort(new Error('gone'));
    await announcing;

    expect(relay.channels.carried).toEqual([]);
    expect(relay.channels.status()).toEqual([]);
  });

  test('of one channel more than 500 is refused as full, until one ends', async () => {
    const relay = await world.relay({ maxViewers: 0 });
    const streamer = await world.streamer();
    await streamer.connect(relay);
    const [connection] = relay.peer.libp2p.getConnections();
    if (!connection) throw new Error('not connected');
    const announce = async (key: TestStreamer, live = true): Promise<unknown> =>
      relay.channels.announce((await key.sign({ live })).bytes, null, key.channel, connection);
    const others: TestStreamer[] = [];
    for (let i = 0; i < 500; i++) others.push(await signer());
    for (const other of others) expect(await announce(other)).toEqual({ carries: false });

    expect(await announce(streamer)).toBe('full');
    const [first] = others;
    if (!first) throw new Error('no others');
    expect(await announce(first)).toEqual({ carries: false });
    await announce(first, false);
    expect(await announce(streamer)).toEqual({ carries: false });
  });

  test('is retried when the streamer does not give its media at once', async () => {
    const [relay, streamer] = [await world.relay(), await world.streamer()];
    let tries = 0;
    streamer.judge = async () => (++tries < 3 ? { type: 'refuse', reason: 'busy', retryAfterMs: 0 } : null);
    await streamer.announce(relay);

    await world.until(() => relay.parents.length === 1, 'the third attempt');

    expect(tries).toBe(3);
  });

  test('[L6.1] whose streamer shows another channel is not believed', async () => {
    const [relay, streamer, other] = [await world.relay(), await world.streamer(), await world.streamer()];
    const { bytes } = await other.sign();
    streamer.judge = async (join) => {
      const decision = await streamer.accept(join, relay.peer.id);
      return { ...decision, acceptance: { ...decision.acceptance, record: bytes } };
    };
    await streamer.announce(relay);
    await world.until(() => relay.logged.includes('pull-failed'), 'the refusal');

    expect(relay.parents).toEqual([]);
    await expectNothingLeft(relay);
  });
});

describe('viewers', () => {
  test('are served by the relay, and counted', async () => {
    const { relay, streamer } = await broadcast();
    const all = await viewers(3, relay, streamer);
    await world.play(3_000);

    expect(all.map(({ isPlaying }) => isPlaying)).toEqual([true, true, true]);
    expect(relay.channels.status()[0]).toMatchObject({ live: true, viewers: 3 });
    expect(relay.channels.census.children).toBe(3);
    expect(all[0]?.link?.remoteState).toMatchObject({ depth: 1, viewers: 3, flowing: true });
    // The streamer counts them too.
    expect(streamer.links[0]?.remoteState?.viewers).toBe(3);

    await world.play(5_000);
    const { layers, slots, ageS = 0, delayMs } = all[0]?.link?.remoteState ?? {};
    expect({ layers, slots }).toEqual({ layers: 0b001, slots: 75 });
    expect(ageS).toBeGreaterThan(0);
    // Half a round trip, and the 12 ms of a parent that is a page.
    expect(delayMs).toBe(Math.round((streamer.links[0]?.rttMs ?? 0) / 2 + 12));

    await expectNothingLeft(relay);
  });

  test('[K4.6] that claim more than there can be make no message unreadable', async () => {
    const { relay, streamer } = await broadcast();
    const all = await viewers(3, relay, streamer);
    const watcher = await (await world.viewer()).watch(relay, streamer.channel);
    for (const { link } of all) {
      link?.advertise({
        depth: null,
        path: new Uint8Array(4),
        freeSlots: 0,
        subtreeSlots: 0,
        viewers: 0xffffffff,
        epoch: 0,
        clockOffsetMs: null,
        flowing: true,
        delayMs: null,
        slots: 0,
        ageS: 0,
        layers: 0,
        received: null,
      });
    }
    await world.play(4_000);

    expect(relay.channels.viewers).toBe(0xffffffff);
    expect(watcher.at(-1)).toMatchObject({ viewers: 0xffffffff });
    expect(streamer.links[0]?.remoteState?.viewers).toBe(0xffffffff);
  });

  test('are told of each other a few times a second, not at each join', async () => {
    const { relay, streamer } = await broadcast();
    const [first] = await viewers(1, relay, streamer);
    await world.play(1_000);
    const before = first?.events.filter(({ type }) => type === 'state').length ?? 0;
    const at = world.clock.now();
    const more = await Promise.all(Array.from({ length: 30 }, () => world.viewer()));
    await Promise.all(more.map((viewer) => viewer.join(relay, streamer.channel)));
    await world.play(1_000);
    const states = (first?.events.filter(({ type }) => type === 'state').length ?? 0) - before;

    expect(first?.link?.remoteState?.viewers).toBe(31);
    expect(states).toBeLessThanOrEqual((world.clock.now() - at) / 500 + 1);
  });

  test.each([
    ['[W1.2] version', { version: 2 }, 'version'],
    ['more layers than sections', { layers: [0, 1] }, 'malformed'],
    ['no audio, and a section for it', { audio: false }, 'malformed'],
    ['no capabilities', { capabilities: null }, 'malformed'],
    [
      'capabilities without end',
      { capabilities: { codecs: Array.from({ length: 100 }, () => ({})) } },
      'malformed',
    ],
    [
      'other codecs',
      {
        capabilities: { ...relayRtpCapabilities(), codecs: relayRtpCapabilities().codecs?.slice(0, 1) ?? [] },
      },
      'no-common-codec',
    ],
  ] as const)('that ask with %s are refused', async (_, changes, reason) => {
    const { relay, streamer } = await broadcast();
    const viewer = await world.viewer();

    expect(await viewer.ask(relay, streamer.channel, changes as never)).toMatchObject({
      type: 'refused',
      reason,
    });

    expect(relay.channels.census.children).toBe(0);
    expect(Object.values(relay.refused.counts)).toEqual([1]);
  });

  test('beyond the limit are refused as full, or sent to the streamer', async () => {
    let addresses: string[] = [];
    const relay = await world.relay({ maxViewers: 2, circuitAddresses: () => addresses });
    const streamer = await world.streamer();
    await streamer.goLive(relay);
    await viewers(2, relay, streamer);
    const late = await world.viewer();

    expect(await late.ask(relay, streamer.channel)).toMatchObject({ type: 'refused', reason: 'full' });
    addresses = ['/ip4/127.0.0.1/tcp/1/ws/p2p-circuit'];
    expect(await late.ask(relay, streamer.channel)).toMatchObject({
      type: 'redirected',
      parents: [{ peerId: streamer.channel, addresses }],
    });
  });

  test('[C1.1] are offered no places while the processor has no time left', async () => {
    const processor = { load: 0 };
    const [relay, streamer] = [await world.relay({ processor }), await world.streamer()];
    await streamer.goLive(relay);
    await viewers(1, relay, streamer);
    const slotsAt = async (load: number): Promise<number | undefined> => {
      processor.load = load;
      await world.play(100);
      return relay.channels.view(streamer.channel)?.slots;
    };
    expect([await slotsAt(0.9), await slotsAt(0.95), await slotsAt(0.5)]).toEqual([75, 0, 75]);
    expect(relay.channels.viewers).toBe(1);
  });

  test('that wait for the same pull are not all taken beyond the limit', async () => {
    const [home, relay] = [await world.relay(), await world.relay({ maxViewers: 2 })];
    const streamer = await world.streamer();
    await streamer.goLive(home);
    const all = await Promise.all(Array.from({ length: 5 }, () => world.viewer()));

    const outcomes = await Promise.all(all.map((viewer) => viewer.ask(relay, streamer.channel)));

    expect(outcomes.filter(({ type }) => type === 'accepted')).toHaveLength(2);
    expect(outcomes.filter((one) => one.type === 'refused' && one.reason === 'full')).toHaveLength(3);
    expect(relay.pulls).toBe(1);
  });

  test('[L5.2] that stand above the relay are refused as a loop', async () => {
    const { relay, streamer } = await broadcast();
    await world.play(500);
    const { clock } = world;
    const offer = await world.links.child({ audio: true, video: 'vp8' }).offer();
    const join = {
      version: 1,
      channel: streamer.channel,
      kind: 'browser' as const,
      layers: [0],
      audio: true,
      capabilities: relayRtpCapabilities(),
      offer,
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
    };

    expect(await relay.channels.judge(join, streamer.channel)).toMatchObject({ reason: 'loop' });
    expect(await relay.channels.judge(join, await freshId())).toMatchObject({ type: 'accept' });
    expect(clock.now()).toBeGreaterThan(0);
  });

  test('[L5.1] have no place below depth 12', async () => {
    const { relay, streamer } = await broadcast();
    streamer.links[0]?.advertise({
      depth: MAX_DEPTH - 1,
      path: encodePath(Array.from({ length: MAX_DEPTH }, () => shortId(streamer.channel))),
      freeSlots: 0,
      subtreeSlots: 0,
      viewers: 0,
      epoch: 1,
      clockOffsetMs: 0,
      flowing: true,
      delayMs: 0,
      slots: 0,
      ageS: 0,
      layers: 0,
      received: null,
    });
    await world.play(200);

    expect(await (await world.viewer()).ask(relay, streamer.channel)).toMatchObject({ reason: 'too-deep' });
  });

  test('may signal to each other through the relay, and to the streamer', async () => {
    const { relay, streamer } = await broadcast();
    const [one, other] = await viewers(2, relay, streamer);
    if (!one || !other) throw new Error('no viewers');
    const sign = async (from: TestViewer, to: typeof other.peer.id): ReturnType<typeof signSignal> =>
      signSignal(from.peer.key, {
        from: from.peer.id,
        to,
        fingerprint: new Uint8Array(32),
        payload: new Uint8Array([9]),
        nonce: new Uint8Array(16),
        now: world.clock.now(),
      });

    one.link?.send(await sign(one, other.peer.id));
    other.link?.send(await sign(other, streamer.channel));
    one.link?.send(await sign(one, await freshId()));
    await world.play(100);

    expect(other.events).toContainEqual({
      type: 'forward',
      message: expect.objectContaining({ from: one.peer.id }) as unknown,
    });
    expect(streamer.events).toContainEqual({
      type: 'forward',
      message: expect.objectContaining({ from: other.peer.id }) as unknown,
    });
    expect(relay.refused.counts).toEqual({ 'forward:no-neighbour': 1 });
  });

  test('ask for key frames of the hub', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    viewer?.link?.wantKeyFrame(0);
    await world.play(100);

    // The source merges requests; what counts here is that nothing breaks and the link lives.
    expect(viewer?.isPlaying).toBe(true);
  });
});

describe('a streamer', () => {
  test('that loses its connection to the relay goes on', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    await streamer.loseConnection();
    await world.until(() => relay.logged.includes('streamer-lost'), 'the loss');
    await world.play(5_000);

    expect(viewer?.isPlaying).toBe(true);
    expect(relay.live(streamer.channel)).toBe(true);
    // Others are not to pull what nobody can tell the end of.
    expect(relay.channels.carried).toEqual([]);
    expect(relay.network.withdrawn).toEqual([streamer.channel]);

    await streamer.announce(relay);
    await world.play(200);
    expect(relay.channels.carried).toEqual([streamer.channel]);
    expect(relay.pulls).toBe(1);
  });

  test('[M3.2] that is gone and comes back finds its viewers where they were', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    await streamer.vanish();
    await world.play(10_000);
    expect(viewer?.isPlaying).toBe(false);
    expect(viewer?.link?.isClosed).toBe(false);
    expect(relay.live(streamer.channel)).toBe(false);
    expect(viewer?.link?.remoteState).toMatchObject({ depth: null, flowing: false });

    streamer.epoch++;
    await streamer.goLive(relay);
    await world.play(500);

    expect(viewer?.isPlaying).toBe(true);
    expect(viewer?.link?.isClosed).toBe(false);
    expect(viewer?.link?.remoteState).toMatchObject({ depth: 1, flowing: true, epoch: streamer.epoch });
    await expectNothingLeft(relay);
  });

  test('that is loaded anew replaces itself without a gap', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    await world.play(500);
    const [before] = relay.media.pulls;
    streamer.epoch++;
    await streamer.announce(relay);
    await world.until(() => relay.pulls === 2 && relay.parents.length === 2, 'the second parent');
    await world.play(500);

    expect(viewer?.isPlaying).toBe(true);
    await world.play(2_000);
    expect(before?.end.state).toBe('closed');
    expect(streamer.events).toContainEqual({ type: 'farewell', reason: 'moved' });
    expect(relay.parents).toEqual([streamer.channel]);
    expect(viewer?.isPlaying).toBe(true);
    await expectNothingLeft(relay);
  });

  test('that never comes back is given up after a minute, and its viewers are told', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    await streamer.vanish();
    await world.clock.pass(60_000, 50);
    expect(viewer?.link?.isClosed).toBe(false);

    await world.clock.pass(40_000, 50);

    expect(viewer?.events).toContainEqual({ type: 'farewell', reason: 'ended' });
    expect(relay.channels.status()).toEqual([]);
    await expectNothingLeft(relay);
  });

  test("is given up in that time however often its viewers' news come", async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    await streamer.vanish();
    for (let i = 0; i < 1_000; i++) {
      viewer?.link?.advertise({
        depth: null,
        path: new Uint8Array(4),
        freeSlots: 0,
        subtreeSlots: 0,
        viewers: 1 + (i % 2),
        epoch: 0,
        clockOffsetMs: null,
        flowing: false,
        delayMs: null,
        slots: 0,
        ageS: 0,
        layers: 0,
        received: null,
      });
      await world.clock.pass(100, 100);
    }

    expect(viewer?.events).toContainEqual({ type: 'farewell', reason: 'ended' });
  });

  test('without viewers that is gone is forgotten at once', async () => {
    const { relay, streamer } = await broadcast();
    await streamer.vanish();
    await world.clock.pass(1_000);

    expect(relay.channels.status()).toEqual([]);
    await world.until(() => world.links.open === 0, 'the ends');
  });

  test('that comes and goes 30 times leaves nothing', async () => {
    const relay = await world.relay();
    for (let i = 0; i < 30; i++) {
      const streamer = await world.streamer();
      await streamer.goLive(relay);
      await streamer.vanish();
      await world.clock.pass(100);
    }

    expect(relay.channels.status()).toEqual([]);
    await expectNothingLeft(relay);
  });

  test('that says it is over ends it for viewers and watchers, at once', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    const news = await (await world.viewer()).watch(relay, streamer.channel);
    await world.until(() => news.length > 0, 'news');
    await streamerEnds(streamer, relay);

    expect(viewer?.events.slice(-2)).toEqual([{ type: 'farewell', reason: 'ended' }, { type: 'closed' }]);
    expect(news.at(-1)).toMatchObject({ live: false });
    expect(relay.network.published.at(-1)?.record.live).toBe(false);
    expect(relay.live(streamer.channel)).toBe(false);

    await streamer.goLive(relay);
    await world.until(() => news.at(-1)?.live === true, 'the next broadcast');
    await expectNothingLeft(relay);
  });

  test('that says so on its link alone ends it too', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    const leaving = streamer.leave('ended');
    await world.clock.pass(300);
    await leaving;

    expect(viewer?.events.slice(-2)).toEqual([{ type: 'farewell', reason: 'ended' }, { type: 'closed' }]);
    await expectNothingLeft(relay);
  });

  test('without video is served as well', async () => {
    const [relay, streamer] = [await world.relay(), await world.streamer()];
    await streamer.announce(relay, { video: null, layers: 1 });
    await world.until(() => relay.parents.length === 1, 'the parent');
    await world.play(200);

    await (await world.viewer()).join(relay, streamer.channel);

    expect(streamer.joins[0]?.join).toMatchObject({ layers: [], audio: true });
  });
});

describe('a channel of another relay', () => {
  test('is pulled once for all who join at the same time', async () => {
    const { relay: home, streamer } = await broadcast();
    const relay = await world.relay();
    const all = await Promise.all(Array.from({ length: 4 }, () => world.viewer()));
    await Promise.all(all.map((viewer) => viewer.join(relay, streamer.channel)));
    await world.play(3_000);

    expect(relay.pulls).toBe(1);
    expect(relay.parents).toEqual([home.peer.id]);
    expect(all.every(({ isPlaying }) => isPlaying)).toBe(true);
    expect(all[0]?.link?.remoteState?.depth).toBe(2);
    expect(relay.channels.carried).toEqual([]);
    // The first relay has one child, and knows of four viewers.
    expect(home.channels.census.children).toBe(1);
    expect(home.channels.viewers).toBe(4);
    await expectNothingLeft(relay, home);
  });

  test('is let go 3 s after its last viewer', async () => {
    const { relay: home, streamer } = await broadcast();
    const relay = await world.relay();
    const [one, other] = [await world.viewer(), await world.viewer()];
    await one.join(relay, streamer.channel);
    await other.join(relay, streamer.channel);

    one.link?.close();
    await world.play(LINGER_MS + 1_000);
    expect(relay.parents).toHaveLength(1);
    other.link?.close();
    await world.play(LINGER_MS - 500);
    expect(relay.parents).toHaveLength(1);
    await world.play(1_000);

    expect(relay.parents).toEqual([]);
    expect(relay.channels.status()).toEqual([]);
    expect(relay.logged).toContain('channel-released');
    expect(home.channels.census.children).toBe(0);
    await expectNothingLeft(relay, home);
  });

  test('is let go a minute after its streamer, whose media go on, left for another relay', async () => {
    const { relay, streamer } = await broadcast();
    const next = await world.relay();
    await streamer.loseConnection();
    await streamer.announce(next);
    await world.play(OFFLINE_GRACE_MS - 5_000);
    expect(relay.parents).not.toEqual([]);
    await world.play(10_000);

    expect(relay.parents).toEqual([]);
    expect(next.live(streamer.channel)).toBe(true);
  });

  test('is kept when the next viewer comes within these 3 s', async () => {
    const { streamer } = await broadcast();
    const relay = await world.relay();
    const [one, other] = [await world.viewer(), await world.viewer()];
    await one.join(relay, streamer.channel);
    one.link?.close();
    await world.play(LINGER_MS - 1_000);
    await other.join(relay, streamer.channel);
    await world.play(LINGER_MS + 1_000);

    expect(relay.pulls).toBe(1);
    expect(other.isPlaying).toBe(true);
  });

  test('is taken by a third relay from the first, which it finds itself, or from the second, if it must', async () => {
    const { relay: home, streamer } = await broadcast();
    const [second, third] = [await world.relay(), await world.relay()];
    await (await world.viewer()).join(second, streamer.channel);

    expect(await (await world.viewer()).ask(second, streamer.channel, { kind: 'headless' })).toMatchObject({
      type: 'accepted',
      depth: 2,
    });
    await (await world.viewer()).join(third, streamer.channel);

    expect(third.parents).toEqual([home.peer.id]);
  });

  test('is not given to a relay by one that would have to look for it first', async () => {
    const { streamer } = await broadcast();
    const second = await world.relay();

    expect(await (await world.viewer()).ask(second, streamer.channel, { kind: 'headless' })).toMatchObject({
      type: 'refused',
      reason: 'offline',
    });
    expect(second.pulls).toBe(0);
  });

  test('is found by its newest record, whatever was known of an earlier broadcast', async () => {
    const [home, relay, streamer] = [await world.relay(), await world.relay(), await world.streamer()];
    await relay.records.learn((await streamer.sign({ video: 'h264' })).bytes);
    await streamer.goLive(home);

    await (await world.viewer()).join(relay, streamer.channel);

    expect(relay.media.pulls.map(({ options }) => options.video)).toEqual(['h264', 'vp8']);
  });

  test('that has ended is ended for the viewers here, at once', async () => {
    const { relay: home, streamer } = await broadcast();
    const relay = await world.relay();
    const viewer = await world.viewer();
    await viewer.join(relay, streamer.channel);
    await streamerEnds(streamer, home);
    await world.clock.pass(200);

    expect(viewer.events.slice(-2)).toEqual([{ type: 'farewell', reason: 'ended' }, { type: 'closed' }]);
    expect(relay.channels.status()).toEqual([]);
    await expectNothingLeft(relay, home);
  });

  test('whose relay goes away is taken from the next relay of its streamer', async () => {
    const { relay: home, streamer } = await broadcast();
    const relay = await world.relay();
    const next = await world.relay();
    const viewer = await world.viewer();
    await viewer.join(relay, streamer.channel);
    world.relays.splice(world.relays.indexOf(home), 1);
    const closing = home.channels.close();
    await world.clock.pass(200);
    await closing;
    await streamer.loseConnection();
    await streamer.goLive(next);

    await world.until(() => relay.parents.includes(next.peer.id), 'the next relay');
    await world.play(500);

    expect(viewer.isPlaying).toBe(true);
    expect(viewer.link?.isClosed).toBe(false);
  });

  test('whose streamer moves here is taken from the streamer', async () => {
    const { relay: home, streamer } = await broadcast();
    const relay = await world.relay();
    const viewer = await world.viewer();
    await viewer.join(relay, streamer.channel);
    await streamer.loseConnection();
    await streamer.announce(relay);
    await world.until(() => relay.parents.includes(streamer.channel), 'the streamer');
    const hasMoved = (): boolean => relay.playedParent(streamer.channel) === streamer.channel;
    for (let i = 0; i < 20 && !(hasMoved() && home.channels.viewers === 0); i++) await world.play(500);

    expect(relay.playedParent(streamer.channel)).toBe(streamer.channel);
    expect(viewer.isPlaying).toBe(true);
    // The other relay may stand by; it counts no viewers any more.
    expect(home.channels.viewers).toBe(0);
  });

  test('that its streamer gives to neither of two relays is not waited for by both', async () => {
    const [one, other] = [await world.relay(), await world.relay()];
    const streamer = await world.streamer();
    streamer.judge = async () => ({ type: 'refuse', reason: 'full', retryAfterMs: 1_000 });
    await streamer.announce(one);
    const { bytes } = await streamer.sign();
    const [connection] = other.peer.libp2p.getConnections();
    expect(connection).toBeUndefined();
    const rendezvous = await streamer.connect(other);
    await rendezvous.announce(bytes, null);

    const asked = await (await world.viewer()).ask(one, streamer.channel);

    expect(asked).toMatchObject({ type: 'refused', reason: 'offline' });
    expect([one.parents, other.parents]).toEqual([[], []]);
    await expectNothingLeft(one, other);
  });

  test('that its streamer gives to one of two relays goes from that one to the other', async () => {
    const [one, other] = [await world.relay(), await world.relay()];
    const streamer = await world.streamer();
    streamer.judge = async () =>
      streamer.joins.at(-1)?.from === one.peer.id
        ? { type: 'refuse', reason: 'full', retryAfterMs: 1_000 }
        : null;
    await streamer.announce(one);
    await streamer.connect(other);
    await streamer.announce(other);
    await world.until(() => other.parents.length === 1, 'the first relay');
    await world.play(200);

    const viewer = await world.viewer();
    await viewer.join(one, streamer.channel);
    await world.play(500);

    expect(one.parents).toEqual([other.peer.id]);
    expect(viewer.isPlaying).toBe(true);
  });

  test('that a stale directory names at a relay that does not have it is offline', async () => {
    const [relay, stale] = [await world.relay(), await world.relay()];
    const streamer = await world.streamer();
    await stale.records.learn((await streamer.sign()).bytes);
    relay.network.staleCarriers.push(stale.peer.id);

    expect(await (await world.viewer()).ask(relay, streamer.channel)).toMatchObject({
      type: 'refused',
      reason: 'offline',
    });
    expect(relay.channels.status()).toEqual([]);
    expect(stale.channels.status()).toEqual([]);
    await expectNothingLeft(relay, stale);
  });
});

describe('the tree', () => {
  /** A streamer that gives its media to two relays. */
  async function twoHomes() {
    const { relay: one, streamer } = await broadcast();
    const other = await world.relay();
    await streamer.connect(other);
    await streamer.announce(other);
    await world.until(() => other.parents.includes(streamer.channel), 'the second relay');
    // Both may ask each other at the same time, and again later.
    for (let i = 0; i < 60 && standbys(streamer.channel, one, other).length === 0; i++)
      await world.play(1_000);
    return { one, other, streamer };
  }

  function standbys(channel: ChannelId, ...relays: TestRelay[]): TestRelay[] {
    return relays.filter(({ channels }) =>
      channels.view(channel)?.parents.some(({ role }) => role === 'standby'),
    );
  }

  test('lets one of two relays stand by at the other, without media', async () => {
    const { one, other, streamer } = await twoHomes();
    const views = [one, other].map(({ channels }) => channels.view(streamer.channel));

    expect([one, other].map((relay) => relay.playedParent(streamer.channel))).toEqual([
      streamer.channel,
      streamer.channel,
    ]);
    expect(views.map((view) => view?.depth)).toEqual([1, 1]);
    expect(standbys(streamer.channel, one, other)).toHaveLength(1);
    expect([one.channels.viewers, other.channels.viewers]).toEqual([0, 0]);
    await expectNothingLeft(one, other);
  });

  test('takes a relay that lost its streamer to the relay where it stands by, and its viewers see it go on', async () => {
    const { one, other, streamer } = await twoHomes();
    const [child, parent] = standbys(streamer.channel, one).length > 0 ? [one, other] : [other, one];
    const viewer = await world.viewer();
    await viewer.join(child, streamer.channel);
    await world.play(500);
    const end = streamer.links.find(({ peerId }) => peerId === child.peer.id)?.end;
    end?.close();
    await world.play(600);

    expect(child.playedParent(streamer.channel)).toBe(parent.peer.id);
    expect(viewer.isPlaying).toBe(true);
    await world.play(3_000);
    expect(viewer.link?.isClosed).toBe(false);
  });

  test('gives a standby of a viewer nothing until it asks, and then at once what came since the key frame', async () => {
    const { relay, streamer } = await broadcast();
    const [standby] = [await world.viewer()];
    expect(await standby.ask(relay, streamer.channel, { standby: true })).toMatchObject({ type: 'accepted' });
    await world.play(1_000);
    expect(standby.end?.lastHeardAt()).toBe(-Infinity);
    expect(relay.channels.view(streamer.channel)?.children).toMatchObject([{ role: 'standby' }]);
    expect(relay.channels.viewers).toBe(0);

    // No further picture comes meanwhile.
    standby.link?.send({ type: 'activate', layer: 0 });
    await world.clock.pass(50);
    expect(standby.isPlaying).toBe(true);
    expect(relay.channels.viewers).toBe(1);
    await world.play(500);
    expect(standby.isPlaying).toBe(true);

    standby.link?.send({ type: 'pause' });
    await world.play(500);
    expect(standby.isPlaying).toBe(false);
    expect(relay.channels.viewers).toBe(0);
    expect(standby.link?.isClosed).toBe(false);
    await expectNothingLeft(relay);
  });

  test('has room for standbys where it has none for viewers', async () => {
    const [relay, streamer] = [await world.relay({ maxViewers: 1 }), await world.streamer()];
    await streamer.goLive(relay);
    await viewers(1, relay, streamer);

    expect(await (await world.viewer()).ask(relay, streamer.channel)).toMatchObject({ reason: 'full' });
    expect(await (await world.viewer()).ask(relay, streamer.channel, { standby: true })).toMatchObject({
      type: 'accepted',
    });
  });

  test('gives the places that one channel leaves to the others', async () => {
    const relay = await world.relay({ maxViewers: 4 });
    const [one, other] = [await world.streamer(), await world.streamer()];
    await one.goLive(relay);
    await other.goLive(relay);
    await viewers(2, relay, one);
    await world.play(600);

    expect(relay.channels.view(one.channel)).toMatchObject({ slots: 3, freeSlots: 1 });
    expect(relay.channels.view(other.channel)).toMatchObject({ slots: 2, freeSlots: 2 });
    await viewers(2, relay, other);
    expect(await (await world.viewer()).ask(relay, one.channel)).toMatchObject({ reason: 'full' });
  });

  test('[D8.1] names the relay to those who seek, and takes the channel in for them', async () => {
    const { relay: home, streamer } = await broadcast();
    const relay = await world.relay();
    const client = await (await world.viewer()).rendezvous(relay);
    let found: readonly unknown[] | null = null;
    void client.seek(streamer.channel, 1).then((candidates) => (found = candidates));
    await world.until(() => found !== null, 'an answer');

    expect(found).toMatchObject([
      { peerId: relay.peer.id, offer: { kind: 'headless', depth: 2, freeSlots: 100, layers: 1 } },
    ]);
    expect(relay.parents).toEqual([home.peer.id]);
    // Nobody came.
    await world.play(LINGER_MS + 1_000);
    expect(relay.channels.status()).toEqual([]);
    await expectNothingLeft(relay, home);
  });

  test('[D7.2, D8.1] names peers that report slots, as long as they are there', async () => {
    const { relay, streamer } = await broadcast();
    const [one, other] = [await world.viewer(), await world.viewer()];
    const [reporter, seeker] = [await one.rendezvous(relay), await other.rendezvous(relay)];
    const offer = { kind: 'browser', depth: 2, delayMs: 30, freeSlots: 2, ageS: 5, layers: 1 } as const;
    const addresses = ['/ip4/127.0.0.1/tcp/1/ws'];
    reporter.report({ channel: streamer.channel, addresses, offer, record: null });
    // One stream is read in its order.
    await reporter.seek(streamer.channel, 1);

    const named = async (): Promise<string[]> =>
      (await seeker.seek(streamer.channel, 1)).map(({ peerId }) => peerId);
    expect((await named()).sort()).toEqual([relay.peer.id, one.peer.id].sort());
    await reporter.close();
    await world.until(
      () => one.peer.libp2p.getConnections().every(({ streams }) => streams.length === 0),
      'end',
    );
    await world.clock.pass(20);
    expect(await named()).toEqual([relay.peer.id]);
  });

  test('[D9.2] is answered by the relay for itself', async () => {
    const { relay, streamer } = await broadcast();
    const client = await (await world.viewer()).rendezvous(relay);

    expect((await client.probe(streamer.channel, relay.peer.id))?.standing).toMatchObject({
      kind: 'headless',
      depth: 1,
      freeSlots: 75,
      epoch: streamer.epoch,
      flowing: true,
    });
    expect((await client.probe(relay.peer.id, relay.peer.id))?.standing).toBeNull();
    relay.channels.drain(1_000);
    expect((await client.probe(streamer.channel, relay.peer.id))?.standing).toBeNull();
  });
});

describe('a channel that nobody broadcasts', () => {
  test('[L4.1] is not-found where nobody knows it, offline where somebody does', async () => {
    const [relay, other] = [await world.relay(), await world.relay()];
    const streamer = await world.streamer();
    const viewer = await world.viewer();
    expect(await viewer.ask(relay, streamer.channel)).toMatchObject({ reason: 'not-found' });

    await other.records.learn((await streamer.sign({ live: false })).bytes);
    expect(await viewer.ask(relay, streamer.channel)).toMatchObject({ reason: 'offline' });

    expect(relay.channels.status()).toEqual([]);
    await expectNothingLeft(relay, other);
  });

  test('[D6.1] is told to watchers as it stands, and when it comes up', async () => {
    const [relay, streamer] = [await world.relay(), await world.streamer()];
    const news = await (await world.viewer()).watch(relay, streamer.channel);
    await world.until(() => news.length === 1, 'the first news');
    expect(news[0]).toMatchObject({ record: null, live: false, viewers: 0, parents: [] });
    await world.clock.pass(3 * SEARCH_MS);
    expect(news).toHaveLength(1);

    await streamer.goLive(relay);
    await world.until(() => news.length > 1, 'more news');
    expect(news[1]).toMatchObject({ live: true, record: expect.any(Uint8Array) as unknown });
    const before = news.length;
    await world.play(5_000);
    expect(news).toHaveLength(before);
  });

  test('is found when it comes up at another relay', async () => {
    const [relay, home, streamer] = [await world.relay(), await world.relay(), await world.streamer()];
    const news = await (await world.viewer()).watch(relay, streamer.channel);
    await world.until(() => news.length === 1, 'the first news');
    await streamer.goLive(home);

    await world.until(() => news.at(-1)?.live === true, 'news');

    expect(news.at(-1)?.record).not.toBeNull();
    await streamerEnds(streamer, home);
    await world.until(() => news.at(-1)?.live === false, 'the end');
    await expectNothingLeft(relay, home);
  });

  test('is found there too when it was broadcast here before', async () => {
    const { relay, streamer } = await broadcast();
    const home = await world.relay();
    const news = await (await world.viewer()).watch(relay, streamer.channel);
    await world.until(() => news.at(-1)?.live === true, 'the first news');
    await streamerEnds(streamer, relay);
    await world.until(() => news.at(-1)?.live === false, 'the end');
    await streamer.loseConnection();

    await streamer.goLive(home);

    await world.until(() => news.at(-1)?.live === true, 'the next broadcast');
  });

  test('is not live because a stale directory names a relay', async () => {
    const [relay, stale, streamer] = [await world.relay(), await world.relay(), await world.streamer()];
    await relay.records.learn((await streamer.sign({ live: false })).bytes);
    relay.network.staleCarriers.push(stale.peer.id);
    const news = await (await world.viewer()).watch(relay, streamer.channel);
    await world.clock.pass(2 * SEARCH_MS);

    expect(news.map(({ live }) => live)).toEqual([false]);
  });

  test('is searched for once at a time, however many watch it', async () => {
    const [relay, channel] = [await world.relay(), await freshId()];
    relay.network.searchMs = 500;
    const stop = Array.from({ length: 100 }, () => relay.channels.watch(channel, () => {}));
    await world.clock.pass(100);
    // For its record, and for a relay that carries it.
    expect(relay.network.searching).toBe(2);
    await world.clock.pass(10_000);

    expect(relay.network.searches).toBeLessThanOrEqual(2 * (1 + 10_000 / SEARCH_MS));
    for (const unwatch of stop) unwatch();
    const before = relay.network.searches;
    await world.clock.pass(10_000);
    expect(relay.network.searches).toBe(before);
    expect(world.clock.pending).toBe(0);
  });
});

describe('watchers', () => {
  test('hear of a changed record, and of viewers at most every 2 s', async () => {
    const { relay, streamer } = await broadcast();
    const news = await (await world.viewer()).watch(relay, streamer.channel);
    await world.until(() => news.length === 1, 'the first news');
    await streamer.announce(relay, { title: 'Tesx' });
    await world.until(() => news.length === 2, 'the changed title');

    await viewers(5, relay, streamer);
    await world.play(2_100);

    expect(news.at(-1)).toMatchObject({ viewers: 5 });
    expect(news.length).toBeLessThanOrEqual(4);
  });

  test('of a channel beyond the limit are answered, and no more', async () => {
    const { relay, streamer } = await broadcast();
    const told: unknown[] = [];
    for (let i = 0; i < 5_000; i++) relay.channels.watch(streamer.channel, () => told.push(i));
    expect(told).toHaveLength(5_000);

    relay.channels.watch(streamer.channel, (news) => told.push(news));

    expect(told.at(-1)).toMatchObject({ live: true });
    expect(told).toHaveLength(5_001);
  });

  test('of more channels than there is room for are answered, and take no room from broadcasts', async () => {
    const relay = await world.relay();
    relay.network.isCut = true;
    const stop: (() => void)[] = [];
    const ids = await Promise.all(Array.from({ length: 2_000 }, () => freshId()));
    for (const id of ids) stop.push(relay.channels.watch(id, () => {}));
    const told: unknown[] = [];
    const id = await freshId();
    stop.push(relay.channels.watch(id, (news) => told.push(news)));
    expect(told).toEqual([{ channel: id, record: null, live: false, viewers: 0, parents: [] }]);

    const streamer = await world.streamer();
    await streamer.goLive(relay);

    expect(relay.live(streamer.channel)).toBe(true);
    for (const unwatch of stop) unwatch();
    expect(relay.channels.status()).toHaveLength(1);
    await expectNothingLeft(relay);
  });

  test('that come and go a thousand times leave nothing', async () => {
    const relay = await world.relay();
    relay.network.searchMs = 50;
    for (let i = 0; i < 1_000; i++) {
      const unwatch = relay.channels.watch(await freshId(), () => {});
      if (i % 10 === 0) await world.clock.pass(10);
      unwatch();
    }
    await world.clock.pass(200);

    expect(relay.channels.status()).toEqual([]);
    expect(world.clock.pending).toBe(0);
    expect(relay.network.searching).toBe(0);
  });

  test('that leave while their first search runs are told nothing', async () => {
    const [relay, channel] = [await world.relay(), await freshId()];
    relay.network.searchMs = 500;
    const told: unknown[] = [];
    const unwatch = relay.channels.watch(channel, (news) => told.push(news));
    unwatch();
    await world.clock.pass(1_000);

    expect(told).toEqual([]);
    expect(relay.channels.status()).toEqual([]);
  });
});

describe('a relay that carries no media', () => {
  test('introduces viewers to the streamer', async () => {
    const addresses = ['/ip4/127.0.0.1/tcp/1/ws/p2p-circuit'];
    const relay = await world.relay({ maxViewers: 0, circuitAddresses: () => addresses });
    const [streamer, viewer] = [await world.streamer(), await world.viewer()];
    expect(await streamer.announce(relay)).toEqual({ carries: false });
    const parents = [{ peerId: streamer.channel, addresses }];

    expect(await viewer.ask(relay, streamer.channel)).toMatchObject({ type: 'redirected', parents });
    const news = await viewer.watch(relay, streamer.channel);
    await world.until(() => news.length > 0, 'news');
    expect(news[0]).toMatchObject({ live: true, parents });
    await world.play(5_000);
    expect(relay.pulls).toBe(0);
    await expectNothingLeft(relay);
  });

  test('[D8.3] introduces viewers to those that have room, and not to themselves', async () => {
    const circuit = ['/ip4/127.0.0.1/tcp/1/ws/p2p-circuit'];
    const relay = await world.relay({ maxViewers: 0, circuitAddresses: () => circuit });
    const [streamer, viewer] = [await world.streamer(), await world.viewer()];
    await streamer.announce(relay);
    const pages = await Promise.all(Array.from({ length: 4 }, () => world.viewer()));
    const addresses = ['/ip4/127.0.0.1/tcp/2/ws'];
    for (const page of [...pages, viewer]) {
      const reporter = await page.rendezvous(relay);
      const offer = { kind: 'browser', depth: 2, delayMs: 30, freeSlots: 9, ageS: 5, layers: 1 } as const;
      reporter.report({ channel: streamer.channel, addresses, offer, record: null });
      await reporter.seek(streamer.channel, 1);
    }

    const outcome = await viewer.ask(relay, streamer.channel);
    const parents = outcome.type === 'redirected' ? outcome.parents : [];
    expect(parents).toHaveLength(3);
    for (const parent of parents) {
      expect(parent.addresses).toEqual(addresses);
      expect(pages.map(({ peer }) => peer.id)).toContain(parent.peerId);
    }
  });

  test('has nobody to introduce when the streamer serves nobody', async () => {
    const relay = await world.relay({ maxViewers: 0 });
    const [streamer, viewer] = [await world.streamer(), await world.viewer()];
    expect(await viewer.ask(relay, streamer.channel)).toMatchObject({ reason: 'not-found' });
    await streamer.announce(relay);
    expect(await viewer.ask(relay, streamer.channel)).toMatchObject({ reason: 'full' });
    await streamer.announce(relay, { live: false });
    expect(await viewer.ask(relay, streamer.channel)).toMatchObject({ reason: 'offline' });
  });
});

describe('a relay that leaves', () => {
  test('refuses joins, and sends its viewers elsewhere', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    relay.channels.drain(2_000);
    await world.play(100);

    expect(viewer?.events).toContainEqual({
      type: 'message',
      message: { type: 'drain', withinMs: 2_000 },
    });
    expect(viewer?.isPlaying).toBe(true);
    expect(await (await world.viewer()).ask(relay, streamer.channel)).toMatchObject({ reason: 'draining' });
  });

  test('names those who have room to joiners and to viewers who look for another place', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    const page = await world.viewer();
    const reporter = await page.rendezvous(relay);
    const addresses = ['/ip4/127.0.0.1/tcp/1/ws'];
    const offer = { kind: 'browser', depth: 2, delayMs: 30, freeSlots: 2, ageS: 5, layers: 1 } as const;
    reporter.report({ channel: streamer.channel, addresses, offer, record: null });
    await reporter.seek(streamer.channel, 1);
    relay.channels.drain(2_000);

    const named = { peerId: page.peer.id, addresses };
    const joiner = await world.viewer();
    expect(await joiner.ask(relay, streamer.channel)).toEqual({ type: 'redirected', parents: [named] });
    const client = await viewer?.rendezvous(relay);
    expect(await client?.seek(streamer.channel, 1)).toMatchObject([named]);
  });

  test('says bye to everybody, closes everything, and takes nothing any more', async () => {
    const { relay, streamer } = await broadcast();
    const [viewer] = await viewers(1, relay, streamer);
    const closing = relay.channels.close();
    await world.clock.pass(200);
    await closing;

    expect(viewer?.events.slice(-2)).toEqual([{ type: 'farewell', reason: 'leaving' }, { type: 'closed' }]);
    expect(streamer.events.slice(-2)).toEqual([{ type: 'farewell', reason: 'leaving' }, { type: 'closed' }]);
    expect(await (await world.viewer()).ask(relay, streamer.channel)).toMatchObject({ reason: 'draining' });
    await expect(streamer.announce(relay)).rejects.toEqual(refusal('full'));
    relay.channels.watch(streamer.channel, () => {});
    expect(relay.channels.status()).toEqual([]);
    await relay.channels.close();
    await expectNothingLeft(relay);
  });

  test('in the middle of a pull leaves nothing', async () => {
    const [relay, streamer] = [await world.relay(), await world.streamer()];
    let judge: (decision: JoinDecision) => void = () => {};
    streamer.judge = () => new Promise((resolve) => (judge = resolve));
    await streamer.announce(relay);
    await world.until(() => streamer.joins.length === 1, 'the join');

    await relay.channels.close();

    await world.until(() => relay.media.pulls[0]?.end.state === 'closed', 'the end');
    judge({ type: 'refuse', reason: 'busy', retryAfterMs: 0 });
    await expectNothingLeft(relay);
  });

  test('in the middle of a search leaves nothing', async () => {
    const relay = await world.relay();
    relay.network.searchMs = 1_000;
    const channel = await freshId();
    relay.channels.watch(channel, () => {});
    const asking = (await world.viewer()).ask(relay, channel).catch(() => {});
    await world.clock.pass(100);
    await relay.channels.close();
    await world.clock.pass(3_000);
    await asking;

    expect(relay.channels.status()).toEqual([]);
    await expectNothingLeft(relay);
  });
});

/** A streamer that is only a key. */
async function signer(): Promise<TestStreamer> {
  const key = await generateKeyPair('Ed25519');
  return world.signer(key);
}

async function streamerEnds(streamer: TestStreamer, relay: TestRelay): Promise<void> {
  const announcing = streamer.announce(relay, { live: false });
  await world.clock.pass(200);
  await announcing;
}
