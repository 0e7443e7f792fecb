/**
 * How a relay passes probes and their answers on between two peers that hold streams there, and never further
 * (PROTOCOL.md, D9).
 */

import type { ChannelId, PeerId, RendezvousMessage, Standing } from '@casto/core';
import type { Clock } from './clock.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { tokenBucket, type TokenBucket } from './token-bucket.ts';

/** A search probes six peers, and a peer that repairs in a hurry searches a few times in a second. */
const ASKED_PER_SECOND = 12;
const ASKED_BURST = 36;
/** A crowd may all be told of one peer; half a kilobyte each. */
const PASSED_PER_SECOND = 50;
const PASSED_BURST = 100;
/** Probes that one peer has not answered yet. */
const MAX_UNANSWERED = 128;

type Probe = Extract<RendezvousMessage, { type: 'probe' }>;
type ProbeAnswer = Extract<RendezvousMessage, { type: 'probed' }>;

/** One peer's stream. */
export interface ProbeStream {
  /** Takes what the peer sent. @returns Whether it was within the limits; what is beyond is dropped and counted. */
  take(message: Probe | ProbeAnswer): boolean;
  close(): void;
}

export interface ProbeSwitch {
  /** A peer that opens another stream is reached by the latest. */
  open(peer: PeerId, send: (message: RendezvousMessage) => void): ProbeStream;
}

interface Station {
  readonly peer: PeerId;
  isOpen: boolean;
  readonly send: (message: RendezvousMessage) => void;
  readonly asks: TokenBucket;
  readonly isAsked: TokenBucket;
  /** Probes passed on to this peer, by asker and nonce, and the stream that each came from. */
  readonly unanswered: Map<string, Station>;
}

export function probeSwitch(options: {
  self: PeerId;
  clock: Clock;
  refused: RefusalCounter;
  standing: (channel: ChannelId, from: PeerId) => Standing | null;
}): ProbeSwitch {
  const { self, clock, refused, standing } = options;
  const stations = new Map<PeerId, Station>();

  const drop = (reason: string): false => {
    refused.count(`probe:${reason}`);
    return false;
  };

  const passOn = (from: Station, { channel, peer, nonce }: Probe): boolean => {
    if (!from.asks.take(clock.now())) return drop('too-many');
    const answer = (place: Standing | null): void =>
      from.send({ type: 'probed', channel, peer, nonce, standing: place });
    if (peer === self) {
      answer(standing(channel, from.peer));
      return true;
    }
    const to = stations.get(peer);
    if (to === undefined || to === from) {
      answer(null);
      return true;
    }
    if (!to.isAsked.take(clock.now())) return drop('too-many-to-one');
    remember(to.unanswered, keyOf(from.peer, channel, nonce), from);
    to.send({ type: 'probe', channel, peer: from.peer, nonce });
    return true;
  };

  const passBack = (from: Station, { channel, peer, nonce, standing: place }: ProbeAnswer): boolean => {
    const key = keyOf(peer, channel, nonce);
    const asker = from.unanswered.get(key);
    if (asker === undefined) return drop('not-asked');
    from.unanswered.delete(key);
    if (asker.isOpen) asker.send({ type: 'probed', channel, peer: from.peer, nonce, standing: place });
    return true;
  };

  return {
    open: (peer, send) => {
      const station: Station = {
        peer,
        isOpen: true,
        send,
        asks: tokenBucket(ASKED_PER_SECOND, ASKED_BURST),
        isAsked: tokenBucket(PASSED_PER_SECOND, PASSED_BURST),
        unanswered: new Map(),
      };
      stations.set(peer, station);
      return {
        take: (message) => (message.type === 'probe' ? passOn(station, message) : passBack(station, message)),
        close: () => {
          station.isOpen = false;
          if (stations.get(peer) === station) stations.delete(peer);
        },
      };
    },
  };
}

function keyOf(asker: PeerId, channel: ChannelId, nonce: number): string {
  return `${asker} ${channel} ${nonce}`;
}

/** The oldest is forgotten: nobody waits for it any more. */
function remember(unanswered: Map<string, Station>, key: string, from: Station): void {
  unanswered.set(key, from);
  const [oldest] = unanswered.keys();
  if (unanswered.size > MAX_UNANSWERED && oldest !== undefined) unanswered.delete(oldest);
}
