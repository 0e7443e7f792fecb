/** Opens links over `/casto/link/1`: the child asks and offers, the parent decides and answers (PROTOCOL.md, L). */

import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import {
  LINK_PROTOCOL,
  linkCodec,
  MalformedError,
  MAX_CANDIDATES,
  type LinkMessage,
  type ParentCandidate,
  type PeerId,
  type Refusal,
} from '@casto/core';
import { CandidateIntake } from './candidates.ts';
import type { ChildEnd, LinkEnd, ParentEnd } from './link-ports.ts';
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

/** Candidates that are no use, such as Firefox's for RTCP, come besides those that count. */
const MAX_CANDIDATE_MESSAGES = 4 * MAX_CANDIDATES;
/** A join, its answer and the connection checks together take less than this, or will not succeed. */
const HANDSHAKE_MS = 15_000;

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
  options: { signal: AbortSignal; refused: RefusalCounter },
): Promise<JoinOutcome> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(HANDSHAKE_MS)]);
  const opening = connection.newStream(LINK_PROTOCOL, { signal, runOnLimitedConnection: true });
  try {
    const [stream, offer] = await Promise.all([opening, end.offer()]);
    const channel = messageChannel(stream, linkCodec);
    await channel.write({ type: 'join', ...join, offer }, signal);
    trickle(end, channel);
    const outcome = await readOutcome(channel, signal);
    if (outcome.type !== 'accepted') {
      end.close();
      await channel.close();
      return outcome;
    }
    await end.accept(outcome.answer);
    void readCandidates(end, channel, options.refused);
    return outcome;
  } catch (error) {
    end.close();
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

/**
 * Answers joins of other peers.
 *
 * @param decide - Judges one join. What it throws is told to the joiner as `busy` and counted.
 */
export async function serveLinks(
  libp2p: Libp2p,
  decide: (join: JoinRequest, from: PeerId, connection: Connection) => Promise<JoinDecision>,
  options: { refused: RefusalCounter; maxInboundStreams?: number },
): Promise<void> {
  await libp2p.handle(
    LINK_PROTOCOL,
    (stream, connection) => void answerJoin(stream, connection, decide, options.refused),
    { runOnLimitedConnection: true, maxInboundStreams: options.maxInboundStreams ?? 8 },
  );
}

async function answerJoin(
  stream: Stream,
  connection: Connection,
  decide: (join: JoinRequest, from: PeerId, connection: Connection) => Promise<JoinDecision>,
  refused: RefusalCounter,
): Promise<void> {
  const channel = messageChannel(stream, linkCodec);
  const signal = AbortSignal.timeout(HANDSHAKE_MS);
  let end: ParentEnd | null = null;
  try {
    const join = await channel.read(signal);
    if (join.type !== 'join') throw new MalformedError('wrong-shape', 'not a join');
    const decision = await decide(join, peerIdOf(connection.remotePeer), connection);
    if (decision.type !== 'accept') {
      if (decision.type === 'refuse') refused.count(`join:${decision.reason}`);
      await channel.write(decision, signal);
      await channel.close();
      return;
    }
    end = decision.end;
    const answer = await end.answer();
    await channel.write({ type: 'accept', ...decision.acceptance, answer }, signal);
    trickle(end, channel);
    await readCandidates(end, channel, refused);
  } catch (error) {
    end?.close();
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

/** Sends candidates as the end finds them; after the stream is gone they are of no use. */
function trickle(end: LinkEnd, channel: MessageChannel<LinkMessage>): void {
  end.onCandidate = (candidate) => void channel.write({ type: 'candidate', candidate }).catch(() => {});
}

/** Reads the other end's candidates until the link is up, has failed, or the stream ends. */
async function readCandidates(
  end: LinkEnd,
  channel: MessageChannel<LinkMessage>,
  refused: RefusalCounter,
): Promise<void> {
  const signal = AbortSignal.timeout(HANDSHAKE_MS);
  const intake = new CandidateIntake();
  try {
    for (let count = 0; end.state === 'connecting' && count < MAX_CANDIDATE_MESSAGES; count++) {
      const message = await channel.read(signal);
      if (message.type !== 'candidate') throw new MalformedError('wrong-shape', 'expected a candidate');
      if (message.candidate === '') break;
      const candidate = intake.take(message.candidate);
      if (candidate !== null) end.addCandidate(candidate);
    }
    await channel.close();
  } catch (error) {
    if (isMalformed(error)) refused.count(`link:${reasonOf(error)}`);
    channel.abort(asError(error));
  }
  if (intake.refused > 0) refused.count('link:bad-candidate');
}

function isMalformed(error: unknown): boolean {
  return (
    error instanceof MalformedError || (error instanceof Error && error.name === 'SessionDescriptionError')
  );
}

/** A word for the counter: the typed reason where there is one, else the error's name. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'reason' in error && typeof error.reason === 'string') return error.reason;
  return error instanceof Error ? error.name : 'unknown';
}
