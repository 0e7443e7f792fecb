import { expect, test } from 'vitest';
import { verifySnapshot } from '@casto/host';
import type { CastoChannel } from '../../src/channel-list.ts';
import { ShownChannels } from '../../src/listing/shown-channels.ts';
import { EPOCH, listingOf, newStreamer, snapshotOf } from './listings.ts';

function world() {
  const events: [string, CastoChannel][] = [];
  const lists: (readonly CastoChannel[])[] = [];
  const shown = new ShownChannels({
    onChannels: (channels) => lists.push(channels),
    onEvent: (type, channel) => events.push([type, channel]),
  });
  return { shown, events, lists, list: () => lists.at(-1) ?? [] };
}

test('a channel is added, changed and removed, and the list is there before the event', async () => {
  const streamer = await newStreamer();
  const seen: number[] = [];
  let list: readonly CastoChannel[] = [];
  const events: [string, CastoChannel][] = [];
  const shown = new ShownChannels({
    onChannels: (channels) => (list = channels),
    onEvent: (type, channel) => {
      seen.push(list.length);
      events.push([type, channel]);
    },
  });
  shown.update([[await listingOf(streamer, { viewers: 2 }, { title: 'a title' })]]);
  shown.update([[await listingOf(streamer, { viewers: 3 }, { title: 'a title', sequence: 2 })]]);
  shown.update([[await listingOf(streamer, { viewers: 3 }, { title: 'another', sequence: 3 })]]);
  shown.update([]);

  expect(events.map(([type, { title, viewers }]) => [type, title, viewers])).toEqual([
    ['added', 'a title', 2],
    ['changed', 'a title', 3],
    ['changed', 'another', 3],
    ['removed', 'another', 3],
  ]);
  expect(seen).toEqual([1, 1, 1, 0]);
  expect(events[0]?.[1]).toEqual({
    channel: streamer.id,
    title: 'a title',
    app: '',
    startedAt: EPOCH * 1000,
    viewers: 2,
    video: 'vp8',
    audio: true,
    snapshot: null,
  });
});

test('a record in which nothing but time has gone on is no news', async () => {
  const { shown, events, lists } = world();
  const streamer = await newStreamer();
  shown.update([[await listingOf(streamer)]]);
  shown.update([[await listingOf(streamer, {}, { sequence: 2, expiresAt: Date.now() })]]);

  expect(events).toHaveLength(1);
  expect(lists).toHaveLength(1);
});

test('several relays make one list: the newest record, the most viewers, the most viewed first', async () => {
  const { shown, list, events } = world();
  const [one, other, later] = [await newStreamer(), await newStreamer(), await newStreamer()];
  shown.update([
    [
      await listingOf(one, { viewers: 5 }, { sequence: 1, title: 'old' }),
      await listingOf(other, { viewers: 1 }),
    ],
    [await listingOf(one, { viewers: 2 }, { sequence: 2, title: 'new' })],
    [await listingOf(later, { viewers: 1 }, { epoch: EPOCH + 1 })],
  ]);

  expect(list().map(({ channel, viewers }) => [channel, viewers])).toEqual([
    [one.id, 5],
    [later.id, 1],
    [other.id, 1],
  ]);
  expect(list()[0]?.title).toBe('new');
  // One of two relays that list it is gone.
  shown.update([[await listingOf(one, { viewers: 2 }, { sequence: 2, title: 'new' })]]);
  expect(events.slice(-3).map(([type]) => type)).toEqual(['removed', 'removed', 'changed']);
});

test('[V4.4] a snapshot is shown when it is of the broadcast and newer', async () => {
  const { shown, list, events } = world();
  const streamer = await newStreamer();
  const listing = await listingOf(streamer, { snapshotAt: 7 });
  const signed = async (taken: Parameters<typeof snapshotOf>[1]) =>
    verifySnapshot(await snapshotOf(streamer, taken));
  expect(shown.setSnapshot(await signed({ takenAt: 7 }))).toBe(false);
  shown.update([[listing]]);
  expect(shown.wants(listing)).toBe(true);

  expect(shown.setSnapshot(await signed({ takenAt: 7 }))).toBe(true);
  expect(list()[0]?.snapshot).toMatchObject({ takenAt: 7, blob: { type: 'image/jpeg', size: 14 } });
  expect(shown.wants(listing)).toBe(false);
  expect(shown.setSnapshot(await signed({ takenAt: 7 }))).toBe(false);
  expect(shown.setSnapshot(await signed({ takenAt: 6 }))).toBe(false);
  expect(shown.setSnapshot(await signed({ takenAt: 9, epoch: EPOCH - 1 }))).toBe(false);
  expect(events.map(([type]) => type)).toEqual(['added', 'changed']);

  // It stays with its broadcast, and goes with it.
  shown.update([[{ ...listing, viewers: 3 }]]);
  expect(list()[0]?.snapshot?.takenAt).toBe(7);
  shown.update([[await listingOf(streamer, {}, { epoch: EPOCH + 1, sequence: 2 })]]);
  expect(list()[0]?.snapshot).toBeNull();
  shown.update([]);
  shown.update([[listing]]);
  expect(list()[0]?.snapshot).toBeNull();
});
