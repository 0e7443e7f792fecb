/** What a peer has asked its relay and waits to hear: who has room, and where others stand (PROTOCOL.md, D8 and D9). */

import type { ChannelId, OfferedCandidate, PeerId, Standing } from '@casto/core';
import type { Clock } from './clock.ts';

export interface Probed {
  /** From the question to its answer, through the relay. */
  readonly rttMs: number;
  /** `null` when the peer is not there, or has no place in the channel. */
  readonly standing: Standing | null;
}

interface PendingSeek {
  readonly found: Promise<readonly OfferedCandidate[]>;
  readonly settle: (candidates: readonly OfferedCandidate[]) => void;
}

interface PendingProbe {
  readonly channel: ChannelId;
  readonly peer: PeerId;
  readonly askedAt: number;
  readonly settle: (answer: Probed | null) => void;
}

/** As the tree's own patience: a circuit around the world and back takes 600 ms, and nearer peers are better. */
export const PROBE_MS = 1_000;
/** Six for each of a few searches. */
const MAX_PROBES = 64;
const NONCES = 2 ** 32;

export class RendezvousQuestions {
  readonly #clock: Clock;
  readonly #seeks = new Map<ChannelId, PendingSeek>();
  readonly #probes = new Map<number, PendingProbe>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns The answer to come, and whether the question has yet to be put: one at a time is under way. */
  seek(
    channel: ChannelId,
    withinMs: number,
  ): { found: Promise<readonly OfferedCandidate[]>; isFirst: boolean } {
    const known = this.#seeks.get(channel);
    if (known) return { found: known.found, isFirst: false };
    let settle: PendingSeek['settle'] = () => {};
    const found = new Promise<readonly OfferedCandidate[]>((resolve) => {
      settle = (candidates) => {
        cancel();
        if (this.#seeks.get(channel)?.settle === settle) this.#seeks.delete(channel);
        resolve(candidates);
      };
      const cancel = this.#clock.setTimer(() => settle([]), withinMs);
    });
    this.#seeks.set(channel, { found, settle });
    return { found, isFirst: true };
  }

  found(channel: ChannelId, candidates: readonly OfferedCandidate[]): void {
    this.#seeks.get(channel)?.settle(candidates);
  }

  /** @returns The answer to come, `null` when too many are awaited. */
  probe(
    channel: ChannelId,
    peer: PeerId,
    withinMs: number,
  ): { nonce: number; probed: Promise<Probed | null> } | null {
    if (this.#probes.size >= MAX_PROBES) return null;
    const nonce = this.#freshNonce();
    const probed = new Promise<Probed | null>((resolve) => {
      const settle = (answer: Probed | null): void => {
        cancel();
        this.#probes.delete(nonce);
        resolve(answer);
      };
      const cancel = this.#clock.setTimer(() => settle(null), withinMs);
      this.#probes.set(nonce, { channel, peer, askedAt: this.#clock.now(), settle });
    });
    return { nonce, probed };
  }

  /** D9.4: only the answer to a question that was put counts. */
  probed(answer: { channel: ChannelId; peer: PeerId; nonce: number; standing: Standing | null }): void {
    const probe = this.#probes.get(answer.nonce);
    if (!probe || probe.peer !== answer.peer || probe.channel !== answer.channel) return;
    probe.settle({ rttMs: this.#clock.now() - probe.askedAt, standing: answer.standing });
  }

  /** Nobody will answer any more. */
  end(): void {
    for (const { settle } of this.#seeks.values()) settle([]);
    for (const { settle } of this.#probes.values()) settle(null);
  }

  #freshNonce(): number {
    for (;;) {
      const nonce = Math.floor(Math.random() * NONCES);
      if (!this.#probes.has(nonce)) return nonce;
    }
  }
}
