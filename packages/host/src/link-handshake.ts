/** Opens links over `/casto/link/1`: the child asks and offers, the parent decides and answers (PROTOCOL.md, L). */

import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import {
  LINK_PROTOCOL,
  linkCodec,
  MalformedError,
  type LinkMessage,
  type ParentCandidate,
  type PeerId,
  type Refusal,
} from '@casto/core';
import { processClock, type Clock } from './clock.ts';
import { completeLink, handshakeDeadline, trickle } from './link-completion.ts';
import type { ChildEnd, ParentEnd } from './link-ports.ts';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { peerIdOf } from './remote-peer.ts';

export type JoinRequest = Omit<Extract<LinkMessage, { type: 'join' }>, 'type'>;
export type Acceptance = Omit<Extract<LinkMessage, { type: 'accept' }>, 'type'>;

export type JoinOutcome =
  | ({ type: 'accepted' } & Acceptance)
  | { type: 'refused'; reason: Refusal; retryAfterMs: number }
  | { type: 'redirected'; parents: ParentCandidate[] };

/** What a parent makes of a join. */
export type JoinDecision =
  | { type: 'accept'; end: ParentEnd; acceptance: Omit<Acceptance, 'answer'> }
  | { type: 'refuse'; reason: Refusal; retryAfterMs: number }
  | { type: 'redirect'; parents: ParentCandidate[] };

/** Judges one join. What it throws is told to the joiner as `malformed` or `busy`, and counted. */
export type JoinJudge = (join: JoinRequest, from: PeerId, connection: Connection) => Promise<JoinDecision>;

/**
 * Asks the peer at the other end of `connection` to become the parent.
 *
 * The stream stays open in the background to trickle candidates until the end is connected or closed.
 *
 * @throws When the stream breaks, the answer is malformed, or `signal` aborts. The end is then closed.
 */
export async function requestLink(
  connection: Connection,
  end: ChildEnd,
  join: Omit<JoinRequest, 'offer'>,
  options: { signal: AbortSignal; refused: RefusalCounter; clock?: Clock },
): Promise<JoinOutcome> {
  const { refused, clock = processClock } = options;
  const deadline = handshakeDeadline(clock);
  const signal = AbortSignal.any([options.signal, deadline.signal]);
  const opening = connection.newStream(LINK_PROTOCOL, { signal, runOnLimitedConnection: true });
  try {
    const [stream, offer] = await Promise.all([opening, end.offer()]);
    const channel = messageChannel(stream, linkCodec, clock);
    await channel.write({ type: 'join', ...join, offer }, signal);
    trickle(end, channel);
    const outcome = await readOutcome(channel, signal);
    if (outcome.type !== 'accepted') {
      end.close();
      deadline.cancel();
      await channel.close();
      return outcome;
    }
    await end.accept(outcome.answer);
    void completeLink(end, channel, { deadline, clock, refused });
    return outcome;
  } catch (error) {
    end.close();
    deadline.cancel();
    if (isMalformed(error)) refused.count(`link:${reasonOf(error)}`);
    void opening.then((stream) => stream.abort(asError(error))).catch(() => {});
    throw error;
  }
}

async function readOutcome(channel: MessageChannel<LinkMessage>, signal: AbortSignal): Promise<JoinOutcome> {
  const reply = await channel.read(signal);
  switch (reply.type) {
    case 'accept':
      return { ...reply, type: 'accepted' };
    case 'refuse':
      return { ...reply, type: 'refused' };
    case 'redirect':
      return { ...reply, type: 'redirected' };
    default:
      throw new MalformedError('wrong-shape', `a parent does not send ${reply.type}`);
  }
}

/** Answers joins of other peers. */
export async function serveLinks(
  libp2p: Libp2p,
  decide: JoinJudge,
  options: { refused: RefusalCounter; clock?: Clock; maxInboundStreams?: number },
): Promise<void> {
  const { refused, clock = processClock } = options;
  await libp2p.handle(
    LINK_PROTOCOL,
    (stream, connection) => void answerJoin(stream, connection, decide, { refused, clock }),
    { runOnLimitedConnection: true, maxInboundStreams: options.maxInboundStreams ?? 8 },
  );
}

async function answerJoin(
  stream: Stream,
  connection: Connection,
  decide: JoinJudge,
  { refused, clock }: { refused: RefusalCounter; clock: Clock },
): Promise<void> {
  const channel = messageChannel(stream, linkCodec, clock);
  const deadline = handshakeDeadline(clock);
  const { signal } = deadline;
  let end: ParentEnd | null = null;
  try {
    const join = await channel.read(signal);
    if (join.type !== 'join') throw new MalformedError('wrong-shape', 'not a join');
    const decision = await decide(join, peerIdOf(connection.remotePeer), connection);
    if (decision.type !== 'accept') {
      if (decision.type === 'refuse') refused.count(`join:${decision.reason}`);
      await channel.write(decision, signal);
      deadline.cancel();
      await channel.close();
      return;
    }
    end = decision.end;
    const answer = await end.answer();
    signal.throwIfAborted();
    await channel.write({ type: 'accept', ...decision.acceptance, answer }, signal);
    trickle(end, channel);
    await completeLink(end, channel, { deadline, clock, refused });
  } catch (error) {
    end?.close();
    deadline.cancel();
    refused.count(`link:${reasonOf(error)}`);
    await refuse(channel, error);
  }
}

async function refuse(channel: MessageChannel<LinkMessage>, error: unknown): Promise<void> {
  const reason: Refusal = isMalformed(error) ? 'malformed' : 'busy';
  try {
    await channel.write({ type: 'refuse', reason, retryAfterMs: 1_000 }, AbortSignal.timeout(1_000));
    await channel.close();
  } catch {
    channel.abort(asError(error));
  }
}

/** Descriptions and capabilities are the joiner's as well. */
const MALFORMED_ERRORS = ['SessionDescriptionError', 'CapabilitiesError'];

function isMalformed(error: unknown): boolean {
  if (error instanceof MalformedError) return true;
  return error instanceof Error && MALFORMED_ERRORS.includes(error.name);
}

/** A word for the counter: the typed reason where there is one, else the error's name. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'reason' in error && typeof error.reason === 'string') return error.reason;
  return error instanceof Error ? error.name : 'unknown';
}
