/**
 * What a peer does with signals between two of its neighbours (PROTOCOL.md, K7): it passes them on as they are, from
 * one link to another of the same channel, and never further.
 */

import type { Clock } from './clock.ts';
import type { PeerLink } from './peer-link.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import type { ForwardedSignal } from './signed-signaling.ts';
import { tokenBucket, type TokenBucket } from './token-bucket.ts';

/** A handshake is a description and its candidates; a peer that tries several parents at once makes several. */
const SIGNALS_PER_SECOND = 10;
const SIGNAL_BURST = 20;

export interface SignalForwarder {
  /**
   * Passes on a signal that came over `from`.
   *
   * @param neighbours - All links of the channel.
   * @returns Whether it was. What is not passed on is counted: it is for a peer that is no neighbour, names another
   *   sender than the neighbour it came from, or is one too many.
   */
  forward(signal: ForwardedSignal, from: PeerLink, neighbours: Iterable<PeerLink>): boolean;
}

export function signalForwarder({
  clock,
  refused,
}: {
  clock: Clock;
  refused: RefusalCounter;
}): SignalForwarder {
  const buckets = new WeakMap<PeerLink, TokenBucket>();
  const allow = (from: PeerLink): boolean => {
    const bucket = buckets.get(from) ?? tokenBucket(SIGNALS_PER_SECOND, SIGNAL_BURST);
    buckets.set(from, bucket);
    return bucket.take(clock.now());
  };
  const drop = (reason: string): false => {
    refused.count(`forward:${reason}`);
    return false;
  };
  return {
    forward: (signal, from, neighbours) => {
      if (!allow(from)) return drop('too-many');
      // Its own signals only: what a neighbour got from others has travelled far enough.
      if (signal.from !== from.peerId) return drop('not-its-own');
      const to = [...neighbours].filter(({ peerId }) => peerId === signal.to && peerId !== from.peerId);
      if (to.length === 0) return drop('no-neighbour');
      return to.some((link) => link.send(signal)) || drop('not-sent');
    },
  };
}
