/** Peers that lie: an honest core whose words are changed on their way out. Others are lied to by the media alone. */

import {
  createRandom,
  type Instant,
  type LinkState,
  type PeerId,
  type Random,
  type Standing,
  type TreeEffect,
  type TreeInput,
  type TreePeer,
} from '@casto/core';

export const LIES = [
  /** Claims six slots with an uplink for none: its own core is told of an uplink that it has not. */
  'overclaim',
  /** Claims to be up to three hops nearer to the streamer than it is, with a third of the delay. */
  'short-path',
  /** Accepts and sends nothing. */
  'mute',
  /** Drops every second frame. */
  'half',
  /** Asks everyone for places, without end. */
  'flood',
  /** Says again what was true when it came, in the epoch before. */
  'old-epoch',
  /** Offers slots, and refuses whoever comes. */
  'refuse',
] as const;

export type LieKind = (typeof LIES)[number];

/** The core of a liar; lies of the media leave the core as it is. */
export function lyingCore(lie: LieKind, honest: TreePeer, seed: number): TreePeer {
  switch (lie) {
    case 'short-path':
      return new WordChanger(honest, { state: nearerState, standing: nearerStanding });
    case 'old-epoch':
      return new WordChanger(honest, new Replayer());
    case 'flood':
      return new Flooder(honest, createRandom(seed));
    case 'refuse':
      return new Refuser(honest);
    case 'overclaim':
    case 'mute':
    case 'half':
      return honest;
  }
}

interface Words {
  state(state: LinkState): LinkState;
  standing(standing: Standing): Standing;
}

/** Says other things than it knows. */
class WordChanger implements TreePeer {
  readonly #honest: TreePeer;
  readonly #words: Words;

  constructor(honest: TreePeer, words: Words) {
    this.#honest = honest;
    this.#words = words;
  }

  step(now: Instant, input: TreeInput): readonly TreeEffect[] {
    return this.#honest.step(now, input).map((effect): TreeEffect => {
      if (effect.type === 'advertise') return { ...effect, state: this.#words.state(effect.state) };
      if (effect.type !== 'report' || effect.offer === null) return effect;
      const standing = this.standing(now);
      if (standing === null) return effect;
      const { depth, delayMs } = standing;
      return { ...effect, offer: { ...effect.offer, depth, delayMs } };
    });
  }

  deadline(): Instant | null {
    return this.#honest.deadline();
  }

  standing(now: Instant): Standing | null {
    const standing = this.#honest.standing(now);
    return standing === null ? null : this.#words.standing(standing);
  }

  view(now: Instant): ReturnType<TreePeer['view']> {
    return this.#honest.view(now);
  }
}

const HOPS_HIDDEN = 3;
const DELAY_DIVISOR = 3;
const ID_BYTES = 4;

interface Place {
  readonly depth: number;
  readonly delayMs: number;
  readonly path: Uint8Array;
}

/** The streamer, and then only the last of the way. */
function nearer({ depth, delayMs, path }: Place): Place {
  const claimed = Math.min(depth, Math.max(1, depth - HOPS_HIDDEN));
  const shortened = new Uint8Array((claimed + 1) * ID_BYTES);
  shortened.set(path.subarray(0, ID_BYTES));
  shortened.set(path.subarray(path.length - claimed * ID_BYTES), ID_BYTES);
  return { depth: claimed, delayMs: Math.floor(delayMs / DELAY_DIVISOR), path: shortened };
}

function nearerState(state: LinkState): LinkState {
  const { depth, delayMs, path } = state;
  return depth === null ? state : { ...state, ...nearer({ depth, delayMs: delayMs ?? 0, path }) };
}

function nearerStanding(standing: Standing): Standing {
  return { ...standing, ...nearer(standing) };
}

/** Remembers its first place, and is for ever there. */
class Replayer implements Words {
  #first: Place | null = null;

  state(state: LinkState): LinkState {
    const { depth, delayMs, path, epoch } = state;
    if (depth === null) return state;
    return {
      ...state,
      ...this.#place({ depth, delayMs: delayMs ?? 0, path }),
      epoch: Math.max(0, epoch - 1),
    };
  }

  standing(standing: Standing): Standing {
    return { ...standing, ...this.#place(standing), epoch: Math.max(0, standing.epoch - 1) };
  }

  #place({ depth, delayMs, path }: Place): Place {
    this.#first ??= { depth, delayMs, path };
    return this.#first;
  }
}

/** Refuses all children, and goes on offering its slots. */
class Refuser implements TreePeer {
  readonly #honest: TreePeer;

  constructor(honest: TreePeer) {
    this.#honest = honest;
  }

  step(now: Instant, input: TreeInput): readonly TreeEffect[] {
    const effects = this.#honest.step(now, input);
    if (input.type !== 'asked' || !effects.some(({ type }) => type === 'accept')) return effects;
    const { peerId } = input;
    const refusal: TreeEffect = { type: 'refuse', peerId, reason: 'full', retryAfterMs: 1_000 };
    // Its own core must not count on a child that is not there.
    const after = this.#honest.step(now, { type: 'unlinked', peerId, farewell: null });
    return [...effects.map((effect) => (effect.type === 'accept' ? refusal : effect)), ...after];
  }

  deadline(): Instant | null {
    return this.#honest.deadline();
  }

  standing(now: Instant): Standing | null {
    return this.#honest.standing(now);
  }

  view(now: Instant): ReturnType<TreePeer['view']> {
    return this.#honest.view(now);
  }
}

const FLOOD_EVERY_MS = 200;
const MOST_KNOWN = 40;

/** Asks one of those that it has heard of for a place, five times a second, and takes none. */
class Flooder implements TreePeer {
  readonly #honest: TreePeer;
  readonly #random: Random;
  readonly #known: { peerId: PeerId; addresses: string[] }[] = [];
  readonly #asked = new Set<PeerId>();
  #next: Instant = Infinity;

  constructor(honest: TreePeer, random: Random) {
    this.#honest = honest;
    this.#random = random;
  }

  step(now: Instant, input: TreeInput): readonly TreeEffect[] {
    if (input.type === 'found') {
      for (const { peerId, addresses } of input.candidates) this.#learn({ peerId, addresses });
      if (this.#next === Infinity && this.#known.length > 0) this.#next = now + FLOOD_EVERY_MS;
    }
    if (input.type === 'leave') this.#next = Infinity;
    if (input.type === 'answered' && this.#asked.delete(input.peerId)) {
      return input.answer.type === 'accepted'
        ? [{ type: 'close', peerId: input.peerId, reason: 'moved' }]
        : [];
    }
    if (input.type !== 'timeout') return this.#honest.step(now, input);
    const effects = (this.#honest.deadline() ?? Infinity) <= now ? this.#honest.step(now, input) : [];
    return now < this.#next ? effects : [...effects, ...this.#flood(now)];
  }

  deadline(): Instant | null {
    const due = Math.min(this.#next, this.#honest.deadline() ?? Infinity);
    return due === Infinity ? null : due;
  }

  standing(now: Instant): Standing | null {
    return this.#honest.standing(now);
  }

  view(now: Instant): ReturnType<TreePeer['view']> {
    return this.#honest.view(now);
  }

  #flood(now: Instant): TreeEffect[] {
    this.#next = now + FLOOD_EVERY_MS;
    const candidate = this.#known[this.#random.below(this.#known.length)];
    const isNeighbour = this.#honest.view(now).parents.some(({ peerId }) => peerId === candidate?.peerId);
    if (candidate === undefined || isNeighbour || this.#asked.has(candidate.peerId)) return [];
    this.#asked.add(candidate.peerId);
    const path = new Uint8Array();
    const join = { kind: 'browser', path, standby: false, slots: 6, ageS: 9_999, layers: 1 } as const;
    return [{ type: 'join', candidate, join }];
  }

  #learn(candidate: { peerId: PeerId; addresses: string[] }): void {
    if (this.#known.length < MOST_KNOWN) this.#known.push(candidate);
    else this.#known[this.#random.below(MOST_KNOWN)] = candidate;
  }
}
