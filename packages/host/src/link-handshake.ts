/**
 * Opens links: the child asks and offers, the parent decides and answers (PROTOCOL.md, L). What the two say travels on
 * a stream of `/casto/link/1`, or on whatever else is a channel for messages.
 */

import type { Connection, Libp2p } from '@libp2p/interface';
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
import { joinLimit } from './join-limit.ts';
import { completeLink, handshakeDeadline, trickle } from './link-completion.ts';
import type { ChildEnd, ParentEnd } from './link-ports.ts';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { peerIdOf } from './remote-peer.ts';
import { takingTurns } from './taking-turns.ts';

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

/**
 * Judges one join. What it throws is told to the joiner as `malformed` or `busy`, and counted.
 *
 * @param connection - That the join came over, `null` when neighbours passed it on.
 */
export type JoinJudge = (
  join: JoinRequest,
  from: PeerId,
  connection: Connection | null,
) => Promise<JoinDecision>;

export interface LinkRequestOptions {
  signal: AbortSignal;
  /** Leaves the end open when the peer has no place, so that the next one is asked with the same offer. */
  keepsEnd?: boolean;
  refused: RefusalCounter;
  clock?: Clock;
}

/** Asks the peer at the other end of `connection` to become the parent, as {@link requestLinkOver}. */
export function requestLink(
  connection: Connection,
  end: ChildEnd,
  join: Omit<JoinRequest, 'offer'>,
  options: LinkRequestOptions,
): Promise<JoinOutcome> {
  const { clock = processClock } = options;
  const open = async (signal: AbortSignal): Promise<MessageChannel<LinkMessage>> => {
    const stream = await connection.newStream(LINK_PROTOCOL, { signal, runOnLimitedConnection: true });
    return messageChannel(stream, linkCodec, clock);
  };
  return requestLinkOver(open, end, join, options);
}

/**
 * Asks the peer at the other end of a channel to become the parent.
 *
 * The channel stays open in the background to trickle candidates until the end is connected or closed.
 *
 * @throws When the channel breaks, the answer is malformed, or `signal` aborts. The end is then closed.
 */
export async function requestLinkOver(
  open: (signal: AbortSignal) => Promise<MessageChannel<LinkMessage>>,
  end: ChildEnd,
  join: Omit<JoinRequest, 'offer'>,
  options: LinkRequestOptions,
): Promise<JoinOutcome> {
  const { refused, clock = processClock } = options;
  const deadline = handshakeDeadline(clock);
  const signal = AbortSignal.any([options.signal, deadline.signal]);
  const opening = open(signal);
  try {
    const [channel, offer] = await Promise.all([opening, end.offer()]);
    await channel.write({ type: 'join', ...join, offer }, signal);
    trickle(end, channel);
    const outcome = await readOutcome(channel, signal);
    if (outcome.type !== 'accepted') {
      if (options.keepsEnd === true) end.onCandidate = null;
      else end.close();
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
    void opening.then((channel) => channel.abort(asError(error))).catch(() => {});
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
  const limit = joinLimit(clock);
  const turns = takingTurns();
  await libp2p.handle(
    LINK_PROTOCOL,
    (stream, connection) => {
      const verdict = limit.take(connection);
      if (verdict !== 'allowed') {
        refused.count('link:too-many-joins');
        const tooMany = new Error('too many joins');
        if (verdict === 'flood') connection.abort(tooMany);
        else stream.abort(tooMany);
        return;
      }
      const judge = async (join: JoinRequest): Promise<JoinDecision> =>
        decide(join, peerIdOf(connection.remotePeer), connection);
      turns.take(() => void answerJoin(messageChannel(stream, linkCodec, clock), judge, { refused, clock }));
    },
    { runOnLimitedConnection: true, maxInboundStreams: options.maxInboundStreams ?? 8 },
  );
}

/**
 * Answers the join that comes over a channel.
 *
 * @returns When the channel is closed. Never throws.
 */
export async function answerJoin(
  channel: MessageChannel<LinkMessage>,
  decide: (join: JoinRequest) => Promise<JoinDecision>,
  { refused, clock }: { refused: RefusalCounter; clock: Clock },
): Promise<void> {
  const deadline = handshakeDeadline(clock);
  const { signal } = deadline;
  let end: ParentEnd | null = null;
  try {
    const join = await channel.read(signal);
    if (join.type !== 'join') throw new MalformedError('wrong-shape', 'not a join');
    const decision = await decide(join);
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
