/**
 * The watching side of a page: finds a parent, shows what it sends, and finds another when it is gone.
 *
 *   joining ──accepted, connected──▶ attached ──silent, closed, drained──▶ joining
 *      └──channel offline──▶ waiting ──live──▶ joining
 *
 * The stream that the page holds stays the same through all of it.
 */

import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import {
  detachedPosition,
  encodePath,
  isPeerId,
  linkState,
  positionBelow,
  PROTOCOL_VERSION,
  reconnectWaitMs,
  type ChannelId,
  type ParentCandidate,
  type PeerId,
  type Position,
} from '@casto/core';
import {
  pageRtpCapabilities,
  PeerLink,
  requestLink,
  verifyRecord,
  type ChannelNews,
  type JoinOutcome,
  type LinkEvent,
} from '@casto/host';
import { CastoError, toCastoError } from './errors.ts';
import { freshIdentity } from './identity.ts';
import { createPeerConnection, PageChildEnd } from './page-link.ts';
import { createPagePeer, wait } from './page-peer.ts';
import type { FrameTap } from './page-worker.ts';
import { connectRelay, type RelaySession } from './relay-session.ts';
import { ownPeerId, type PageContext, type Role } from './role.ts';
import { peerStats, readMediaStats, TransferMeter, type CastoStats } from './stats.ts';

/** ICE and DTLS take three round trips; a relay on the other side of the world answers within 2 s. */
const CONNECT_MS = 8_000;
/** A relay that was busy at the first try gets this many more before `start()` gives up. */
const FIRST_ATTEMPTS = 4;
/** A link that held this long ends a series of failures. */
const STABLE_MS = 10_000;

/** One attached parent, or one that is about to be. */
interface Attachment {
  link: PeerLink;
  end: PageChildEnd;
  taps: FrameTap[];
  /** Resolves when the link is of no more use: silent, draining or closed. */
  lost: Promise<'silent' | 'closed'>;
  attachedAt: number;
}

export class Viewer implements Role {
  readonly channel: ChannelId;
  readonly #context: PageContext;
  readonly #libp2p: Libp2p;
  readonly #self: PeerId;
  readonly #stream = new MediaStream();
  readonly #closed = new AbortController();
  readonly #download = new TransferMeter();
  #session: RelaySession | null = null;
  #attachment: Attachment | null = null;
  #position: Position;
  #viewers = 0;
  #hasEnded = false;
  #lastParent: PeerId | null = null;

  private constructor(context: PageContext, channel: ChannelId, libp2p: Libp2p) {
    this.#context = context;
    this.channel = channel;
    this.#libp2p = libp2p;
    this.#self = ownPeerId(libp2p);
    this.#position = detachedPosition(this.#self);
  }

  static async create(context: PageContext, channel: ChannelId): Promise<Viewer> {
    const { privateKey } = await freshIdentity();
    return new Viewer(context, channel, await createPagePeer(privateKey));
  }

  get peerId(): string {
    return this.#self;
  }

  async start(): Promise<MediaStream> {
    await this.#attachFirst();
    void this.#stayAttached();
    return this.#stream;
  }

  async stats(): Promise<CastoStats> {
    const attachment = this.#attachment;
    const media = attachment ? await readMediaStats(attachment.end.pc) : null;
    const now = this.#context.worker.clock.now();
    return {
      role: 'viewer',
      channel: this.channel,
      peerId: this.#self,
      depth: attachment ? this.#position.depth : null,
      parents: attachment ? [peerStats(attachment.link)] : [],
      children: [],
      video: media?.video ?? null,
      audio: media?.audio ?? null,
      latencyMs: attachment ? this.#latencyMs(attachment) : null,
      upload: { bytes: 0, bitsPerSecond: 0 },
      download: this.#download.measure(media?.bytesReceived ?? 0, now),
    };
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    await this.#attachment?.link.leave('leaving');
    for (const track of this.#stream.getTracks()) this.#stream.removeTrack(track);
    await this.#libp2p.stop();
  }

  get #signal(): AbortSignal {
    return AbortSignal.any([this.#context.signal, this.#closed.signal]);
  }

  /** @throws {CastoError} When the channel cannot be watched, or no relay is there. */
  async #attachFirst(): Promise<void> {
    const signal = this.#signal;
    for (let attempt = 0; ; attempt++) {
      try {
        this.#adopt(await this.#join(signal));
        return;
      } catch (error) {
        if (signal.aborted) throw new CastoError('aborted', 'stopped while joining', { cause: error });
        const failure = toCastoError(error, 'protocol', 'the relay answered with an error');
        if (!isWorthRetrying(failure) || attempt >= FIRST_ATTEMPTS) throw failure;
        await wait(reconnectWaitMs(attempt, Math.random()), signal);
      }
    }
  }

  /** Finds another parent whenever the present one is lost, until the viewer is stopped. */
  async #stayAttached(): Promise<void> {
    const signal = this.#signal;
    for (let attempt = 0; !signal.aborted;) {
      const present = this.#attachment;
      if (present !== null && !present.link.isClosed) {
        await Promise.race([present.lost, aborted(signal)]);
        if (this.#context.worker.clock.now() - present.attachedAt > STABLE_MS) attempt = 0;
      }
      if (signal.aborted) return;
      attempt = await this.#repair(present, attempt, signal);
    }
  }

  /** @returns The number of failures in a row. */
  async #repair(present: Attachment | null, attempt: number, signal: AbortSignal): Promise<number> {
    try {
      if (attempt > 0) await wait(reconnectWaitMs(attempt - 1, Math.random()), signal);
      const next = await this.#join(signal);
      this.#adopt(next);
      present?.link.close();
      return attempt + 1;
    } catch (error) {
      if (signal.aborted) return attempt;
      const failure = toCastoError(error, 'protocol', 'reconnecting failed');
      if (!isWorthRetrying(failure)) this.#context.emit('error', failure);
      return attempt + 1;
    }
  }

  /** Asks relays, and whom they name, until one of them sends media. Waits while the channel is not live. */
  async #join(signal: AbortSignal): Promise<Attachment> {
    if (!this.#session?.isOpen)
      this.#session = await connectRelay(this.#libp2p, this.#context.targets, signal);
    const session = this.#session;
    for (;;) {
      const result = await this.#ask(session.connection, session.relayId, signal);
      if (!('type' in result)) return result;
      if (result.type === 'redirected') return this.#askCandidates(result.parents, signal);
      if (result.reason === 'offline') {
        await this.#untilLive(session, signal);
      } else if (result.reason === 'not-found') {
        await this.#assertKnown(session, signal);
      } else {
        await this.#leaveRelay(session);
        throw refusalFailure(result.reason);
      }
    }
  }

  /** The next attempt may reach another relay of the list. */
  async #leaveRelay(session: RelaySession): Promise<void> {
    if (this.#context.targets.length < 2) return;
    this.#session = null;
    await session.close();
  }

  async #askCandidates(parents: ParentCandidate[], signal: AbortSignal): Promise<Attachment> {
    const { addCircuit } = await import('./page-circuit.ts');
    await addCircuit(this.#libp2p);
    let failure: unknown = new CastoError('relay-full', 'every relay that carries the channel is full');
    for (const parent of parents) {
      try {
        const addresses = parent.addresses.map((address) => multiaddr(address));
        const dial = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
        const connection = await this.#libp2p.dial(addresses, { signal: dial });
        if (connection.remotePeer.toString() !== parent.peerId) continue;
        const result = await this.#ask(connection, parent.peerId, signal);
        if (!('type' in result)) return result;
        if (result.type === 'refused') failure = refusalFailure(result.reason);
      } catch (error) {
        if (signal.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** One join at one peer. @returns The attachment once media can flow, or what the peer said instead. */
  async #ask(
    connection: Connection,
    parentId: PeerId,
    signal: AbortSignal,
  ): Promise<Attachment | Exclude<JoinOutcome, { type: 'accepted' }>> {
    const { settings, refused, worker } = this.#context;
    const end = new PageChildEnd(createPeerConnection(settings.iceServers));
    const taps = [
      worker.tap(end.audio, { operation: 'strip', kind: 'audio' }),
      worker.tap(end.video, { operation: 'strip', kind: 'video' }),
    ].filter((tap) => tap !== null);
    const outcome = await requestLink(
      connection,
      end,
      {
        version: PROTOCOL_VERSION,
        channel: this.channel,
        kind: 'browser',
        layers: [0],
        audio: true,
        capabilities: receivingCapabilities(),
        path: encodePath([]),
      },
      { signal, refused },
    );
    if (outcome.type !== 'accepted') return outcome;
    if (outcome.version !== PROTOCOL_VERSION)
      throw new CastoError('protocol', 'the relay is of another version');
    const { record } = await verifyRecord(outcome.record, worker.clock.now());
    if (record.channel !== this.channel) throw new CastoError('protocol', 'the relay gave another channel');
    return this.#attach(end, taps, { parentId, kind: outcome.kind }, signal);
  }

  async #attach(
    end: PageChildEnd,
    taps: FrameTap[],
    parent: { parentId: PeerId; kind: 'browser' | 'headless' },
    signal: AbortSignal,
  ): Promise<Attachment> {
    const { worker, refused } = this.#context;
    let connected = (): void => {};
    let lose: (why: 'silent' | 'closed') => void = () => {};
    const lost = new Promise<'silent' | 'closed'>((resolve) => (lose = resolve));
    const isConnected = new Promise<void>((resolve) => (connected = resolve));
    const link: PeerLink = new PeerLink({
      role: 'child',
      peerId: parent.parentId,
      kind: parent.kind,
      end,
      clock: worker.clock,
      refused,
      activity: { lastSentAt: () => 0, lastHeardAt: () => lastHeard(taps, end) },
      onEvent: (event) => {
        if (event.type === 'connected') connected();
        if (event.type === 'silent' || event.type === 'draining') lose('silent');
        if (event.type === 'closed') lose('closed');
        this.#linkEvent(link, event);
      },
    });
    const attachment: Attachment = { link, end, taps, lost, attachedAt: worker.clock.now() };
    if (end.state !== 'connected') {
      const timeout = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
      await Promise.race([isConnected, lost, aborted(timeout)]);
    }
    if (end.state !== 'connected') {
      link.close();
      throw new CastoError('timed-out', 'the parent accepted, but no connection came about');
    }
    return attachment;
  }

  /** Shows a new parent's media in the stream that the page holds. */
  #adopt(attachment: Attachment): void {
    const previous = this.#lastParent;
    const parent = attachment.link.peerId;
    this.#attachment = attachment;
    this.#lastParent = parent;
    this.#replaceTracks([attachment.end.audio.track, attachment.end.video.track]);
    this.#reposition();
    if (previous === null) this.#context.emit('live', { channel: this.channel });
    if (previous === null || previous === parent) this.#context.emit('attached', { parent });
    else this.#context.emit('parent-changed', { parent, previous });
    if (this.#hasEnded) this.#context.emit('live', { channel: this.channel });
    this.#hasEnded = false;
  }

  #replaceTracks(tracks: MediaStreamTrack[]): void {
    const old = this.#stream.getTracks();
    for (const track of tracks) this.#stream.addTrack(track);
    for (const track of old) this.#stream.removeTrack(track);
  }

  #linkEvent(link: PeerLink, event: LinkEvent): void {
    switch (event.type) {
      case 'clock':
        this.#reposition();
        return;
      case 'state':
        this.#reposition();
        this.#countViewers(event.state.viewers);
        return;
      case 'farewell':
        if (event.reason === 'ended') this.#ended();
        return;
      case 'closed':
        if (this.#attachment?.link === link) this.#attachment = null;
        return;
      default:
      // The rest is for parents, or handled by whoever waits for the link.
    }
  }

  #ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#context.emit('ended', { channel: this.channel });
  }

  #countViewers(count: number): void {
    if (count === this.#viewers) return;
    this.#viewers = count;
    this.#context.emit('viewers', { count });
  }

  /** Works out the own place from the parent's, and tells the parent. */
  #reposition(): void {
    const link = this.#attachment?.link;
    if (!link) return;
    this.#position = positionBelow(this.#self, link.remoteState, link.clockOffsetMs);
    link.advertise(linkState(this.#position, { freeSlots: 0, subtreeSlots: 0, viewers: 1, flowing: true }));
  }

  #latencyMs({ taps }: Attachment): number | null {
    const { clockOffsetMs } = this.#position;
    // Video counts where there is some: it is what people compare.
    const report = [...taps].reverse().find((tap) => tap.last?.capturedAt != null)?.last;
    if (clockOffsetMs === null || report?.capturedAt == null) return null;
    return Math.max(0, report.at + clockOffsetMs - report.capturedAt);
  }

  /** @throws {CastoError} `channel-not-found` when no directory knows the channel; waits while it is not live. */
  async #assertKnown(session: RelaySession, signal: AbortSignal): Promise<void> {
    const news = await this.#watchUntil(session, signal, () => true);
    if (news.record === null) {
      await this.#leaveRelay(session);
      throw new CastoError('channel-not-found', `no relay knows the channel ${this.channel}`);
    }
    await this.#untilLive(session, signal);
  }

  async #untilLive(session: RelaySession, signal: AbortSignal): Promise<void> {
    await this.#watchUntil(session, signal, ({ live }) => live);
  }

  /** @throws When the relay is lost, or `signal` aborts. */
  async #watchUntil(
    session: RelaySession,
    signal: AbortSignal,
    isEnough: (news: ChannelNews) => boolean,
  ): Promise<ChannelNews> {
    const rendezvous = await session.rendezvous();
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new CastoError('no-relay', 'the relay was lost'));
      session.onClosed = lost;
      rendezvous.onClosed = lost;
      signal.addEventListener('abort', () => reject(new CastoError('aborted', 'stopped while waiting')), {
        once: true,
      });
      rendezvous.watch(this.channel, (news) => isEnough(news) && resolve(news)).catch(reject);
    });
  }
}

/** @throws {CastoError} `protocol` */
export function readChannel(channel: string): ChannelId {
  if (!isPeerId(channel)) throw new CastoError('protocol', `not a channel id: ${channel.slice(0, 80)}`);
  return channel;
}

function receivingCapabilities(): unknown {
  return pageRtpCapabilities({
    audio: RTCRtpReceiver.getCapabilities('audio'),
    video: RTCRtpReceiver.getCapabilities('video'),
  });
}

/** When media last came, by the worker's reports; without a worker, by what the receivers themselves tell. */
function lastHeard(taps: FrameTap[], end: PageChildEnd): number {
  if (taps.length > 0) return Math.max(0, ...taps.map((tap) => tap.last?.at ?? 0));
  const sources = [end.audio, end.video].flatMap((receiver) => receiver.getSynchronizationSources());
  return Math.max(0, ...sources.map(({ timestamp }) => performance.timeOrigin + timestamp));
}

function refusalFailure(reason: Extract<JoinOutcome, { type: 'refused' }>['reason']): CastoError {
  switch (reason) {
    case 'full':
    case 'too-deep':
      return new CastoError('relay-full', 'the relay has no free slot');
    case 'no-common-codec':
      return new CastoError('no-common-codec', 'this browser cannot decode the video of the channel');
    case 'draining':
    case 'busy':
    case 'offline':
    case 'loop':
      return new CastoError('timed-out', `the relay cannot serve now: ${reason}`);
    case 'not-found':
      return new CastoError('channel-not-found', 'the relay does not know the channel');
    case 'not-allowed':
      return new CastoError('no-permission', 'the relay does not allow it');
    default:
      return new CastoError('protocol', `the relay refused: ${reason}`);
  }
}

/** Whether another attempt can have another outcome. */
function isWorthRetrying({ reason }: CastoError): boolean {
  return reason === 'timed-out' || reason === 'no-relay' || reason === 'relay-full' || reason === 'protocol';
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
