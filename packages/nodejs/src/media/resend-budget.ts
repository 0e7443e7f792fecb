/**
 * How much a viewer may have sent again. Without a limit, one that loses most packets would have each of them sent
 * many times over the same full path, and pay for it with everybody's CPU.
 */

/** Packets that may be repeated at once, after a time without loss. */
const BURST_PACKETS = 256;
/** Repeats earned by each packet forwarded: above a quarter, repairing costs more than a lower layer would. */
const EARNED_PER_PACKET = 0.25;
/** The same packet is not repeated sooner: the last repeat is still under way. */
const REPEAT_INTERVAL_MS = 10;
const REMEMBERED = 128;
const REMEMBERED_MASK = REMEMBERED - 1;

/**
 * What was sent first so long ago is not repeated: a viewer's decoder has given its frame up, and goes on at the next key
 * frame. A page waits 400 ms for a frame and a relay 600 ms for a packet, which leaves a round trip around the world; beyond
 * that repeats only take room from what is live, and the viewer falls further behind.
 */
const STALE_MS = 1_000;

export type ResendVerdict = 'allowed' | 'repeated' | 'exhausted' | 'stale';

export interface ResendBudget {
  /** A packet was forwarded for the first time. */
  earn(): void;
  /** @param sentAt - When the packet was sent first, at the earliest. */
  take(sequence: number, sentAt: number, now: number): ResendVerdict;
}

export function createResendBudget(): ResendBudget {
  return new PacketBudget();
}

class PacketBudget implements ResendBudget {
  #left = BURST_PACKETS;
  /** Which packet was repeated last in each place, and when. Most viewers never need it. */
  #memory: { readonly sequences: Float64Array; readonly times: Float64Array } | null = null;

  earn(): void {
    if (this.#left < BURST_PACKETS) this.#left += EARNED_PER_PACKET;
  }

  take(sequence: number, sentAt: number, now: number): ResendVerdict {
    if (now - sentAt > STALE_MS) return 'stale';
    const memory = (this.#memory ??= {
      sequences: new Float64Array(REMEMBERED).fill(-1),
      times: new Float64Array(REMEMBERED),
    });
    const place = sequence & REMEMBERED_MASK;
    const isSame = memory.sequences[place] === sequence;
    if (isSame && now - (memory.times[place] ?? 0) < REPEAT_INTERVAL_MS) return 'repeated';
    if (this.#left < 1) return 'exhausted';
    this.#left -= 1;
    memory.sequences[place] = sequence;
    memory.times[place] = now;
    return 'allowed';
  }
}
