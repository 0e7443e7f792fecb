/** Channels with real signatures, and relays that list them over real streams. */

import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import {
  compareListings,
  isPeerId,
  type ChannelId,
  type ChannelRecord,
  type Listing,
  type PeerId,
} from '@casto/core';
import {
  refusalCounter,
  serveListing,
  signRecord,
  signSnapshot,
  type BrowseQuery,
  type Clock,
  type ListingHandlers,
  type SnapshotRefusal,
} from '@casto/host';
import type { TestPeer, TestPeers } from '@casto/host/conformance/loopback-peers';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';

export const EPOCH = 1_700_000_000;

export interface Streamer {
  readonly id: ChannelId;
  readonly key: PrivateKey;
}

export async function newStreamer(): Promise<Streamer> {
  const key = await generateKeyPair('Ed25519');
  const id = key.publicKey.toString();
  if (!isPeerId(id)) throw new Error('not an id');
  return { key, id };
}

export async function listingOf(
  streamer: Streamer,
  changes: Partial<Pick<Listing, 'viewers' | 'snapshotAt'>> = {},
  record: Partial<ChannelRecord> = {},
): Promise<Listing> {
  const signed = await signRecord(streamer.key, {
    channel: streamer.id,
    epoch: EPOCH,
    sequence: 1,
    expiresAt: new VirtualClock().now() + 3_600_000,
    title: '',
    app: '',
    video: 'vp8',
    layers: 1,
    audio: true,
    live: true,
    listed: true,
    ...record,
  });
  return { record: signed.bytes, parsed: signed.record, viewers: 0, snapshotAt: null, ...changes };
}

/** Signed bytes with the head of a JPEG of 320 x 180. */
export function snapshotOf(
  { id, key }: Streamer,
  { takenAt, epoch = EPOCH }: { takenAt: number; epoch?: number },
): Promise<Uint8Array> {
  const image = Uint8Array.from([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 180, 1, 64, 3, 0, 0]);
  return signSnapshot(key, { channel: id, epoch, takenAt, image });
}

/** A relay whose list a test writes. */
export class ListingRelay implements ListingHandlers {
  readonly listings = new Map<ChannelId, Listing>();
  readonly snapshots = new Map<ChannelId, Uint8Array>();
  readonly fetched: ChannelId[] = [];
  readonly peer: TestPeer;

  constructor(peer: TestPeer) {
    this.peer = peer;
  }

  static async start(peers: TestPeers, clock: Clock): Promise<ListingRelay> {
    const relay = new ListingRelay(await peers.create());
    await serveListing(relay.peer.libp2p, relay, { refused: refusalCounter(), clock });
    return relay;
  }

  list({ most }: BrowseQuery): readonly Listing[] {
    return [...this.listings.values()].sort(compareListings).slice(0, most);
  }

  async snapshot(channel: ChannelId): Promise<Uint8Array | null> {
    this.fetched.push(channel);
    return this.snapshots.get(channel) ?? null;
  }

  async show(_signed: Uint8Array, _from: PeerId): Promise<SnapshotRefusal | null> {
    return null;
  }

  set(listing: Listing): void {
    this.listings.set(listing.parsed.channel, listing);
  }
}
