/** The parent of one channel inside a relay, and the change from one parent to the next. */

import type { Connection } from '@libp2p/interface';
import {
  KEY_FRAME_INTERVAL_MS,
  PROTOCOL_VERSION,
  type ChannelId,
  type Farewell,
  type PeerId,
} from '@casto/core';
import {
  peerIdOf,
  PeerLink,
  relayRtpCapabilities,
  requestLink,
  verifyRecord,
  type Acceptance,
  type Clock,
  type LinkEvent,
  type RefusalCounter,
  type SignedRecord,
} from '@casto/host';
import type { MediaLinks } from './media-links.ts';
import type { Hub } from './media/hub.ts';

/** A new parent sends a key frame within this time: the longest interval between two. */
const OVERLAP_MS = KEY_FRAME_INTERVAL_MS;

export interface ChannelUpstreamOptions {
  id: ChannelId;
  clock: Clock;
  media: MediaLinks;
  hub: Hub;
  refused: RefusalCounter;
  /** What the present parent says. After `closed` there is none. */
  onEvent: (link: PeerLink, event: LinkEvent) => void;
  /** Another parent has taken the place of the one before. */
  onAttached: () => void;
}

/** The peer that was asked for a channel did not give it. */
export class PullRefused extends Error {
  override readonly name = 'PullRefused';
  readonly reason: string;

  constructor(reason: string) {
    super(`the channel could not be taken in: ${reason}`);
    this.reason = reason;
  }
}

export class ChannelUpstream {
  readonly #options: ChannelUpstreamOptions;
  readonly #closing = new AbortController();
  #current: { link: PeerLink; epoch: number } | null = null;
  /** Parents that deliver until their successors do, with the timers that end them. */
  readonly #retiring = new Map<PeerLink, () => void>();
  #pulls = 0;

  constructor(options: ChannelUpstreamOptions) {
    this.#options = options;
  }

  get link(): PeerLink | null {
    return this.#current?.link ?? null;
  }

  /** Of the broadcast that the parent gives; 0 without one. */
  get epoch(): number {
    return this.#current?.epoch ?? 0;
  }

  /** Whether there are links, or will be. */
  get isActive(): boolean {
    return this.#current !== null || this.#retiring.size > 0 || this.#pulls > 0;
  }

  /**
   * Takes the channel in from a peer. A parent that it had stays until the new one delivers.
   *
   * @throws When the peer refuses or cannot be reached.
   */
  async pull(
    connection: Connection,
    { record }: SignedRecord,
    options: { fromRelay: boolean; path: Uint8Array; ageS: number },
  ): Promise<void> {
    const { id, clock, media, hub, refused } = this.#options;
    const { video, audio } = record;
    const layers = video === null ? [] : Array.from({ length: record.layers }, (_, layer) => layer);
    this.#closing.signal.throwIfAborted();
    const end = media.pull({ hub, layers, audio, video, fromRelay: options.fromRelay });
    const join = {
      version: PROTOCOL_VERSION,
      channel: id,
      kind: 'headless' as const,
      layers,
      audio,
      capabilities: relayRtpCapabilities(),
      path: options.path,
      standby: false,
      slots: 0,
      ageS: options.ageS,
    };
    this.#pulls++;
    try {
      const { signal } = this.#closing;
      const outcome = await requestLink(connection, end, join, { signal, refused, clock });
      if (outcome.type === 'redirected') throw new PullRefused('redirected');
      if (outcome.type === 'refused') throw new PullRefused(outcome.reason);
      const epoch = await this.#acceptedEpoch(outcome);
      await this.#attach(end, { peerId: peerIdOf(connection.remotePeer), kind: outcome.kind, epoch });
    } catch (error) {
      end.close();
      throw error;
    } finally {
      this.#pulls--;
    }
  }

  /** Lets go of the parent. */
  async release(reason: Farewell): Promise<void> {
    const current = this.#current;
    this.#current = null;
    await current?.link.leave(reason);
  }

  /** Lets go of everything, and of what is under way. Idempotent. */
  async close(reason: Farewell): Promise<void> {
    this.#closing.abort(new PullRefused('closed'));
    const leaving = [...this.#retiring].map(([link, cancel]) => {
      cancel();
      return link.leave(reason);
    });
    this.#retiring.clear();
    await Promise.all([this.release(reason), ...leaving]);
  }

  /** L6.1: the parent shows the channel's own word for what it gives. */
  async #acceptedEpoch({ version, record: bytes }: Acceptance): Promise<number> {
    if (version !== PROTOCOL_VERSION) throw new PullRefused('version');
    const { record } = await verifyRecord(bytes, this.#options.clock.now());
    if (record.channel !== this.#options.id) throw new PullRefused('not-found');
    return record.epoch;
  }

  async #attach(
    end: ReturnType<MediaLinks['pull']>,
    parent: { peerId: PeerId; kind: PeerLink['kind']; epoch: number },
  ): Promise<void> {
    const { clock, refused, onEvent } = this.#options;
    let settle = (): void => {};
    const settled = new Promise<void>((resolve) => (settle = resolve));
    const link: PeerLink = new PeerLink({
      role: 'child',
      ...parent,
      end,
      clock,
      refused,
      activity: end,
      onEvent: (event) => {
        if (event.type === 'connected' || event.type === 'closed') settle();
        this.#takeEvent(link, event, onEvent);
      },
    });
    const { signal } = this.#closing;
    signal.addEventListener('abort', settle, { once: true });
    if (end.state === 'connecting' && !signal.aborted) await settled;
    signal.removeEventListener('abort', settle);
    if (link.isClosed || signal.aborted || stateOf(end) !== 'connected') {
      link.close();
      throw new PullRefused(signal.aborted ? 'closed' : 'not-connected');
    }
    this.#replace({ link, epoch: parent.epoch });
  }

  #takeEvent(link: PeerLink, event: LinkEvent, tell: ChannelUpstreamOptions['onEvent']): void {
    if (event.type === 'closed') {
      this.#retiring.get(link)?.();
      this.#retiring.delete(link);
    }
    if (this.#current?.link !== link) return;
    if (event.type === 'closed') this.#current = null;
    tell(link, event);
  }

  /** The old parent delivers until the new one's first key frame has come. */
  #replace(next: { link: PeerLink; epoch: number }): void {
    const previous = this.#current?.link;
    this.#current = next;
    if (previous) {
      const end = (): void => void previous.leave('moved');
      this.#retiring.set(previous, this.#options.clock.setTimer(end, OVERLAP_MS));
    }
    this.#options.onAttached();
  }
}

/** What was narrowed before an `await` has changed meanwhile. */
function stateOf(end: ReturnType<MediaLinks['pull']>): ReturnType<MediaLinks['pull']>['state'] {
  return end.state;
}
