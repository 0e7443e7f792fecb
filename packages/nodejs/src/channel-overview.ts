/** Reads out of a channel's parts what people want to see of it. Nothing here changes anything. */

import type { ChannelId, ChannelRecord, Instant, TreeView } from '@casto/core';
import type { ChannelEntry } from './channel-entry.ts';
import type { LinkQuality } from './relay-overview.ts';
import type { RelayChannel } from './relay-channel.ts';
import {
  MAX_SHOWN_CHILDREN,
  MAX_SHOWN_OFFERS,
  type ChannelOverview,
  type ChannelTree,
  type TreeChild,
  type TreeParent,
} from './relay-overview.ts';

const MS_PER_S = 1_000;
const UNKNOWN: LinkQuality = { rttMs: null, lossShare: null, layer: null, temporalLayer: null };

/** @param record - The channel's newest, `null` when there is none. */
export function channelOverview(entry: ChannelEntry, record: ChannelRecord | null): ChannelOverview {
  const { media } = entry;
  const players = media?.players.size ?? 0;
  return {
    channel: entry.id,
    title: record?.title ?? '',
    live: entry.isLive,
    origin: originOf(entry),
    parent: media?.parent ?? null,
    depth: media?.standing?.depth ?? null,
    startedAt: record === null ? null : record.epoch * MS_PER_S,
    viewers: entry.viewers,
    served: (media?.served ?? 0) + players,
    players,
    video: record?.video ?? null,
    audio: record?.audio ?? false,
    layers: record?.layers ?? 0,
    receivedBytes: receivedBytesOf(media),
  };
}

/** @returns `null` when the relay has no place in the tree of the channel. */
export function channelTree({ id, media, directory }: ChannelEntry, now: Instant): ChannelTree | null {
  if (media === null) return null;
  const view = media.view();
  const children = childrenOf(view, media);
  const offers = directory.list(now, MAX_SHOWN_OFFERS);
  return {
    channel: id,
    phase: view.phase,
    path: view.path,
    delayMs: view.delayMs,
    slots: view.slots,
    freeSlots: view.freeSlots,
    searchingFor: view.searchingFor,
    parents: parentsOf(view, media),
    children: children.slice(0, MAX_SHOWN_CHILDREN),
    moreChildren: Math.max(0, children.length - MAX_SHOWN_CHILDREN),
    offers: offers.map(({ peerId, offer: { kind, depth, freeSlots, delayMs } }) => {
      return { peerId, kind, depth, freeSlots, delayMs };
    }),
    moreOffers: Math.max(0, directory.size - offers.length),
  };
}

function originOf({ id, media, search, streamer }: ChannelEntry): ChannelOverview['origin'] {
  if (search.ingest !== null) return 'publisher';
  const parent: ChannelId | null = media?.parent ?? null;
  if (parent === null) return streamer === null ? 'none' : 'streamer';
  return parent === id ? 'streamer' : 'peer';
}

function receivedBytesOf(media: RelayChannel | null): number {
  let bytes = 0;
  for (const stream of media?.streams() ?? []) bytes += stream.bytes;
  return bytes;
}

function parentsOf({ parents }: TreeView, media: RelayChannel): TreeParent[] {
  const losses = media.qualities().parents;
  return parents.map(({ peerId, kind, role, rttMs }) => {
    return { peerId, kind, role, rttMs, lossShare: losses.get(peerId) ?? null };
  });
}

function childrenOf({ children }: TreeView, media: RelayChannel): TreeChild[] {
  const qualities = media.qualities().children;
  const peers = children.map(({ peerId, kind, role, viewers }): TreeChild => {
    return { peerId, kind, role, viewers, ...(qualities.get(peerId) ?? UNKNOWN) };
  });
  const players = media.players.qualities().map((quality): TreeChild => {
    return { peerId: null, kind: 'player', role: 'active', viewers: 1, ...quality };
  });
  return [...peers, ...players].sort((a, b) => b.viewers - a.viewers);
}
