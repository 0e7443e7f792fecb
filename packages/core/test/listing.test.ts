import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeRecord, encodeSignedRecord, type ChannelRecord } from '../src/channel-record.ts';
import { LIST_MS, MAX_LISTED_CHANNELS, RECORD_LIFETIME_MS } from '../src/config.ts';
import { compareListings, listingChanges, uniteListings, type Listing } from '../src/listing-changes.ts';
import { listingCodec, MAX_LISTED_AT_ONCE, MAX_UNLISTED_AT_ONCE } from '../src/listing-messages.ts';
import { isPeerId, type ChannelId } from '../src/peer-id.ts';
import { peerIdOfKey } from './base58.ts';

const NOW = 1_700_000_000_000;

function channel(number: number): ChannelId {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, number);
  const id = peerIdOfKey(key);
  if (!isPeerId(id)) throw new Error('not an id');
  return id;
}

function listing(
  number: number,
  changes: Partial<Pick<Listing, 'viewers' | 'snapshotAt'>> = {},
  record: Partial<ChannelRecord> = {},
): Listing {
  const parsed: ChannelRecord = {
    channel: channel(number),
    epoch: 1_700_000_000,
    sequence: 1,
    expiresAt: NOW + RECORD_LIFETIME_MS,
    title: '',
    app: '',
    video: 'vp8',
    layers: 1,
    audio: true,
    live: true,
    listed: true,
    ...record,
  };
  const bytes = encodeSignedRecord(encodeRecord(parsed), new Uint8Array(64));
  return { record: bytes, viewers: 0, snapshotAt: null, ...changes, parsed };
}

const listings: fc.Arbitrary<Listing[]> = fc
  .uniqueArray(
    fc.record({
      number: fc.nat({ max: 12 }),
      viewers: fc.nat({ max: 3 }),
      snapshotAt: fc.option(fc.nat({ max: 3 }), { nil: null }),
      epoch: fc.nat({ max: 2 }),
      title: fc.constantFrom('a', 'b'),
      sequence: fc.nat({ max: 3 }),
    }),
    { selector: ({ number }) => number },
  )
  .map((drawn) =>
    drawn.map(({ number, viewers, snapshotAt, ...record }) =>
      listing(number, { viewers, snapshotAt }, record),
    ),
  );

function byChannel(list: readonly Listing[]): Map<ChannelId, Listing> {
  return new Map(list.map((each) => [each.parsed.channel, each]));
}

/** What people see of a list. */
function shown(list: Iterable<Listing>): unknown[] {
  return [...list].sort(compareListings).map(({ parsed, viewers, snapshotAt }) => {
    const { sequence: _sequence, expiresAt: _expiresAt, ...said } = parsed;
    return { said, viewers, snapshotAt };
  });
}

describe('changes of a list', () => {
  test('[V2.1] lead from any list to any other, and then there are none', () => {
    fc.assert(
      fc.property(listings, listings, (before, after) => {
        const told = byChannel(before);
        const { channels, removed } = listingChanges(told, after, true);
        for (const each of channels) {
          const id = each.listing.parsed.channel;
          // Who is told no record goes on with the one that it has.
          if (!each.withRecord) expect(each.listing.record).toBe(told.get(id)?.record);
          told.set(id, each.listing);
        }
        for (const gone of removed) told.delete(gone);

        expect(shown(told.values())).toEqual(shown(after));
        expect(listingChanges(told, after, true)).toEqual({ channels: [], removed: [] });
      }),
    );
  });

  test('[V2.1] name what differs and nothing else', () => {
    const told = byChannel([listing(1), listing(2), listing(3), listing(4), listing(5)]);
    const current = [
      listing(1),
      listing(2, { viewers: 1 }),
      listing(3, { snapshotAt: 7 }),
      listing(4, {}, { sequence: 2, title: 'another' }),
      listing(6),
    ];
    const { channels, removed } = listingChanges(told, current, true);
    expect(channels.map(({ listing: after }) => after)).toEqual(current.slice(1));
    expect(channels.map(({ withRecord }) => withRecord)).toEqual([false, false, true, true]);
    expect(removed).toEqual([channel(5)]);
    // Numbers of viewers alone may wait; with other news they go along.
    const rest = listingChanges(told, current, false).channels;
    expect(rest.map(({ listing: after }) => after)).toEqual(current.slice(2));
  });

  test('[V2.1] do not repeat a record in which only time has gone on, until half of its life has', () => {
    const told = byChannel([listing(1)]);
    const later = (ms: number): Listing =>
      listing(1, {}, { sequence: 2, expiresAt: NOW + RECORD_LIFETIME_MS + ms });
    const halfMs = RECORD_LIFETIME_MS / 2;

    expect(listingChanges(told, [later(halfMs - 1)], true).channels).toEqual([]);
    expect(listingChanges(told, [later(halfMs)], true).channels).toMatchObject([{ withRecord: true }]);
    expect(halfMs).toBe(3 * 3_600_000);
  });
});

describe('the order of a list', () => {
  test('[V1.3] is by viewers, then by age, then by id', () => {
    const list = [
      listing(1, { viewers: 2 }),
      listing(2, { viewers: 2 }, { epoch: 1_700_000_001 }),
      listing(3, { viewers: 5 }),
      listing(4, { viewers: 2 }),
    ];
    const ids = list.sort(compareListings).map(({ parsed }) => parsed.channel);
    const [one, four] = [channel(1), channel(4)].sort();
    expect(ids).toEqual([channel(3), channel(2), one, four]);
  });

  test('[V1.3] does not depend on the order of arrival', () => {
    fc.assert(
      fc.property(listings, (list) => {
        const ids = (all: Listing[]): ChannelId[] =>
          all.sort(compareListings).map((one) => one.parsed.channel);
        expect(ids([...list].reverse())).toEqual(ids([...list]));
      }),
    );
  });
});

test('[V2.4] several lists make one, whatever their order', () => {
  fc.assert(
    fc.property(fc.array(listings, { maxLength: 4 }), (lists) => {
      const united = uniteListings(lists);
      const all = lists.flat();
      expect(new Set(united.keys())).toEqual(new Set(all.map(({ parsed }) => parsed.channel)));
      for (const [id, { viewers, snapshotAt, parsed }] of united) {
        const own = all.filter((one) => one.parsed.channel === id);
        expect(viewers).toBe(Math.max(...own.map((one) => one.viewers)));
        expect(snapshotAt ?? -1).toBe(Math.max(...own.map((one) => one.snapshotAt ?? -1)));
        expect(parsed.sequence).toBe(Math.max(...own.map((one) => one.parsed.sequence)));
      }
      const numbers = (map: Map<ChannelId, Listing>): unknown[] =>
        [...map.values()].sort(compareById).map((one) => [one.viewers, one.snapshotAt, one.parsed.sequence]);
      expect(numbers(uniteListings([...lists].reverse()))).toEqual(numbers(united));
    }),
  );
});

function compareById(one: Listing, other: Listing): number {
  return one.parsed.channel < other.parsed.channel ? -1 : 1;
}

test('[W3.2] as many changes as one message may tell fit into it', () => {
  const full = {
    channel: channel(1),
    record: new Uint8Array(2_048),
    viewers: 0xffffffff,
    snapshotAt: 2 ** 53 - 1,
  };
  const bytes = listingCodec.encode({
    type: 'listed',
    channels: Array.from({ length: MAX_LISTED_AT_ONCE }, () => full),
    removed: Array.from({ length: MAX_UNLISTED_AT_ONCE }, (_, i) => channel(i)),
  });
  expect(bytes.length).toBeLessThan(listingCodec.maxBytes);
  expect(MAX_LISTED_CHANNELS).toBe(500);
  expect(LIST_MS).toBe(1_000);
});
