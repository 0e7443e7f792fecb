/** The second half of a link's handshake: from the answer until the connection is up, or given up. */

import { MalformedError, MAX_CANDIDATE_LENGTH, MAX_CANDIDATES } from '@casto/core';
import type { LinkMessage } from '@casto/core';
import { CandidateIntake } from './candidates.ts';
import type { Clock } from './clock.ts';
import type { LinkEnd } from './link-ports.ts';
import type { MessageChannel } from './message-channel.ts';
import type { RefusalCounter } from './refusal-counter.ts';

/** A join, its answer and the connection checks together take less than this, or will not succeed. */
const HANDSHAKE_MS = 15_000;
/** Candidates that are no use, such as Firefox's for RTCP, come besides those that count. */
const MAX_CANDIDATE_MESSAGES = 4 * MAX_CANDIDATES;
/** How soon the stream ends once the link is up. The end's own listener belongs to whoever uses the link. */
const LOOK_MS = 50;

/** The time that a handshake has. */
export interface Deadline {
  readonly signal: AbortSignal;
  cancel(): void;
}

export function handshakeDeadline(clock: Clock): Deadline {
  const controller = new AbortController();
  const cancel = clock.setTimer(
    () => controller.abort(new Error('the handshake took too long')),
    HANDSHAKE_MS,
  );
  return { signal: controller.signal, cancel };
}

/** Sends candidates as the end finds them; after the stream is gone they are of no use. */
export function trickle(end: LinkEnd, channel: MessageChannel<LinkMessage>): void {
  let left = MAX_CANDIDATES;
  end.onCandidate = (candidate) => {
    if (candidate.length > MAX_CANDIDATE_LENGTH) return;
    if (candidate !== '' && --left < 0) return;
    channel.write({ type: 'candidate', candidate }).catch(() => {});
  };
}

/**
 * Takes the other end's candidates until the link is up. An end that is not when the time is over, or when the other
 * end has broken off, is closed; a stream that only ends leaves it the rest of its time.
 *
 * @returns When the stream is closed. Never throws.
 */
export async function completeLink(
  end: LinkEnd,
  channel: MessageChannel<LinkMessage>,
  { deadline, clock, refused }: { deadline: Deadline; clock: Clock; refused: RefusalCounter },
): Promise<void> {
  const settled = untilSettled(end, clock, deadline.signal);
  const reading = readCandidates(end, channel, { signal: settled.signal, refused });
  void reading.then((isBrokenOff) => {
    if (isBrokenOff && end.state === 'connecting') end.close();
  });
  await settled.promise;
  deadline.cancel();
  if (end.state === 'connected') return channel.close();
  end.close();
  channel.abort(new Error('the link did not come up'));
}

/** Looks at the end until it is connected or closed, or the time is over. */
function untilSettled(
  end: LinkEnd,
  clock: Clock,
  timeIsOver: AbortSignal,
): { promise: Promise<void>; signal: AbortSignal } {
  const settled = new AbortController();
  const promise = new Promise<void>((resolve) => {
    const look = (): void => {
      if (end.state === 'connecting' && !timeIsOver.aborted) return void clock.setTimer(look, LOOK_MS);
      settled.abort(new Error('the link is settled'));
      resolve();
    };
    look();
  });
  return { promise, signal: settled.signal };
}

/** @returns Whether the other end has broken off. */
async function readCandidates(
  end: LinkEnd,
  channel: MessageChannel<LinkMessage>,
  { signal, refused }: { signal: AbortSignal; refused: RefusalCounter },
): Promise<boolean> {
  const intake = new CandidateIntake();
  try {
    for (let count = 0; ; count++) {
      if (count >= MAX_CANDIDATE_MESSAGES) throw new MalformedError('too-large', 'too many candidates');
      const message = await channel.read(signal);
      if (message.type !== 'candidate') throw new MalformedError('wrong-shape', 'expected a candidate');
      if (message.candidate === '') return false;
      const candidate = intake.take(message.candidate);
      if (candidate !== null) end.addCandidate(candidate);
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) return channel.isReset;
    refused.count(`link:${error.reason}`);
    channel.abort(error);
    return false;
  } finally {
    if (intake.refused > 0) refused.count('link:bad-candidate');
  }
}
