/** A viewer's link to one parent, from the join to its loss. */

import type { Connection } from '@libp2p/interface';
import { encodePath, PROTOCOL_VERSION, type ChannelId, type ChannelRecord } from '@casto/core';
import {
  pageRtpCapabilities,
  peerIdOf,
  PeerLink,
  requestLink,
  verifyRecord,
  type Acceptance,
  type JoinOutcome,
  type Clock,
  type LinkEvent,
} from '@casto/host';
import { CastoError } from './errors.ts';
import { createPeerConnection, PageChildEnd } from './page-link.ts';
import type { FrameTap } from './page-worker.ts';
import type { PageContext } from './role.ts';

/** ICE and DTLS take three round trips; a relay on the other side of the world answers within 2 s. */
const CONNECT_MS = 8_000;

/**
 * A silent parent gets this long to be heard again before another is looked for: until there is a standby to switch
 * to, a join costs more than the stumble of a busy machine.
 */
const STUMBLE_MS = 500;

/** One parent that is connected. */
export class Attachment {
  readonly link: PeerLink;
  readonly end: PageChildEnd;
  readonly taps: readonly FrameTap[];
  /** What the broadcast has: a `<video>` waits for the first picture of a track that never brings one. */
  readonly tracks: readonly MediaStreamTrack[];
  /** Milliseconds since 1970. */
  readonly attachedAt: number;
  readonly #clock: Clock;
  #isLeaving = false;
  #isLost = false;
  #cancelStumble: (() => void) | null = null;
  #lose: (() => void) | null = null;

  constructor(prepared: PreparedEnd, link: PeerLink, record: ChannelRecord, clock: Clock) {
    this.link = link;
    this.tracks = [
      ...(record.audio ? [prepared.end.audio.track] : []),
      ...(record.video === null ? [] : [prepared.end.video.track]),
    ];
    this.end = prepared.end;
    this.taps = prepared.taps;
    this.#clock = clock;
    this.attachedAt = clock.now();
  }

  /** Whether the parent can go on: it is connected, heard, and does not send its children away. */
  get isWell(): boolean {
    return !this.link.isClosed && !this.link.isSilent && !this.#isLeaving;
  }

  /** Resolves when another parent is to be looked for. One waiter at a time. */
  untilLost(): Promise<void> {
    if (this.link.isClosed || this.#isLeaving || this.#isLost) return Promise.resolve();
    return new Promise((resolve) => (this.#lose = resolve));
  }

  take(event: LinkEvent): void {
    if (event.type === 'silent') {
      this.#cancelStumble ??= this.#clock.setTimer(() => {
        this.#isLost = true;
        this.#lose?.();
      }, STUMBLE_MS);
    }
    if (event.type === 'revived') this.#forgetStumble();
    const isDraining = event.type === 'message' && event.message.type === 'drain';
    if (isDraining) this.#isLeaving = true;
    if (isDraining || event.type === 'closed') {
      this.#forgetStumble();
      this.#lose?.();
    }
  }

  #forgetStumble(): void {
    this.#cancelStumble?.();
    this.#cancelStumble = null;
    this.#isLost = false;
  }
}

export type JoinRefusal = Exclude<JoinOutcome, { type: 'accepted' }>;

export type LinkListener = (link: PeerLink, event: LinkEvent) => void;

/** The page's end of a link that has no other end yet. */
export interface PreparedEnd {
  readonly end: PageChildEnd;
  readonly taps: readonly FrameTap[];
}

/** Makes an end and begins its offer, which takes about as long as reaching a relay. */
export function prepareEnd({ settings, worker }: PageContext): PreparedEnd {
  const end = new PageChildEnd(createPeerConnection(settings.iceServers));
  const taps = [
    worker.tap(end.audio, { operation: 'strip', kind: 'audio' }),
    worker.tap(end.video, { operation: 'strip', kind: 'video' }),
  ].filter((tap) => tap !== null);
  // Whoever asks a parent awaits the offer and hears of its failure.
  end.offer().catch(() => {});
  return { end, taps };
}

/**
 * Asks one peer to become the parent.
 *
 * @returns The attachment once media can flow, or what the peer said instead.
 * @throws {CastoError} `protocol`, `timed-out`.
 */
export async function askParent(
  context: PageContext,
  channel: ChannelId,
  connection: Connection,
  options: { prepared: PreparedEnd; ageS: number; signal: AbortSignal; onEvent: LinkListener },
): Promise<Attachment | JoinRefusal> {
  const { refused, worker } = context;
  const join = {
    version: PROTOCOL_VERSION,
    channel,
    kind: 'browser' as const,
    layers: [0],
    audio: true,
    capabilities: receivingCapabilities(),
    path: encodePath([]),
    standby: false,
    slots: 0,
    ageS: options.ageS,
  };
  const outcome = await requestLink(connection, options.prepared.end, join, {
    signal: options.signal,
    refused,
  });
  if (outcome.type !== 'accepted') return outcome;
  markStep('accepted');
  try {
    const record = await acceptedRecord(outcome, channel, worker.clock.now());
    const parent = { peerId: peerIdOf(connection.remotePeer), kind: outcome.kind };
    return await attach(context, { prepared: options.prepared, parent, record }, options);
  } catch (error) {
    options.prepared.end.close();
    throw error;
  }
}

async function acceptedRecord(
  acceptance: Acceptance,
  channel: ChannelId,
  now: number,
): Promise<ChannelRecord> {
  if (acceptance.version !== PROTOCOL_VERSION) {
    throw new CastoError('protocol', 'the relay is of another version');
  }
  const { record } = await verifyRecord(acceptance.record, now);
  if (record.channel !== channel) throw new CastoError('protocol', 'the relay gave another channel');
  return record;
}

async function attach(
  { worker, refused }: PageContext,
  {
    prepared,
    parent,
    record,
  }: { prepared: PreparedEnd; parent: Pick<PeerLink, 'peerId' | 'kind'>; record: ChannelRecord },
  { signal, onEvent }: { signal: AbortSignal; onEvent: LinkListener },
): Promise<Attachment> {
  const { end, taps } = prepared;
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const link: PeerLink = new PeerLink({
    role: 'child',
    ...parent,
    end,
    clock: worker.clock,
    refused,
    activity: { lastSentAt: () => 0, lastHeardAt: () => lastHeard(taps, end) },
    onEvent: (event) => {
      if (event.type === 'connected' || event.type === 'closed') settle();
      attachment.take(event);
      onEvent(link, event);
    },
  });
  const attachment = new Attachment(prepared, link, record, worker.clock);
  if (end.state === 'connecting') {
    await Promise.race([settled, aborted(AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]))]);
  }
  if (link.isClosed || stateOf(end) !== 'connected') {
    link.close();
    throw new CastoError('timed-out', 'the parent accepted, but no connection came about');
  }
  markStep('connected');
  return attachment;
}

/** What was narrowed before an `await` has changed meanwhile. */
function stateOf(end: PageChildEnd): PageChildEnd['state'] {
  return end.state;
}

function receivingCapabilities(): unknown {
  return pageRtpCapabilities({
    audio: RTCRtpReceiver.getCapabilities('audio'),
    video: RTCRtpReceiver.getCapabilities('video'),
  });
}

/** When media last came, by the worker's reports; without a worker, by what the receivers themselves tell. */
function lastHeard(taps: readonly FrameTap[], end: PageChildEnd): number {
  if (taps.length > 0) return Math.max(0, ...taps.map((tap) => tap.last?.at ?? 0));
  const sources = [end.audio, end.video].flatMap((receiver) => receiver.getSynchronizationSources());
  return Math.max(0, ...sources.map(({ timestamp }) => performance.timeOrigin + timestamp));
}

/** Resolves when the signal aborts; never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Shows the steps of a join in the browser's performance tools, and to benchmarks. */
export function markStep(step: 'peer' | 'relay' | 'accepted' | 'connected'): void {
  performance.mark(`casto:${step}`);
}
