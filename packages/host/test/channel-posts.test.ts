import type { PrivateKey } from '@libp2p/interface';
import { describe, expect, test } from 'vitest';
import { controlCodec, type ChannelId, type LinkState, type PeerId, type Post } from '@casto/core';
import { freshPeer, type TestPeer } from '../src/conformance/loopback-peers.ts';
import { MemoryLinks, type MemoryEnd } from '../src/conformance/memory-links.ts';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import {
  ChannelPosts,
  isGenuinePost,
  parseSessionDescription,
  PeerLink,
  refusalCounter,
  signPost,
  type Clock,
  type HeardPost,
} from '../src/index.ts';

const WANTED = { audio: true, video: 'vp8' as const };
const MINUTE_MS = 60_000;

type KeyedPeer = Pick<TestPeer, 'id' | 'key'>;

/** Peers of one channel with real keys and links in memory. */
class PostChannel {
  readonly clock = new VirtualClock();
  readonly ends = new MemoryLinks({ clock: this.clock, latencyMs: 5 });
  readonly id: ChannelId;
  readonly streamer: Speaker;

  private constructor(streamer: KeyedPeer) {
    this.id = streamer.id;
    this.streamer = new Speaker(this, streamer);
  }

  static async create(): Promise<PostChannel> {
    return new PostChannel(await freshPeer());
  }

  /** @param aheadMs - Of the world's clock. */
  async speaker(aheadMs = 0): Promise<Speaker> {
    return new Speaker(this, await freshPeer(), aheadMs);
  }

  async link(
    parent: Speaker,
    child: Speaker,
    options: { isStandby?: boolean } = {},
  ): Promise<{ above: PeerLink; below: PeerLink }> {
    const childEnd = this.ends.child(WANTED);
    const parentEnd = this.ends.parent(parseSessionDescription('offer', await childEnd.offer()));
    await childEnd.accept(await parentEnd.answer());
    const above = parent.adopt(child, parentEnd, 'parent');
    const below = child.adopt(parent, childEnd, 'child');
    for (const link of [above, below]) link.setStandby(options.isStandby === true);
    this.clock.advance(1_000);
    return { above, below };
  }

  /** Peers below each other, the streamer first. */
  async chain(length: number): Promise<Speaker[]> {
    const speakers = [this.streamer];
    for (let above = this.streamer; speakers.length < length;) {
      const below = await this.speaker();
      await this.link(above, below);
      speakers.push(below);
      above = below;
    }
    return speakers;
  }

  until(isDone: () => boolean, what: string): Promise<void> {
    return this.clock.until(isDone, what);
  }
}

class Speaker {
  readonly id: PeerId;
  readonly key: PrivateKey;
  readonly refused = refusalCounter();
  readonly links = new Set<PeerLink>();
  readonly posts: ChannelPosts;
  readonly heard: HeardPost[] = [];
  readonly #channel: PostChannel;
  readonly #clock: Clock;

  constructor(channel: PostChannel, { id, key }: KeyedPeer, aheadMs = 0) {
    this.#channel = channel;
    this.key = key;
    this.id = id;
    const { clock } = channel;
    this.#clock = { now: () => clock.now() + aheadMs, setTimer: clock.setTimer };
    this.posts = new ChannelPosts({
      channel: channel.id,
      self: this.id,
      clock: this.#clock,
      refused: this.refused,
      links: () => this.links,
      parent: () => [...this.links].find(({ role }) => role === 'child') ?? null,
      onPost: (post) => this.heard.push(post),
    });
  }

  get texts(): string[] {
    return this.heard.map(({ text }) => text);
  }

  say(text: string): ReturnType<ChannelPosts['say']> {
    return this.posts.say(text, this.key);
  }

  /** Tells the neighbours the offset of its clock from the streamer's. */
  stand(clockOffsetMs: number | null): void {
    for (const link of this.links) link.advertise({ ...STATE, clockOffsetMs });
  }

  adopt(other: { id: PeerId }, end: MemoryEnd, role: 'parent' | 'child'): PeerLink {
    const link: PeerLink = new PeerLink({
      role,
      peerId: other.id,
      kind: 'browser',
      end,
      clock: this.#clock,
      refused: this.refused,
      onEvent: (event) => {
        if (event.type === 'closed') this.links.delete(link);
        this.posts.take(link, event);
      },
    });
    this.links.add(link);
    return link;
  }

  linkTo(other: Speaker): PeerLink {
    for (const link of this.links) if (link.peerId === other.id) return link;
    throw new Error('no link');
  }

  /** Sends a post that it has made by itself, to all. */
  send(post: Post): void {
    for (const link of this.links) link.sendEncoded(controlCodec.encode({ type: 'post', ...post }));
    this.#channel.clock.advance(20);
  }

  /** Signed as it should be, but for what is changed. */
  sign(changes: { channel?: ChannelId; data?: Uint8Array; sentAt?: number } = {}): Promise<Post> {
    const { channel = this.#channel.id, data = new Uint8Array([104, 105]) } = changes;
    const { sentAt = this.#channel.clock.now() } = changes;
    return signPost(this.key, channel, { from: this.id, sentAt, data });
  }
}

const STATE: LinkState = {
  depth: 1,
  path: new Uint8Array(8),
  freeSlots: 0,
  subtreeSlots: 0,
  viewers: 1,
  epoch: 7,
  clockOffsetMs: 0,
  flowing: true,
  delayMs: 0,
  slots: 1,
  ageS: 1,
  layers: 1,
  received: null,
};

test('what anybody says is heard by everybody, the speaker included, in its order', async () => {
  const channel = await PostChannel.create();
  const speakers = await channel.chain(4);
  const outsider = await channel.speaker();
  await channel.link(speakers[1] as Speaker, outsider);
  const everybody = [...speakers, outsider];

  for (const [i, speaker] of everybody.entries()) {
    expect(await Promise.all([speaker.say(`first of ${i}`), speaker.say(`second of ${i}`)])).toEqual([
      'said',
      'said',
    ]);
  }
  await channel.until(() => everybody.every(({ heard }) => heard.length === 10), 'all texts everywhere');

  for (const { heard, refused } of everybody) {
    expect(new Set(heard.map(({ id }) => id)).size).toBe(10);
    for (const [i, { id }] of everybody.entries()) {
      const ofOne = heard.filter(({ from }) => from === id).map(({ text }) => text);
      expect(ofOne).toEqual([`first of ${i}`, `second of ${i}`]);
    }
    expect({ ...refused.counts }).toEqual({});
  }
});

test('a speaker hears itself without any link', async () => {
  const { streamer } = await PostChannel.create();
  await streamer.say('is anybody there?');
  expect(streamer.texts).toEqual(['is anybody there?']);
});

describe('[K10.5] the signature', () => {
  test('proves who said what, when, and on which channel', async () => {
    const channel = await PostChannel.create();
    const [speaker, other] = [await channel.speaker(), await channel.speaker()];
    const post = await speaker.sign();
    expect(await isGenuinePost(channel.id, post)).toBe(true);
    const lies: Post[] = [
      { ...post, from: other.id },
      { ...post, sentAt: post.sentAt + 1 },
      { ...post, data: new Uint8Array([104, 111]) },
      { ...post, signature: new Uint8Array(64) },
    ];
    for (const lie of lies) expect(await isGenuinePost(channel.id, lie)).toBe(false);
    expect(await isGenuinePost(other.id, post)).toBe(false);
  });

  test('is checked before anything is passed on, and a forger is not heard again for a minute', async () => {
    const channel = await PostChannel.create();
    const [streamer, middle, forger] = (await channel.chain(3)) as [Speaker, Speaker, Speaker];
    const post = await forger.sign();
    forger.send({ ...post, from: channel.id });
    await channel.until(() => middle.refused.counts['post:forged'] === 1, 'the forgery is found');
    forger.send(post);
    await channel.until(() => middle.refused.counts['post:muted'] === 1, 'the forger is muted');
    expect([streamer.heard, middle.heard]).toEqual([[], []]);

    channel.clock.advance(MINUTE_MS);
    forger.send(await forger.sign());
    await channel.until(() => streamer.heard.length === 1, 'it is heard again');
  });

  test('of another channel counts for nothing', async () => {
    const channel = await PostChannel.create();
    const [, middle, speaker] = (await channel.chain(3)) as [Speaker, Speaker, Speaker];
    speaker.send(await speaker.sign({ channel: speaker.id }));
    await channel.until(() => middle.refused.counts['post:forged'] === 1, 'it is refused');
  });
});

describe('[K10.6] what is no text', () => {
  test.each([
    ['bytes that are not UTF-8', Uint8Array.of(0x61, 0xff, 0xfe)],
    ['more than 1000 characters', new Uint8Array(1_001).fill(97)],
  ])('%s are not passed on', async (_, data) => {
    const channel = await PostChannel.create();
    const [streamer, middle, speaker] = (await channel.chain(3)) as [Speaker, Speaker, Speaker];
    speaker.send(await speaker.sign({ data }));
    speaker.send(await speaker.sign());
    await channel.until(() => streamer.heard.length === 1, 'the good one');

    expect(streamer.texts).toEqual(['hi']);
    expect({ ...middle.refused.counts }).toEqual({ 'post:no-text': 1 });
  });

  test('is not sent, and neither is too much', async () => {
    const { streamer } = await PostChannel.create();
    expect(await streamer.say('x'.repeat(1_001))).toBe('too-large');
    expect(await streamer.say('語'.repeat(700))).toBe('too-large');
    // 1000 characters of two bytes each.
    expect(await streamer.say('é'.repeat(1_000))).toBe('said');
    expect(streamer.texts).toEqual(['é'.repeat(1_000)]);
  });

  test('half a surrogate pair is heard as it travels', async () => {
    const channel = await PostChannel.create();
    const [streamer, viewer] = (await channel.chain(2)) as [Speaker, Speaker];
    await viewer.say('a\ud83d');
    await channel.until(() => streamer.heard.length === 1, 'the text');
    expect([viewer.texts, streamer.texts]).toEqual([['a\ufffd'], ['a\ufffd']]);
  });
});

test('[K10.2] what was said is not heard again when somebody sends it again', async () => {
  const channel = await PostChannel.create();
  const [streamer, , speaker] = (await channel.chain(3)) as [Speaker, Speaker, Speaker];
  const post = await speaker.sign();
  speaker.send(post);
  await channel.until(() => streamer.heard.length === 1, 'the post');
  speaker.send(post);
  channel.clock.advance(69_000);
  speaker.send(post);
  await channel.clock.pass(1_000);
  channel.clock.advance(MINUTE_MS);
  speaker.send(post);
  await channel.clock.pass(1_000);
  expect(streamer.heard).toHaveLength(1);
});

test('[K10.2] clocks that are hours apart keep nobody from speaking', async () => {
  const channel = await PostChannel.create();
  const { streamer } = channel;
  const [relay, viewer] = [await channel.speaker(3 * 60 * MINUTE_MS), await channel.speaker(-60 * MINUTE_MS)];
  await channel.link(streamer, relay);
  await channel.link(relay, viewer);
  streamer.stand(0);
  channel.clock.advance(1_000);
  relay.stand(relay.linkTo(streamer).clockOffsetMs);
  channel.clock.advance(1_000);
  await viewer.say('up');
  await streamer.say('down');
  await channel.until(() => viewer.heard.length === 2 && streamer.heard.length === 2, 'both texts');

  const now = channel.clock.now();
  const times = (speaker: Speaker): number[] => speaker.heard.map(({ sentAt }) => sentAt);
  for (const at of times(streamer)) expect(Math.abs(at - now)).toBeLessThan(5_000);
  for (const at of times(viewer)) expect(Math.abs(at + 60 * MINUTE_MS - now)).toBeLessThan(5_000);
});

test('[K10.4] a speaker is told when it says too much, and may go on later', async () => {
  const channel = await PostChannel.create();
  const [streamer, viewer] = (await channel.chain(2)) as [Speaker, Speaker];
  const outcomes = await Promise.all(Array.from({ length: 7 }, (_, i) => viewer.say(`text ${i}`)));
  expect(outcomes).toEqual([...Array.from({ length: 5 }, () => 'said'), 'rate-limited', 'rate-limited']);
  channel.clock.advance(1_000);
  expect(await viewer.say('later')).toBe('said');
  await channel.until(() => streamer.heard.length === 6, 'six texts');
  expect(viewer.texts).toEqual(streamer.texts);
});

test('[K10.7] a standby that is activated brings what was said meanwhile, both ways', async () => {
  const channel = await PostChannel.create();
  const [streamer, parent, viewer] = (await channel.chain(3)) as [Speaker, Speaker, Speaker];
  const { above, below } = await channel.link(streamer, viewer, { isStandby: true });
  parent.linkTo(viewer).close();
  await channel.until(() => viewer.links.size === 1, 'the parent is lost');
  await viewer.say('from below');
  await streamer.say('from above');
  await channel.clock.pass(100);
  expect([viewer.texts, streamer.texts]).toEqual([['from below'], ['from above']]);

  for (const link of [below, above]) link.setStandby(false);
  const everybody = [streamer, parent, viewer];
  await channel.until(() => everybody.every(({ heard }) => heard.length === 2), 'both texts');
  for (const { texts } of everybody) expect(texts.sort()).toEqual(['from above', 'from below']);
});

test('[K10.10] what is dropped is counted by reason', async () => {
  const channel = await PostChannel.create();
  const [, middle, speaker] = (await channel.chain(3)) as [Speaker, Speaker, Speaker];
  speaker.send(await speaker.sign({ sentAt: channel.clock.now() - 2 * MINUTE_MS }));
  speaker.send(await speaker.sign({ sentAt: channel.clock.now() + MINUTE_MS }));
  for (let i = 0; i < 22; i++) speaker.send(await speaker.sign({ sentAt: channel.clock.now() - i }));
  await channel.until(() => middle.heard.length >= 10, 'what one may say');
  await channel.clock.pass(100);

  const { counts } = middle.refused;
  expect(counts['post:stale']).toBe(1);
  expect(counts['post:early']).toBe(1);
  expect(counts['post:too-many-of-sender']).toBeGreaterThanOrEqual(1);
});
