/** The relay's side of the rendezvous stream (PROTOCOL.md, D). What it answers is decided by its directory. */

import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import {
  MalformedError,
  RENDEZVOUS_PROTOCOL,
  rendezvousCodec,
  type AnnounceRefusal,
  type ChannelId,
  type PeerId,
  type RendezvousMessage,
} from '@casto/core';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { peerIdOf } from './remote-peer.ts';
import type { ChannelNews } from './rendezvous-client.ts';
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
}

/** A page watches one channel, an overview a few. */
const MAX_WATCHED = 32;
/** A streamer announces once a minute and at each change; a signature check costs about 0.2 ms. */
const MESSAGES_PER_SECOND = 10;
const MESSAGE_BURST = 40;
/** Lets the word about a malformed message leave before the stream goes. */
const REFUSE_MS = 1_000;

export async function serveRendezvous(
  libp2p: Libp2p,
  handlers: RendezvousHandlers,
  options: { refused: RefusalCounter; clock: Clock },
): Promise<void> {
  await libp2p.handle(
    RENDEZVOUS_PROTOCOL,
    (stream, connection) => void serveStream(stream, connection, handlers, options),
    { runOnLimitedConnection: true, maxInboundStreams: 4 },
  );
}

async function serveStream(
  stream: Stream,
  connection: Connection,
  handlers: RendezvousHandlers,
  { refused, clock }: { refused: RefusalCounter; clock: Clock },
): Promise<void> {
  const channel = messageChannel(stream, rendezvousCodec, clock);
  const watched = new Map<ChannelId, () => void>();
  const bucket = tokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST);
  try {
    const from = peerIdOf(connection.remotePeer);
    for (;;) {
      const message = await channel.read();
      if (!bucket.take(clock.now())) throw new MalformedError('too-large', 'too many messages');
      await serveMessage(message, channel, { from, connection, handlers, watched, refused });
    }
  } catch (error) {
    for (const unwatch of watched.values()) unwatch();
    await end(channel, error, refused);
  }
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

interface Session {
  from: PeerId;
  connection: Connection;
  handlers: RendezvousHandlers;
  watched: Map<ChannelId, () => void>;
  refused: RefusalCounter;
}

async function serveMessage(
  message: RendezvousMessage,
  channel: MessageChannel<RendezvousMessage>,
  session: Session,
): Promise<void> {
  if (message.type === 'announce') {
    const { from, connection, handlers, refused } = session;
    const verdict = await handlers.announce(message.record, message.token, from, connection);
    if (typeof verdict === 'string') refused.count(`announce:${verdict}`);
    await channel.write(
      typeof verdict === 'string'
        ? { type: 'refused', reason: verdict }
        : { type: 'announced', carries: verdict.carries },
    );
  } else if (message.type === 'watch') {
    watchChannel(message.channel, channel, session);
  } else {
    throw new MalformedError('wrong-shape', `a relay is not sent ${message.type}`);
  }
}

function watchChannel(id: ChannelId, channel: MessageChannel<RendezvousMessage>, session: Session): void {
  // Whoever asks again is answered again.
  session.watched.get(id)?.();
  session.watched.delete(id);
  if (session.watched.size >= MAX_WATCHED) throw new MalformedError('too-large', 'too many watched channels');
  const notify = (news: ChannelNews): void =>
    void channel.write({ type: 'channel', ...news }).catch((error: unknown) => channel.abort(asError(error)));
  session.watched.set(id, session.handlers.watch(id, notify));
}
