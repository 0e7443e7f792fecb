/** A viewer's link to one parent, from the join to its loss. */

import {
  PROTOCOL_VERSION,
  type ChannelId,
  type ChannelRecord,
  type LinkMeasurement,
  type PeerId,
  type TreeJoin,
} from '@casto/core';
import {
  joinFieldsOf,
  layersIn,
  pageRtpCapabilities,
  PeerLink,
  verifyRecord,
  type Acceptance,
  type Clock,
  type FedParent,
  type JoinOutcome,
  type JoinRequest,
  type LinkEvent,
} from '@casto/host';
import { CastoError } from './errors.ts';
import { connectionOf, PageChildEnd } from './page-link.ts';
import type { FrameTap } from './page-worker.ts';
import type { PageContext } from './role.ts';
import { readMediaStats } from './stats.ts';

/** Where the browser shows no frames, its receiver is asked this often whether some have come. */
const LOOK_MS = 50;
/** What a newcomer starts from is not counted. */
const START_MS = 1_500;

interface AttachmentParts {
  readonly link: PeerLink;
  readonly record: ChannelRecord;
  readonly signedRecord: Uint8Array;
  readonly clock: Clock;
  /** Whether media was asked for with the join. */
  readonly isWanted: boolean;
}

/** One parent that accepted. */
export class Attachment implements FedParent {
  readonly link: PeerLink;
  readonly end: PageChildEnd;
  /** Names its frames in the hub. */
  readonly source: number;
  readonly record: ChannelRecord;
  /** The record as the streamer signed it. */
  readonly signedRecord: Uint8Array;
  /** What the broadcast has: a `<video>` waits for the first picture of a track that never brings one. */
  readonly tracks: readonly MediaStreamTrack[];
  readonly #clock: Clock;
  /** Of the stream that people look at: the video where there is some. */
  readonly #tap: FrameTap | null;
  readonly #closeTaps: () => void;
  readonly #receiver: RTCRtpReceiver;
  readonly #lastHeard: () => number;
  readonly #onFlowing: () => void;
  /** Since when media are wanted; `null` while they are not. */
  #wantedSince: number | null = null;
  #isFlowing = false;
  #cancelLook: () => void = () => {};
  /** Least time from capture to arrival since the last measurement, by the clocks of both ends. */
  #leastDelayMs: number | null = null;
  #packets = { received: 0, lost: 0 };
  /** Frames of the stream that people look at: those that came, and those that the streamer sent. */
  #frames = { received: 0, sent: 0 };
  /** Bytes of all media, since the link is there. */
  bytes = 0;

  constructor(
    prepared: PreparedEnd,
    { link, record, signedRecord, clock, isWanted }: AttachmentParts,
    onFlowing: () => void,
  ) {
    const { end, taps, source } = prepared;
    this.link = link;
    this.end = end;
    this.source = source;
    this.record = record;
    this.signedRecord = signedRecord;
    this.tracks = [
      ...(record.audio ? [end.audio.track] : []),
      ...(record.video === null ? [] : [end.video.track]),
    ];
    this.#clock = clock;
    this.#closeTaps = () => [taps?.audio, taps?.video].forEach((tap) => tap?.close());
    this.#onFlowing = onFlowing;
    this.#lastHeard = () => lastHeard(prepared);
    this.#receiver = record.video === null ? end.audio : end.video;
    this.#tap = taps?.[record.video === null ? 'audio' : 'video'] ?? null;
    for (const tap of taps === null ? [] : [taps.audio, taps.video]) {
      tap.onReport = (report) => {
        this.bytes += report.bytes;
        if (tap === this.#tap) this.#takeFrames(report);
      };
    }
    this.want(isWanted);
    // Pictures may come while the record is being checked.
    const { frames = 0, keyFrames = 0 } = this.#tap ?? {};
    this.#isFlowing = isWanted && (record.video === null ? frames : keyFrames) > 0;
  }

  /** Media are wanted from now on, or no more: `onFlowing` tells of the next first picture. */
  want(isWanted: boolean): void {
    if (isWanted === (this.#wantedSince !== null)) return;
    this.#wantedSince = isWanted ? this.#clock.now() : null;
    this.#isFlowing = false;
    this.#frames = { received: 0, sent: 0 };
    this.#cancelLook();
    if (isWanted && this.#tap === null) this.#look();
  }

  /** Pictures may come before the parent's word; the tree knows the parent from then on. */
  opened(): void {
    if (this.#isFlowing) this.#onFlowing();
  }

  close(): void {
    this.#cancelLook();
    this.#closeTaps();
  }

  /** Whether its media are wanted, and have begun. */
  get isFed(): boolean {
    return this.#wantedSince !== null && this.#isFlowing;
  }

  /** Of any kind; 0 before the first. */
  get lastMediaAt(): number {
    return this.#lastHeard();
  }

  /** From capture to arrival; `null` until the clocks of the path are known. */
  get latencyMs(): number | null {
    const last = this.#tap?.last;
    if (!last || last.capturedAt === null) return null;
    return this.#inStreamersTime(last.at - last.capturedAt);
  }

  /** What came since the last measurement; `null` while media are not wanted, or none came. */
  async measure(): Promise<LinkMeasurement | null> {
    const { packetsReceived, packetsLost, bytesReceived } = await readMediaStats(this.end.pc);
    if (this.#tap === null) this.bytes = bytesReceived;
    const received = packetsReceived - this.#packets.received;
    const lost = Math.max(0, packetsLost - this.#packets.lost);
    this.#packets = { received: packetsReceived, lost: packetsLost };
    const latencyMs = this.#leastDelayMs === null ? null : this.#inStreamersTime(this.#leastDelayMs);
    this.#leastDelayMs = null;
    const frames = this.#frames;
    this.#frames = { received: 0, sent: 0 };
    if (this.#wantedSince === null || received <= 0) return null;
    const lossShare = lost / (lost + received);
    // A parent that leaves frames out loses no packets.
    const receivedShare = frames.sent === 0 ? 1 - lossShare : Math.min(1, frames.received / frames.sent);
    return { lossShare, receivedShare, ...(latencyMs === null ? {} : { latencyMs }) };
  }

  #takeFrames({ at, capturedAt, keyFrames, frames, sent }: NonNullable<FrameTap['last']>): void {
    // A newcomer starts from pictures that are seconds old, and not from all of them.
    const isLive = this.#wantedSince !== null && at - this.#wantedSince > START_MS;
    if (isLive) {
      this.#frames.received += frames;
      this.#frames.sent += sent;
    }
    if (isLive && capturedAt !== null) {
      this.#leastDelayMs = Math.min(this.#leastDelayMs ?? Infinity, at - capturedAt);
    }
    const isPicture = this.record.video === null ? frames > 0 : keyFrames > 0;
    if (isPicture && this.#wantedSince !== null && at >= this.#wantedSince) this.#flow();
  }

  #look(): void {
    const [source] = this.#receiver.getSynchronizationSources();
    const heardAt = source === undefined ? 0 : sinceEpoch(source.timestamp);
    if (this.#wantedSince === null || this.link.isClosed) return;
    if (heardAt > this.#wantedSince) return this.#flow();
    this.#cancelLook = this.#clock.setTimer(() => this.#look(), LOOK_MS);
  }

  #flow(): void {
    if (this.#isFlowing) return;
    this.#isFlowing = true;
    if (this.link.isOpen) this.#onFlowing();
  }

  #inStreamersTime(delayMs: number): number | null {
    const { clockOffsetMs, remoteState } = this.link;
    const aboveMs = remoteState?.clockOffsetMs ?? null;
    return clockOffsetMs === null || aboveMs === null ? null : Math.max(0, delayMs + clockOffsetMs + aboveMs);
  }
}

export type JoinRefusal = Exclude<JoinOutcome, { type: 'accepted' }>;

/** The page's end of a link that has no other end yet. */
export interface PreparedEnd {
  readonly end: PageChildEnd;
  /** Names its frames in the hub. */
  readonly source: number;
  /** `null` where the browser shows no frames. */
  readonly taps: { readonly audio: FrameTap; readonly video: FrameTap } | null;
}

/** Makes an end and begins its offer, which takes about as long as reaching a relay. */
export function prepareEnd(context: PageContext): PreparedEnd {
  const { worker } = context;
  const end = new PageChildEnd(connectionOf(context));
  const source = worker.createSource();
  const audio = worker.receive(end.audio, { source, kind: 'audio' });
  const video = worker.receive(end.video, { source, kind: 'video' });
  // Whoever asks a parent awaits the offer and hears of its failure.
  end.offer().catch(() => {});
  return { end, source, taps: audio === null || video === null ? null : { audio, video } };
}

/** Lets go of an end that became no parent's, and of what the worker keeps for it. Idempotent. */
export function discardEnd({ worker }: PageContext, { end, taps, source }: PreparedEnd): void {
  end.close();
  taps?.audio.close();
  taps?.video.close();
  worker.forgetSource(source);
}

/** A peer that is asked for a place, and the way to it. */
export interface AskedPeer {
  readonly peerId: PeerId;
  readonly request: (end: PageChildEnd, join: Omit<JoinRequest, 'offer'>) => Promise<JoinOutcome>;
}

export interface AskOptions {
  readonly channel: ChannelId;
  readonly join: TreeJoin;
  readonly prepared: PreparedEnd;
  readonly onEvent: (attachment: Attachment, event: LinkEvent) => void;
  readonly onFlowing: (attachment: Attachment) => void;
}

/**
 * Asks one peer to become a parent.
 *
 * @returns The attachment, whose link is about to come up, or what the peer said instead.
 * @throws {CastoError} `protocol`, and whatever breaks a stream.
 */
export async function askParent(
  context: PageContext,
  asked: AskedPeer,
  options: AskOptions,
): Promise<Attachment | JoinRefusal> {
  const { worker } = context;
  const { channel, join, prepared } = options;
  const request = {
    ...joinFieldsOf(join),
    version: PROTOCOL_VERSION,
    channel,
    layers: layersIn(join.layers),
    audio: true,
    capabilities: receivingCapabilities(),
  };
  const outcome = await asked.request(prepared.end, request);
  if (outcome.type !== 'accepted') return outcome;
  markStep('accepted');
  try {
    const record = await acceptedRecord(outcome, channel, worker.clock.now());
    const parent = { peerId: asked.peerId, kind: outcome.kind };
    return attach(context, { parent, record, signedRecord: outcome.record }, options);
  } catch (error) {
    discardEnd(context, prepared);
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

function attach(
  { worker, refused }: PageContext,
  accepted: Pick<Attachment, 'record' | 'signedRecord'> & { parent: Pick<PeerLink, 'peerId' | 'kind'> },
  { join, prepared, onEvent, onFlowing }: AskOptions,
): Attachment {
  const { end } = prepared;
  const { parent, record, signedRecord } = accepted;
  const link: PeerLink = new PeerLink({
    role: 'child',
    ...parent,
    end,
    clock: worker.clock,
    refused,
    activity: { lastSentAt: () => 0, lastHeardAt: () => lastHeard(prepared) },
    onEvent: (event) => onEvent(attachment, event),
  });
  const { clock } = worker;
  const parts = { link, record, signedRecord, clock, isWanted: !join.standby };
  const attachment: Attachment = new Attachment(prepared, parts, () => onFlowing(attachment));
  return attachment;
}

function receivingCapabilities(): unknown {
  return pageRtpCapabilities({
    audio: RTCRtpReceiver.getCapabilities('audio'),
    video: RTCRtpReceiver.getCapabilities('video'),
  });
}

/** When media last came, by the worker's reports; without a worker, by what the receivers themselves tell. */
function lastHeard({ taps, end }: PreparedEnd): number {
  if (taps !== null) return Math.max(taps.audio.last?.at ?? 0, taps.video.last?.at ?? 0);
  const sources = [end.audio, end.video].flatMap((receiver) => receiver.getSynchronizationSources());
  return Math.max(0, ...sources.map(({ timestamp }) => sinceEpoch(timestamp)));
}

/** Chromium counts from 1970, and by the standard (WebRTC, section 5.3) it would be the page's time origin. */
function sinceEpoch(timestamp: number): number {
  return timestamp < performance.timeOrigin ? performance.timeOrigin + timestamp : timestamp;
}

/** Shows the steps of a join in the browser's performance tools, and to benchmarks. */
export function markStep(step: 'peer' | 'relay' | 'accepted' | 'connected'): void {
  performance.mark(`casto:${step}`);
}
