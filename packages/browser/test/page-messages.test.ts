/** Messages between two pages over a link in memory, and what the pages that send them are told. */

import { expect, test } from 'vitest';
import { parseSessionDescription, PeerLink, refusalCounter } from '@casto/host';
import { freshPeer, type TestPeer } from '@casto/host/conformance/loopback-peers';
import { MemoryLinks, type MemoryEnd } from '@casto/host/conformance/memory-links';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import type { ChannelId, PeerId } from '@casto/core';
import type { CastoMessage } from '../src/events.ts';
import { PageMessages } from '../src/page-messages.ts';

const clock = new VirtualClock();

class TestPage {
  readonly self: PeerId;
  readonly messages: PageMessages;
  readonly heard: CastoMessage[] = [];
  readonly links: PeerLink[] = [];
  readonly closed = new AbortController();

  private constructor({ id, key }: Pick<TestPeer, 'id' | 'key'>, channel: ChannelId | null) {
    this.self = id;
    this.messages = new PageMessages({
      context: {
        worker: { clock },
        refused: refusalCounter(),
        signal: this.closed.signal,
        emit: (type, detail) => {
          if (type !== 'message') throw new Error(`an event ${type}`);
          this.heard.push(detail as CastoMessage);
        },
      },
      channel: channel ?? this.self,
      self: this.self,
      privateKey: key,
      driver: { links: this.links },
      parent: () => this.links.find(({ role }) => role === 'child') ?? null,
    });
  }

  static async open(channel: ChannelId | null = null): Promise<TestPage> {
    return new TestPage(await freshPeer(), channel);
  }

  async serve(child: TestPage): Promise<void> {
    const links = new MemoryLinks({ clock });
    const childEnd = links.child({ audio: true, video: 'vp8' });
    const parentEnd = links.parent(parseSessionDescription('offer', await childEnd.offer()));
    await childEnd.accept(await parentEnd.answer());
    this.#adopt('parent', child.self, parentEnd);
    child.#adopt('child', this.self, childEnd);
    clock.advance(1_000);
  }

  #adopt(role: 'parent' | 'child', peerId: PeerId, end: MemoryEnd): void {
    const link: PeerLink = new PeerLink({
      role,
      peerId,
      kind: 'browser',
      end,
      clock,
      refused: refusalCounter(),
      onEvent: (event) => this.messages.take(link, event),
    });
    this.links.push(link);
  }
}

test('each page hears all messages, and which are its own and the streamer’s', async () => {
  const streamer = await TestPage.open();
  const viewer = await TestPage.open(streamer.self);
  await streamer.serve(viewer);
  const at = clock.now();
  await streamer.messages.send('hello');
  await clock.until(() => viewer.heard.length === 1, 'the first message');
  await viewer.messages.send('❤️');
  await clock.until(() => streamer.heard.length === 2, 'the second message');

  const of = (page: TestPage, own: boolean, data: string) => ({
    id: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown,
    from: page.self,
    fromStreamer: page === streamer,
    data,
    sentAt: expect.any(Number) as unknown,
    own,
  });
  expect(streamer.heard).toEqual([of(streamer, true, 'hello'), of(viewer, false, '❤️')]);
  expect(viewer.heard).toEqual([of(streamer, false, 'hello'), of(viewer, true, '❤️')]);
  expect(streamer.heard.map(({ id }) => id)).toEqual(viewer.heard.map(({ id }) => id));
  for (const { sentAt } of [...streamer.heard, ...viewer.heard]) {
    expect(Math.abs(sentAt - at)).toBeLessThan(20_000);
  }
});

test('a page hears its own message before send() is done', async () => {
  const page = await TestPage.open();
  await page.messages.send('alone');
  expect(page.heard.map(({ data, own }) => [data, own])).toEqual([['alone', true]]);
});

test('a page that has stopped hears nothing any more', async () => {
  const page = await TestPage.open();
  page.closed.abort();
  await page.messages.send('to nobody');
  expect(page.heard).toEqual([]);
});

test.each([
  ['characters', 'x'.repeat(1_001)],
  ['bytes', '語'.repeat(683)],
])('a message of too many %s is refused', async (_, data) => {
  const page = await TestPage.open();
  await expect(page.messages.send(data)).rejects.toMatchObject({ name: 'CastoError', reason: 'too-large' });
  expect(page.heard).toEqual([]);
});

test('a viewer may send five messages at once, and a streamer twenty', async () => {
  const streamer = await TestPage.open();
  const viewer = await TestPage.open(streamer.self);
  for (const [page, burst] of [
    [viewer, 5],
    [streamer, 20],
  ] as const) {
    for (let i = 0; i < burst; i++) await page.messages.send(`message ${i}`);
    const oneTooMany = page.messages.send('one too many');
    await expect(oneTooMany).rejects.toMatchObject({ name: 'CastoError', reason: 'rate-limited' });
    expect(page.heard).toHaveLength(burst);
  }
});
