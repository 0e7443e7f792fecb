/** The relay's side of the rendezvous stream (PROTOCOL.md, D). What it answers is decided by its directory. */

import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import {
  MalformedError,
  RENDEZVOUS_PROTOCOL,
  rendezvousCodec,
  type AnnounceRefusal,
  type ChannelId,
  type OfferedCandidate,
  type PeerId,
  type RendezvousMessage,
  type Standing,
} from '@casto/core';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';
import { probeSwitch, type ProbeStream, type ProbeSwitch } from './probe-switch.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { peerIdOf } from './remote-peer.ts';
import type { ChannelNews, SlotReport } from './rendezvous-client.ts';
import { PROBE_MS, RendezvousQuestions, type Probed } from './rendezvous-questions.ts';
import type { Clock } from './clock.ts';
import { tokenBucket } from './token-bucket.ts';

export interface RendezvousHandlers {
  /** Judges an announcement; `record` is unchecked. */
  announce(
    record: Uint8Array,
    token: string | null,
    from: PeerId,
    connection: Connection,
  ): Promise<{ carries: boolean } | AnnounceRefusal>;
  /** Calls `notify` with the channel as it is and whenever it changes, until the returned function is called. */
  watch(channel: ChannelId, notify: (news: ChannelNews) => void): () => void;
  /** Peers with free slots for `from`. Must not reject. */
  seek(channel: ChannelId, layers: number, from: PeerId): Promise<readonly OfferedCandidate[]>;
  /** `from` says what it offers; the record is unchecked. */
  report(report: SlotReport, from: PeerId): void;
  /** The stream over which `from` reported is gone. */
  forget(channel: ChannelId, from: PeerId): void;
  /** Where the relay itself stands, for `from`; `null`: nowhere. */
  standing(channel: ChannelId, from: PeerId): Standing | null;
}

/** What a relay asks of those who hold streams there. */
export interface RendezvousServer {
  /**
   * Asks such a peer where it stands.
   *
   * @returns `null` when it does not answer; a null standing when it holds no stream, or has no place. Never rejects.
   */
  probe(channel: ChannelId, peer: PeerId): Promise<Probed | null>;
}

/** A page watches one channel, an overview a few. */
const MAX_WATCHED = 32;
/** A peer stands in one channel, a relay in many, but it reports to itself. */
const MAX_REPORTED = 32;
/** Searches of one stream that the directory is busy with. */
const MAX_SEEKS = 4;
/** A streamer announces once a minute and at each change; a signature check costs about 0.2 ms. */
const MESSAGES_PER_SECOND = 10;
const MESSAGE_BURST = 40;
/** Lets the word about a malformed message leave before the stream goes. */
const REFUSE_MS = 1_000;

export async function serveRendezvous(
  libp2p: Libp2p,
  handlers: RendezvousHandlers,
  options: { refused: RefusalCounter; clock: Clock },
): Promise<RendezvousServer> {
  const self = peerIdOf(libp2p.peerId);
  const probes = probeSwitch({ ...options, self, standing: handlers.standing.bind(handlers) });
  await libp2p.handle(
    RENDEZVOUS_PROTOCOL,
    (stream, connection) => void serveStream(stream, connection, { ...options, handlers, probes }),
    { runOnLimitedConnection: true, maxInboundStreams: 4 },
  );
  return probingServer(self, probes, options.clock);
}

/** To the switch the relay is one more peer that asks: others' answers to it find their way like any. */
function probingServer(self: PeerId, probes: ProbeSwitch, clock: Clock): RendezvousServer {
  const questions = new RendezvousQuestions(clock);
  const own = probes.open(self, (message) => {
    if (message.type === 'probed') questions.probed(message);
  });
  return {
    probe: async (channel, peer) => {
      const question = questions.probe(channel, peer, PROBE_MS);
      if (question === null) return null;
      own.take({ type: 'probe', channel, peer, nonce: question.nonce });
      return question.probed;
    },
  };
}

interface Service {
  readonly handlers: RendezvousHandlers;
  readonly probes: ProbeSwitch;
  readonly refused: RefusalCounter;
  readonly clock: Clock;
}

interface Session extends Service {
  readonly from: PeerId;
  readonly connection: Connection;
  readonly channel: MessageChannel<RendezvousMessage>;
  readonly watched: Map<ChannelId, () => void>;
  readonly reported: Set<ChannelId>;
  /** How others' probes reach this peer. */
  readonly probeStream: ProbeStream;
  seeks: number;
}

async function serveStream(stream: Stream, connection: Connection, service: Service): Promise<void> {
  const channel = messageChannel(stream, rendezvousCodec, service.clock);
  let session: Session | null = null;
  try {
    session = openSession(channel, connection, service);
    await serveMessages(session);
  } catch (error) {
    if (session) closeSession(session);
    await end(channel, error, service.refused);
  }
}

function openSession(
  channel: MessageChannel<RendezvousMessage>,
  connection: Connection,
  service: Service,
): Session {
  const from = peerIdOf(connection.remotePeer);
  const probeStream = service.probes.open(from, (message) => tell(channel, message));
  return {
    ...service,
    from,
    connection,
    channel,
    watched: new Map(),
    reported: new Set(),
    probeStream,
    seeks: 0,
  };
}

function closeSession({ watched, reported, probeStream, handlers, from }: Session): void {
  for (const unwatch of watched.values()) unwatch();
  for (const channel of reported) handlers.forget(channel, from);
  probeStream.close();
}

/** @throws When the stream ends, which is how it ends. */
async function serveMessages(session: Session): Promise<never> {
  const { channel, clock, probeStream } = session;
  const bucket = tokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST);
  for (;;) {
    const message = await channel.read();
    // Probes have limits of their own. What is beyond them counts like anything else, so that a flood ends here.
    if (isProbe(message) && probeStream.take(message)) continue;
    if (!bucket.take(clock.now())) throw new MalformedError('too-large', 'too many messages');
    if (!isProbe(message)) await serveMessage(message, session);
  }
}

type ProbeMessage = Extract<RendezvousMessage, { type: 'probe' | 'probed' }>;

function isProbe(message: RendezvousMessage): message is ProbeMessage {
  return message.type === 'probe' || message.type === 'probed';
}

async function end(
  channel: MessageChannel<RendezvousMessage>,
  error: unknown,
  refused: RefusalCounter,
): Promise<void> {
  if (!(error instanceof MalformedError)) return channel.abort(asError(error));
  refused.count(`rendezvous:${error.reason}`);
  try {
    await channel.write({ type: 'refused', reason: 'malformed' }, AbortSignal.timeout(REFUSE_MS));
    await channel.close();
  } catch {
    channel.abort(error);
  }
}

async function serveMessage(
  message: Exclude<RendezvousMessage, ProbeMessage>,
  session: Session,
): Promise<void> {
  switch (message.type) {
    case 'announce':
      return announce(message, session);
    case 'watch':
      return watchChannel(message.channel, session);
    case 'report':
      return report(message, session);
    case 'seek':
      return void seek(message, session);
    default:
      throw new MalformedError('wrong-shape', `a relay is not sent ${message.type}`);
  }
}

async function announce(
  { record, token }: Extract<RendezvousMessage, { type: 'announce' }>,
  { from, connection, handlers, refused, channel }: Session,
): Promise<void> {
  const verdict = await handlers.announce(record, token, from, connection);
  if (typeof verdict === 'string') refused.count(`announce:${verdict}`);
  await channel.write(
    typeof verdict === 'string'
      ? { type: 'refused', reason: verdict }
      : { type: 'announced', carries: verdict.carries },
  );
}

function watchChannel(id: ChannelId, { watched, handlers, channel }: Session): void {
  // Whoever asks again is answered again.
  watched.get(id)?.();
  watched.delete(id);
  if (watched.size >= MAX_WATCHED) throw new MalformedError('too-large', 'too many watched channels');
  watched.set(
    id,
    handlers.watch(id, (news) => tell(channel, { type: 'channel', ...news })),
  );
}

/** D7.2: it counts for the peer at the other end, and as long as the stream. */
function report(
  { type: _type, ...told }: Extract<RendezvousMessage, { type: 'report' }>,
  { reported, handlers, from }: Session,
): void {
  const { channel, offer } = told;
  if (offer === null) reported.delete(channel);
  else if (!reported.has(channel) && reported.size >= MAX_REPORTED) {
    throw new MalformedError('too-large', 'too many reported channels');
  } else reported.add(channel);
  handlers.report(told, from);
}

/** Not waited for: a directory may have to look for the channel, and the peer has more to say meanwhile. */
async function seek(
  { channel, layers }: Extract<RendezvousMessage, { type: 'seek' }>,
  session: Session,
): Promise<void> {
  if (session.seeks >= MAX_SEEKS) return session.refused.count('rendezvous:busy');
  session.seeks++;
  try {
    const candidates = await session.handlers.seek(channel, layers, session.from);
    tell(session.channel, { type: 'found', channel, candidates: [...candidates] });
  } finally {
    session.seeks--;
  }
}

function tell(channel: MessageChannel<RendezvousMessage>, message: RendezvousMessage): void {
  channel.write(message).catch((error: unknown) => channel.abort(asError(error)));
}
