/**
 * The parents of one channel inside a relay: the links to those that the tree has chosen, and whose media are played.
 *
 *   asking ──accepted──▶ attached ──wanted──▶ flowing ──play──▶ played
 *
 * The tree decides all of it; here it is done. A streamer whose page was loaded anew is another peer with the same
 * name: its former link is retired, and feeds the hub until the next parent delivers.
 */

import {
  KEY_FRAME_INTERVAL_MS,
  PROTOCOL_VERSION,
  type ChannelId,
  type Farewell,
  type JoinAnswer,
  type ParentCandidate,
  type PeerId,
  type PeerKind,
  type TreeJoin,
} from '@casto/core';
import {
  joinAnswerOf,
  joinFieldsOf,
  MEDIA_LOOK_MS,
  MediaWatch,
  PeerLink,
  relayRtpCapabilities,
  verifyRecord,
  type Acceptance,
  type Clock,
  type LinkEvent,
  type RefusalCounter,
  type SignedRecord,
  type TreeDriver,
} from '@casto/host';
import type { ParentRequest } from './channel-reach.ts';
import { streamsOf } from './channel-streams.ts';
import type { RelayLog } from './relay-log.ts';
import type { MediaLinks } from './media-links.ts';
import type { Hub } from './media/hub.ts';
import { ParentWatch } from './parent-watch.ts';

/** What a parent that was left still sends is of use until the next one has sent a key frame. */
const RETIRED_MS = 2 * KEY_FRAME_INTERVAL_MS;
/** A streamer that could not be reached says by its next announcement when it can. */
const STREAMER_RETRY_MS = 1_000;

export interface ChannelParentsOptions {
  readonly id: ChannelId;
  readonly clock: Clock;
  readonly media: MediaLinks;
  readonly hub: Hub;
  readonly refused: RefusalCounter;
  readonly driver: () => TreeDriver;
  readonly reach: (candidate: ParentCandidate) => Promise<ParentRequest>;
  /** The channel's record; `isNewest`: as other relays have it, and not as it is remembered here. */
  readonly record: (options: { isNewest: boolean }) => Promise<SignedRecord | null>;
  readonly isPage: (peerId: PeerId) => boolean;
  /** What a link says besides what concerns the tree. */
  readonly onEvent: (link: PeerLink, event: LinkEvent) => void;
  /** An attempt has begun or ended. */
  readonly onProgress: () => void;
  readonly log: RelayLog;
}

type PulledEnd = ReturnType<MediaLinks['pull']>;

interface Parent {
  readonly link: PeerLink;
  readonly end: PulledEnd;
  readonly epoch: number;
  readonly watch: ParentWatch;
}

/** The peer that was asked for a channel did not give it. */
class PullRefused extends Error {
  override readonly name = 'PullRefused';
  readonly answer: JoinAnswer;

  constructor(reason: string, answer: JoinAnswer = { type: 'failed' }) {
    super(reason);
    this.answer = answer;
  }
}

export class ChannelParents {
  readonly #options: ChannelParentsOptions;
  readonly #joins = new Map<PeerId, AbortController>();
  readonly #parents = new Map<PeerId, Parent>();
  /** Links that feed the hub until another parent does, with the timers that end them. */
  readonly #retired = new Map<Parent, () => void>();
  readonly #mediaWatch: MediaWatch;
  #played: Parent | null = null;
  #lookedAt = -Infinity;
  #isClosed = false;

  constructor(options: ChannelParentsOptions) {
    this.#options = options;
    const { id: channel, driver } = options;
    this.#mediaWatch = new MediaWatch({ channel, tell: (input) => driver().tell(input) });
  }

  /** The parent whose media are passed on. */
  get played(): PeerLink | null {
    return this.#played?.link ?? null;
  }

  /** Packets of the last seconds that did not come, 0 to 1; without those that deliver too little to tell. */
  losses(): Map<PeerId, number> {
    const found = new Map<PeerId, number>();
    for (const [peerId, { watch }] of this.#parents) {
      if (watch.lossShare !== null) found.set(peerId, watch.lossShare);
    }
    return found;
  }

  /** Of the broadcast that is passed on; 0 without one. */
  get epoch(): number {
    return this.#played?.epoch ?? 0;
  }

  /** Whether a parent is asked, or has yet to deliver. */
  get isTrying(): boolean {
    if (this.#joins.size > 0) return true;
    for (const { watch } of this.#parents.values()) if (watch.isAwaited) return true;
    return false;
  }

  /** Whether there are links, or will be. */
  get isActive(): boolean {
    return this.#joins.size > 0 || this.#parents.size > 0 || this.#retired.size > 0;
  }

  /** Of the broadcast that this peer gives or will give; `null` when it is neither a parent nor asked. */
  epochOf(peerId: PeerId): number | null {
    return this.#parents.get(peerId)?.epoch ?? (this.#joins.has(peerId) ? 0 : null);
  }

  /** Asks a peer for the channel, and tells the tree what it said. */
  async join(candidate: ParentCandidate, join: TreeJoin): Promise<void> {
    const { peerId } = candidate;
    const controller = new AbortController();
    this.#joins.get(peerId)?.abort(new PullRefused('asked again'));
    this.#joins.set(peerId, controller);
    const { signal } = controller;
    if (this.#isClosed) controller.abort(new PullRefused('closed'));
    try {
      await this.#ask(candidate, join, signal);
    } catch (error) {
      if (signal.aborted) return;
      const answer = error instanceof PullRefused ? error.answer : { type: 'failed' as const };
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log('warn', 'pull-failed', { channel: this.#options.id, parent: peerId, error: reason });
      this.#endJoin(peerId, controller);
      this.#options.driver().tell({ type: 'answered', peerId, answer: this.#mildly(peerId, answer) });
    } finally {
      this.#endJoin(peerId, controller);
      this.#options.onProgress();
    }
  }

  abandon(peerId: PeerId): void {
    this.#joins.get(peerId)?.abort(new PullRefused('given up'));
  }

  want(peerId: PeerId, isWanted: boolean): void {
    this.#parents.get(peerId)?.watch.want(isWanted);
  }

  /** Without another parent the last one, or what is retired, goes on feeding the hub with what still comes. */
  play(peerId: PeerId | null): void {
    const next = peerId === null ? null : (this.#parents.get(peerId) ?? null);
    const before = this.#played;
    this.#played = next;
    if (next === null) return;
    next.watch.play(true);
    if (before !== next) before?.watch.play(false);
    for (const parent of this.#retired.keys()) this.#leaveRetired(parent);
  }

  /** Takes the link to a peer away from the tree, so that the same peer can be asked anew. */
  retire(peerId: PeerId): void {
    const parent = this.#parents.get(peerId);
    if (!parent) return;
    this.#parents.delete(peerId);
    if (this.#played === parent) this.#played = null;
    const cancel = this.#options.clock.setTimer(() => this.#leaveRetired(parent), RETIRED_MS);
    this.#retired.set(parent, cancel);
    this.#options.driver().release(peerId);
  }

  tick(now: number): void {
    for (const parent of this.#parents.values()) parent.watch.tick(now, parent === this.#played);
    if (now - this.#lookedAt < MEDIA_LOOK_MS) return;
    this.#lookedAt = now;
    const fed = this.#played === null ? [] : [this.#played];
    this.#mediaWatch.look(
      fed.map(({ link, end }) => ({ link, lastMediaAt: end.media.lastUnitAt })),
      now,
    );
  }

  /** Ends what the tree does not know of; its own links are the driver's to end. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const controller of this.#joins.values()) controller.abort(new PullRefused('closed'));
    for (const parent of this.#retired.keys()) this.#leaveRetired(parent, 'leaving');
  }

  #endJoin(peerId: PeerId, controller: AbortController): void {
    if (this.#joins.get(peerId) === controller) this.#joins.delete(peerId);
  }

  /** No ban keeps a relay from its streamer: its announcements tell when to ask it. */
  #mildly(peerId: PeerId, answer: JoinAnswer): JoinAnswer {
    if (peerId !== this.#options.id || answer.type !== 'failed') return answer;
    return { type: 'refused', reason: 'busy', retryAfterMs: STREAMER_RETRY_MS };
  }

  async #ask(candidate: ParentCandidate, join: TreeJoin, signal: AbortSignal): Promise<void> {
    const { reach, record } = this.#options;
    const request = await reach(candidate);
    signal.throwIfAborted();
    const signed = await record({ isNewest: false });
    if (signed === null) throw new PullRefused('the channel has no record');
    try {
      return await this.#askWith(signed, request, { candidate, join, signal });
    } catch (error) {
      if (signal.aborted || !isOtherMedia(error)) throw error;
      // The record may be of an earlier broadcast, with other codecs.
      const newest = await record({ isNewest: true });
      if (newest === null || newest.record.sequence <= signed.record.sequence) throw error;
      return this.#askWith(newest, request, { candidate, join, signal });
    }
  }

  async #askWith(
    { record }: SignedRecord,
    request: ParentRequest,
    { candidate, join, signal }: { candidate: ParentCandidate; join: TreeJoin; signal: AbortSignal },
  ): Promise<void> {
    const { id, media, hub, isPage } = this.#options;
    signal.throwIfAborted();
    const streams = streamsOf(record);
    const { audio } = streams;
    const layers = [...streams.layers];
    const end = media.pull({ hub, ...streams, fromRelay: !isPage(candidate.peerId) });
    try {
      const capabilities = relayRtpCapabilities();
      const wanted = { version: PROTOCOL_VERSION, channel: id, layers, audio, capabilities };
      const outcome = await request(end, { ...wanted, ...joinFieldsOf(join) }, signal);
      if (outcome.type !== 'accepted') {
        const reason = outcome.type === 'refused' ? outcome.reason : outcome.type;
        throw new PullRefused(reason, joinAnswerOf(outcome));
      }
      const epoch = await this.#acceptedEpoch(outcome);
      signal.throwIfAborted();
      if (isOver(end)) throw new PullRefused('no connection came about');
      this.#attach(end, { peerId: candidate.peerId, kind: outcome.kind, epoch }, join);
    } catch (error) {
      end.close();
      throw error;
    }
  }

  /** L6.1: the parent shows the channel's own word for what it gives. */
  async #acceptedEpoch({ version, record: bytes }: Acceptance): Promise<number> {
    if (version !== PROTOCOL_VERSION) throw new PullRefused('version');
    const { record } = await verifyRecord(bytes, this.#options.clock.now());
    if (record.channel !== this.#options.id) throw new PullRefused('it gave another channel');
    return record.epoch;
  }

  /** At once, because a neighbour's first words may be read before the connection is known to be up. */
  #attach(
    end: PulledEnd,
    { peerId, kind, epoch }: { peerId: PeerId; kind: PeerKind; epoch: number },
    { standby }: TreeJoin,
  ): void {
    const { clock, refused } = this.#options;
    const driver = this.#options.driver();
    const link: PeerLink = new PeerLink({
      role: 'child',
      peerId,
      kind,
      end,
      clock,
      refused,
      activity: end,
      onEvent: (event) => this.#takeEvent(link, event),
    });
    const watch = new ParentWatch({ link, media: end.media, clock, tell: (input) => driver.tell(input) });
    this.#parents.set(peerId, { link, end, epoch, watch });
    watch.want(!standby);
    driver.tell({ type: 'answered', peerId, answer: { type: 'accepted', kind } });
    driver.attach(link);
    watch.tellFlowingIfOpen();
  }

  #takeEvent(link: PeerLink, event: LinkEvent): void {
    const parent = this.#parents.get(link.peerId);
    if (event.type === 'closed') this.#forget(link);
    // What is retired speaks of the past.
    if (parent?.link !== link) return;
    const { id, log, onEvent, driver } = this.#options;
    const of = { channel: id, parent: link.peerId };
    if (event.type === 'silent')
      log('debug', 'parent-silent', { ...of, silentMs: Math.round(event.silentMs) });
    if (event.type === 'closed') log('info', 'parent-lost', of);
    onEvent(link, event);
    driver().take(link, event);
    if (event.type === 'opened') parent.watch.tellFlowingIfOpen();
    if (event.type === 'closed') this.#options.onProgress();
  }

  #forget(link: PeerLink): void {
    const parent = this.#parents.get(link.peerId);
    if (parent?.link === link) {
      this.#parents.delete(link.peerId);
      if (this.#played === parent) this.#played = null;
    }
    for (const [retired, cancel] of this.#retired) {
      if (retired.link !== link) continue;
      cancel();
      this.#retired.delete(retired);
    }
  }

  #leaveRetired(parent: Parent, reason: Farewell = 'moved'): void {
    this.#retired.get(parent)?.();
    this.#retired.delete(parent);
    parent.watch.play(false);
    void parent.link.leave(reason);
  }
}

function isOtherMedia(error: unknown): boolean {
  if (!(error instanceof PullRefused)) return false;
  return error.answer.type === 'refused' && error.answer.reason === 'no-common-codec';
}

function isOver({ state }: PulledEnd): boolean {
  return state === 'closed';
}
