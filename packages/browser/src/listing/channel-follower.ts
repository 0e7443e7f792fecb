/** Puts a page's list of channels together: a libp2p peer, the relays, and what they list. */

import { type ChannelId } from '@casto/core';
import { processClock, refusalCounter, type BrowseQuery } from '@casto/host';
import type { CastoChannelsState } from '../channel-list.ts';
import { freshIdentity } from '../identity.ts';
import { createPagePeer } from '../page-peer.ts';
import type { RelayTarget } from '../relay-list.ts';
import { connectRelay } from '../relay-session.ts';
import { FollowedRelay } from './followed-relay.ts';
import { ShownChannels, type ShownChannelsOptions } from './shown-channels.ts';
import { SnapshotFetcher } from './snapshot-fetcher.ts';

/** More would tell nothing new: relays list each other's channels. */
const MAX_RELAYS = 8;
/** More than anybody scrolls through; the most viewed are among them. */
const MAX_CHANNELS = 100;

export interface FollowOptions extends ShownChannelsOptions {
  readonly app: string;
  readonly targets: readonly RelayTarget[];
  readonly signal: AbortSignal;
  readonly onState: (state: CastoChannelsState) => void;
}

/** Goes on until the signal aborts. */
export async function followChannels(options: FollowOptions): Promise<void> {
  const { app, targets, signal, onState } = options;
  const { privateKey } = await freshIdentity();
  const libp2p = await createPagePeer(privateKey);
  if (signal.aborted) return void libp2p.stop();
  signal.addEventListener('abort', () => void libp2p.stop(), { once: true });
  const shared = { clock: processClock, refused: refusalCounter(), signal };
  const query: BrowseQuery = { app, own: false, most: MAX_CHANNELS };
  const underWay = new Set<ChannelId>();
  const shown = new ShownChannels(options);
  let state: CastoChannelsState = 'connecting';

  const onChange = (): void => {
    const isConnected = relays.some(({ isOpen }) => isOpen);
    const next = isConnected ? 'connected' : state === 'connecting' ? state : 'reconnecting';
    if (next !== state) onState((state = next));
    shown.update(relays.flatMap(({ lists }) => lists));
    for (const fetcher of fetchers) void fetcher.fetchAll();
  };

  const relays = targets.slice(0, MAX_RELAYS).map((target) => {
    const relay: FollowedRelay = new FollowedRelay({
      ...shared,
      query,
      onChange,
      connect: () => connectRelay(libp2p, [target], signal),
      followedOver: (relayId) =>
        relays.find((other) => other !== relay && other.relayId === relayId)?.connection ?? null,
    });
    return relay;
  });
  const fetchers = relays.map(
    (relay) =>
      new SnapshotFetcher({
        ...shared,
        underWay,
        client: () => relay.client,
        listed: () => relay.listed,
        wants: (listing) => shown.wants(listing),
        onSnapshot: (signed) => shown.setSnapshot(signed),
      }),
  );
  await Promise.all(relays.map((relay) => relay.run()));
}
