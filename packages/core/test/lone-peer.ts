/** One peer of the tree by itself: its neighbours are what a test says that they are. */

import { createTreePeer, type TreePeer, type TreePeerOptions } from '../src/tree/tree-peer.ts';
import type {
  JoinAnswer,
  LinkMeasurement,
  TreeEffect,
  TreeInput,
  TreeJoin,
  TreeMessage,
} from '../src/tree/tree-io.ts';
import { TREE_DEFAULTS, type TreeTuning } from '../src/tree/tree-tuning.ts';
import type { TreeView } from '../src/tree/tree-view.ts';
import type { LinkState } from '../src/control-messages.ts';
import type { ParentCandidate, PeerKind } from '../src/link-messages.ts';
import { encodePath, shortId, type PeerId } from '../src/peer-id.ts';
import type { OfferedCandidate, Offer, Standing } from '../src/standing.ts';
import { peerIdNumbered } from './base58.ts';

export const START = 1_700_000_000_000;
export const EPOCH = 1_700_000_000;
/** The peer under test; the streamer is number 0, neighbours are whatever else a test calls them. */
const SELF = 1;

/** Longer than any wait of the tree. */
const PATIENCE_MS = 3_000_000;

const ids: PeerId[] = [];

/** Peers are numbers in tests. */
export function id(number: number): PeerId {
  return (ids[number] ??= peerIdNumbered(number));
}

export function numberOf(peerId: PeerId): number {
  return ids.indexOf(peerId);
}

export function candidate(number: number): ParentCandidate {
  return { peerId: id(number), addresses: [`/memory/${number}`] };
}

export function offered(number: number, offer: Partial<Offer> = {}): OfferedCandidate {
  const usual = { kind: 'browser', depth: 2, delayMs: 50, freeSlots: 2, ageS: 60, layers: 1 } as const;
  return { ...candidate(number), offer: { ...usual, ...offer } };
}

/** A path as it travels, behind the streamer. */
export function pathOf(...numbers: number[]): Uint8Array {
  return encodePath([0, ...numbers].map((number) => shortId(id(number))));
}

/** Peers between the streamer and the one that speaks. */
interface Via {
  readonly via?: readonly number[];
}

export function standing(
  number: number,
  { via = [100 + number], ...changes }: Via & Partial<Standing> = {},
): Standing {
  const { offer } = offered(number);
  const place =
    number === 0 ? { path: pathOf(), depth: 0 } : { path: pathOf(...via, number), depth: via.length + 1 };
  return { ...offer, ...place, epoch: EPOCH, flowing: true, ...changes };
}

export function word(
  number: number,
  { via = [100 + number], ...changes }: Via & Partial<LinkState> = {},
): LinkState {
  const { path, depth, epoch, flowing } = standing(number, { via });
  return {
    depth,
    path,
    epoch,
    flowing,
    freeSlots: 0,
    subtreeSlots: 0,
    viewers: 1,
    clockOffsetMs: 0,
    delayMs: 50,
    slots: 2,
    ageS: 60,
    layers: 1,
    received: null,
    ...changes,
  };
}

export function join(changes: Partial<TreeJoin> = {}): TreeJoin {
  return {
    kind: 'browser',
    path: new Uint8Array(),
    standby: false,
    slots: 0,
    ageS: 0,
    layers: 1,
    ...changes,
  };
}

type EffectOf<T extends TreeEffect['type']> = Extract<TreeEffect, { type: T }>;

/** Effects of one type. */
export function only<T extends TreeEffect['type']>(type: T, effects: readonly TreeEffect[]): EffectOf<T>[] {
  // What `filter` leaves has this type; the compiler does not follow a type parameter through it.
  return effects.filter((effect) => effect.type === type) as EffectOf<T>[];
}

/** Numbers of the peers that effects of one type are about. */
export function about(
  type: 'accept' | 'refuse' | 'redirect' | 'close' | 'advertise' | 'play' | 'serve' | 'send',
  effects: readonly TreeEffect[],
): (number | null)[] {
  return only(type, effects).map(({ peerId }) => (peerId === null ? null : numberOf(peerId)));
}

export function probes(effects: readonly TreeEffect[]): number[] {
  return only('probe', effects).map((effect) => numberOf(effect.candidate.peerId));
}

export function joins(effects: readonly TreeEffect[]): number[] {
  return only('join', effects).map((effect) => numberOf(effect.candidate.peerId));
}

/** Who was sent a message of this type. */
export function sent(type: TreeMessage['type'], effects: readonly TreeEffect[]): number[] {
  return messages(type, effects).map(({ to }) => to);
}

export function messages<T extends TreeMessage['type']>(
  type: T,
  effects: readonly TreeEffect[],
): { to: number; message: Extract<TreeMessage, { type: T }> }[] {
  return only('send', effects).flatMap(({ peerId, message }) =>
    message.type === type
      ? [{ to: numberOf(peerId), message: message as Extract<TreeMessage, { type: T }> }]
      : [],
  );
}

export type LoneSetup = Partial<Omit<TreePeerOptions, 'tuning'>> & { tuning?: Partial<TreeTuning> };

export class LonePeer {
  now = START;
  readonly options: TreePeerOptions;
  readonly tree: TreePeer;
  readonly self: PeerId;
  /** All that it did, and when, in milliseconds since the start. */
  readonly done: { at: number; effect: TreeEffect }[] = [];

  constructor(setup: LoneSetup = {}) {
    this.self = setup.self ?? id(SELF);
    this.options = {
      self: this.self,
      channel: id(0),
      kind: 'browser',
      addresses: ['/memory/1'],
      seed: 1,
      maxChildren: 6,
      isViewer: true,
      layers: 1,
      ...setup,
    };
    this.tree = createTreePeer(this.options);
  }

  get view(): TreeView {
    return this.tree.view(this.now);
  }

  get standbys(): number[] {
    return this.#parents('standby');
  }

  get active(): number[] {
    return this.#parents('active');
  }

  get banned(): Record<number, string> {
    return Object.fromEntries(this.view.banned.map(({ peerId, offence }) => [numberOf(peerId), offence]));
  }

  tell(input: TreeInput): readonly TreeEffect[] {
    const effects = this.tree.step(this.now, input);
    for (const effect of effects) this.done.push({ at: this.now - START, effect });
    return effects;
  }

  /** Lets time pass, with timeouts when they are due. @returns What it did meanwhile. */
  advance(ms: number): TreeEffect[] {
    const until = this.now + ms;
    const before = this.done.length;
    for (let steps = 0; steps < 10_000; steps++) {
      const due = this.tree.deadline();
      if (due === null || due > until) {
        this.now = until;
        return this.done.slice(before).map(({ effect }) => effect);
      }
      this.now = Math.max(this.now, due);
      this.tell({ type: 'timeout' });
    }
    throw new Error('the timers do not come to rest');
  }

  /** Lets time pass until something is so. @returns What it did meanwhile. */
  advanceUntil(isSo: (effects: readonly TreeEffect[]) => boolean, stepMs = 100): TreeEffect[] {
    const before = this.now;
    const all: TreeEffect[] = [];
    while (this.now - before < PATIENCE_MS) {
      const effects = this.advance(stepMs);
      all.push(...effects);
      if (isSo(effects)) return all;
    }
    throw new Error('it never came to that');
  }

  /** Lets time pass until it looks for something. */
  looking(): this {
    if (this.view.searchingFor === null) this.advanceUntil(() => this.view.searchingFor !== null);
    return this;
  }

  /** When it did something of this type, in milliseconds since the start. */
  times(type: TreeEffect['type']): number[] {
    return this.done.filter(({ effect }) => effect.type === type).map(({ at }) => at);
  }

  found(candidates: readonly OfferedCandidate[], isLast = true): readonly TreeEffect[] {
    return this.tell({ type: 'found', candidates, isLast });
  }

  probed(number: number, answer: Standing | null = standing(number), rttMs = 40): readonly TreeEffect[] {
    return this.tell({ type: 'probed', peerId: id(number), rttMs, standing: answer });
  }

  answered(number: number, answer: JoinAnswer): readonly TreeEffect[] {
    return this.tell({ type: 'answered', peerId: id(number), answer });
  }

  accepted(number: number, kind: PeerKind = 'browser'): readonly TreeEffect[] {
    return this.answered(number, { type: 'accepted', kind });
  }

  redirected(number: number, ...parents: number[]): readonly TreeEffect[] {
    return this.answered(number, { type: 'redirected', parents: parents.map(candidate) });
  }

  refused(number: number): readonly TreeEffect[] {
    return this.answered(number, { type: 'refused', reason: 'full', retryAfterMs: 1_000 });
  }

  linked(number: number): readonly TreeEffect[] {
    return this.tell({ type: 'linked', peerId: id(number) });
  }

  unlinked(number: number): readonly TreeEffect[] {
    return this.tell({ type: 'unlinked', peerId: id(number), farewell: null });
  }

  hears(number: number, state: LinkState): readonly TreeEffect[] {
    return this.tell({ type: 'state', peerId: id(number), state });
  }

  gets(number: number, message: TreeMessage): readonly TreeEffect[] {
    return this.tell({ type: 'message', peerId: id(number), message });
  }

  flowing(number: number): readonly TreeEffect[] {
    return this.tell({ type: 'flowing', peerId: id(number) });
  }

  silent(number: number): readonly TreeEffect[] {
    return this.tell({ type: 'silent', peerId: id(number) });
  }

  measured(number: number, sample: LinkMeasurement): readonly TreeEffect[] {
    return this.tell({ type: 'measured', peerId: id(number), ...sample });
  }

  asked(
    number: number,
    changes: Partial<TreeJoin> = {},
    options: { isFull?: boolean } = {},
  ): readonly TreeEffect[] {
    const { peerId, addresses } = candidate(number);
    return this.tell({ type: 'asked', peerId, addresses, join: join(changes), ...options });
  }

  /** Brings a link that was asked for up, without media. */
  up(number: number, state: LinkState = word(number), kind: PeerKind = 'browser'): readonly TreeEffect[] {
    return [
      ...this.accepted(number, kind),
      ...this.linked(number),
      ...this.measured(number, { rttMs: 40 }),
      ...this.hears(number, state),
    ];
  }

  /** Gives it a place below a parent. */
  attach(number: number, state: LinkState = word(number), kind: PeerKind = 'browser'): this {
    this.tell({ type: 'start' });
    this.tell({ type: 'named', parents: [candidate(number)] });
    this.up(number, state, kind);
    this.flowing(number);
    return this;
  }

  /** Lets it find standbys at its next upkeep. */
  standBy(...numbers: number[]): this {
    return this.standByAs(numbers.map((number) => [number, word(number)]));
  }

  standByAs(standbys: readonly (readonly [number, LinkState])[]): this {
    this.advance(1_600);
    this.found(standbys.map(([number]) => offered(number)));
    for (const [number] of standbys) this.probed(number);
    for (const [number, state] of standbys) this.up(number, state);
    return this;
  }

  /** Takes a child in, as its join and then its state have it. */
  child(number: number, changes: Partial<TreeJoin> = {}, state: Partial<LinkState> = {}): this {
    this.asked(number, changes);
    this.linked(number);
    const { slots, ageS } = join(changes);
    this.hears(number, word(number, { slots, ageS, ...state }));
    return this;
  }

  #parents(role: 'active' | 'standby'): number[] {
    return this.view.parents.filter((each) => each.role === role).map(({ peerId }) => numberOf(peerId));
  }
}

/** An uplink that carries so many children at 2.5 Mbit/s each. Half a slot more, so that no rounding takes one. */
export function uplinkFor(slots: number): number {
  const { packetOverhead, uplinkShare } = TREE_DEFAULTS;
  return ((slots + 1 / 2) * 2_500_000 * packetOverhead) / uplinkShare;
}

/** A streamer whose owner allows more children than its uplink has slots for. */
export function roomyStreamer(slots: number, setup: LoneSetup = {}): LonePeer {
  const peer = loneStreamer(10 * slots, setup);
  peer.tell({ type: 'uplink', bps: uplinkFor(slots) });
  return peer;
}

/** The streamer by itself, with room for so many children, and not for one more. */
export function loneStreamer(slots: number, setup: LoneSetup = {}): LonePeer {
  const peer = new LonePeer({ self: id(0), maxChildren: slots, isViewer: false, ...setup });
  peer.tell({ type: 'uplink', bps: 1e12 });
  peer.tell({ type: 'broadcast', epoch: EPOCH });
  return peer;
}
