/**
 * Runs the tree's core for one peer and one channel: one real timer, and the links to its neighbours.
 *
 *   inputs ──▶ core ──▶ effects ──▶ links (here) and ports (the owner)
 *
 * The owner makes links and media; the driver decides with the core which ones, and talks over them.
 */

import {
  createTreePeer,
  unreachable,
  type Farewell,
  type Offer,
  type ParentCandidate,
  type PeerId,
  type Refusal,
  type Standing,
  type TreeEffect,
  type TreeInput,
  type TreeJoin,
  type TreeMessage,
  type TreePeer,
  type TreePeerOptions,
  type TreeView,
} from '@casto/core';
import type { Clock } from './clock.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { LinkEvent, PeerLink } from './peer-link.ts';

/**
 * What the owner does for the core. A port may call the driver at once: the core takes the input then, and its
 * effects wait until those before them are run. Ports must not throw.
 */
export interface TreePorts {
  /** Ask the directories; each answer is an input `found`, the last one with `isLast`. */
  seek(layers: number): void;
  /** Ask a peer where it stands; the answer is an input `probed`. No answer is none. */
  probe(candidate: ParentCandidate): void;
  /**
   * Ask a peer for a place; the answer is an input `answered`. A link that comes of it is given to
   * {@link TreeDriver.attach} right after the answer.
   */
  join(candidate: ParentCandidate, join: TreeJoin): void;
  /** Give up an attempt that has no link yet. */
  abandon(peerId: PeerId, reason: Farewell): void;
  /**
   * Media of this parent are wanted from now on, or no more. Its next first picture is an input `flowing`. Called for
   * links that are attached.
   */
  want(peerId: PeerId, isWanted: boolean): void;
  /** Show, and pass on, the media of this parent alone; `null`: none is left, what still comes may be used. */
  play(peerId: PeerId | null): void;
  /** Send this child media, or stop it. */
  serve(peerId: PeerId, isActive: boolean): void;
  /** Take in these layers as well. */
  fetch(layers: number): void;
  /** Tell the directories what this peer offers. */
  report(offer: Offer | null): void;
  /** Something happened: `view()` may be another. */
  changed(): void;
}

export interface TreeDriverOptions {
  readonly tree: TreePeerOptions;
  readonly clock: Clock;
  readonly ports: TreePorts;
}

/** What a peer says to somebody who asks it for a place. */
export type PlaceDecision =
  | { readonly type: 'accept'; readonly standby: boolean; readonly layers: number }
  | { readonly type: 'refuse'; readonly reason: Refusal; readonly retryAfterMs: number }
  | { readonly type: 'redirect'; readonly parents: ParentCandidate[] };

/** How a link that is yet to be attached was asked for. */
interface Expected {
  readonly isParent: boolean;
  readonly isStandby: boolean;
}

export class TreeDriver {
  readonly #core: TreePeer;
  readonly #clock: Clock;
  readonly #ports: TreePorts;
  readonly #links = new Map<PeerId, PeerLink>();
  /** Parents among the links. */
  readonly #parents = new Set<PeerId>();
  readonly #expected = new Map<PeerId, Expected>();
  readonly #farewells = new WeakMap<PeerLink, Farewell>();
  /** Effects that are not run yet. */
  readonly #effects: TreeEffect[] = [];
  #isRunning = false;
  readonly #timer: DeadlineTimer;
  #isStopped = false;

  constructor({ tree, clock, ports }: TreeDriverOptions) {
    this.#core = createTreePeer(tree);
    this.#clock = clock;
    this.#timer = new DeadlineTimer(clock, () => this.tell({ type: 'timeout' }));
    this.#ports = ports;
  }

  /** Gives the core an input, and runs the effects unless that is being done already. */
  tell(input: TreeInput): void {
    if (this.#isStopped) return;
    if (input.type === 'answered' && input.answer.type !== 'accepted') this.#expected.delete(input.peerId);
    if (input.type === 'unlinked') this.#expected.delete(input.peerId);
    this.#effects.push(...this.#step(input));
    this.#run();
  }

  /**
   * Judges somebody who asks for a place. After `accept` the owner attaches the link, or tells `unlinked` when none
   * comes about.
   *
   * @param options.isFull - There is no place, whatever the slots say: the joiner is only sent on.
   */
  decide(
    peerId: PeerId,
    addresses: readonly string[],
    join: TreeJoin,
    options: { isFull?: boolean } = {},
  ): PlaceDecision {
    if (this.#isStopped) return { type: 'refuse', reason: 'draining', retryAfterMs: STOPPED_RETRY_MS };
    let decision: PlaceDecision | null = null;
    for (const effect of this.#step({ type: 'asked', peerId, addresses, join, ...options })) {
      const verdict = decisionIn(effect);
      if (verdict === null) this.#effects.push(effect);
      else decision = verdict;
    }
    if (decision === null) throw new Error('the core did not judge');
    // First, because it may end another link to the same peer.
    this.#run();
    if (decision.type === 'accept') {
      this.#expected.set(peerId, { isParent: false, isStandby: decision.standby });
    }
    return decision;
  }

  /**
   * Takes over a link that the core knows of: to a parent that accepted, or to a child that was accepted. One that
   * there was to the same peer is left: its end was not noticed yet.
   */
  attach(link: PeerLink): void {
    const { peerId } = link;
    const expected = this.#expected.get(peerId);
    this.#expected.delete(peerId);
    if (this.#isStopped || link.isClosed || expected === undefined) {
      if (expected) this.tell({ type: 'unlinked', peerId, farewell: null });
      void link.leave('moved');
      return;
    }
    const before = this.#links.get(peerId);
    this.#links.set(peerId, link);
    if (before && before !== link) void before.leave('moved');
    if (expected.isParent) this.#parents.add(peerId);
    else this.#parents.delete(peerId);
    link.setStandby(expected.isStandby);
    if (expected.isParent) this.#ports.want(peerId, !expected.isStandby);
    if (!link.isOpen) return;
    this.tell({ type: 'linked', peerId });
    this.#catchUp(link);
  }

  /** What the other end said before the link was given here is not said again for seconds. */
  #catchUp(link: PeerLink): void {
    const { peerId, remoteState: state, rttMs, clockOffsetMs: offsetMs } = link;
    if (state !== null) this.tell({ type: 'state', peerId, state });
    if (rttMs !== null && offsetMs !== null) this.tell({ type: 'measured', peerId, rttMs, offsetMs });
  }

  /**
   * Forgets a link without ending it: it is the owner's alone from here on. To the core it is gone.
   *
   * @returns The link, `null` when there is none.
   */
  release(peerId: PeerId): PeerLink | null {
    const link = this.#links.get(peerId) ?? null;
    this.#forget(peerId);
    this.tell({ type: 'unlinked', peerId, farewell: null });
    return link;
  }

  /** Hands on what a link says. What concerns media and signals is the owner's, and changes nothing here. */
  take(link: PeerLink, event: LinkEvent): void {
    const { peerId } = link;
    if (event.type === 'farewell') this.#farewells.set(link, event.reason);
    if (this.#links.get(peerId) !== link) return;
    const input = inputOf(peerId, event);
    if (event.type === 'closed') {
      this.#forget(peerId);
      this.tell({ type: 'unlinked', peerId, farewell: this.#farewells.get(link) ?? null });
    } else if (input !== null) this.tell(input);
  }

  /** The link to a neighbour, `null` while there is none. */
  link(peerId: PeerId): PeerLink | null {
    return this.#links.get(peerId) ?? null;
  }

  /** All links, to parents and children. */
  get links(): Iterable<PeerLink> {
    return this.#links.values();
  }

  /** Whether the link to this neighbour leads to a parent. */
  isParent(peerId: PeerId): boolean {
    return this.#parents.has(peerId);
  }

  /** What to answer a probe with; `null` while this peer has no place. */
  standing(): Standing | null {
    return this.#isStopped ? null : this.#core.standing(this.#clock.now());
  }

  view(): TreeView {
    return this.#core.view(this.#clock.now());
  }

  /** Says goodbye on all links and takes no input any more. Idempotent. */
  async stop(reason: Farewell): Promise<void> {
    const links = [...this.#links.values()];
    this.tell({ type: 'leave', reason });
    this.#isStopped = true;
    this.#expected.clear();
    this.#timer.cancel();
    await Promise.all(links.map((link) => link.leave(reason)));
  }

  #step(input: TreeInput): readonly TreeEffect[] {
    const effects = this.#core.step(this.#clock.now(), input);
    this.#timer.arm(this.#core.deadline());
    return effects;
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
        this.#apply(effect);
      }
    } finally {
      this.#isRunning = false;
    }
    this.#ports.changed();
  }

  #apply(effect: TreeEffect): void {
    const ports = this.#ports;
    switch (effect.type) {
      case 'seek':
        return ports.seek(effect.layers);
      case 'probe':
        return ports.probe(effect.candidate);
      case 'join':
        this.#expected.set(effect.candidate.peerId, { isParent: true, isStandby: effect.join.standby });
        return ports.join(effect.candidate, effect.join);
      case 'play':
        return ports.play(effect.peerId);
      case 'serve':
        return this.#serve(effect.peerId, effect.isActive);
      case 'fetch':
        return ports.fetch(effect.layers);
      case 'close':
        return this.#close(effect.peerId, effect.reason);
      case 'send':
        return this.#send(effect.peerId, effect.message);
      case 'advertise':
        return this.#links.get(effect.peerId)?.advertise(effect.state);
      case 'report':
        return ports.report(effect.offer);
      case 'accept':
      case 'refuse':
      case 'redirect':
        // Taken out by `decide`, where they are asked for.
        return;
      default:
        return unreachable(effect);
    }
  }

  #serve(peerId: PeerId, isActive: boolean): void {
    const link = this.#links.get(peerId);
    if (!link) return;
    link.setStandby(!isActive);
    this.#ports.serve(peerId, isActive);
  }

  #send(peerId: PeerId, message: TreeMessage): void {
    const link = this.#links.get(peerId);
    if (!link) return;
    link.send(message);
    if (message.type !== 'activate' && message.type !== 'pause') return;
    link.setStandby(message.type === 'pause');
    this.#ports.want(peerId, message.type === 'activate');
  }

  #close(peerId: PeerId, reason: Farewell): void {
    const link = this.#links.get(peerId);
    this.#forget(peerId);
    if (link) void link.leave(reason);
    else this.#ports.abandon(peerId, reason);
  }

  #forget(peerId: PeerId): void {
    this.#links.delete(peerId);
    this.#parents.delete(peerId);
    this.#expected.delete(peerId);
  }
}

/** Whoever asks a peer that has left asks others first. */
const STOPPED_RETRY_MS = 5_000;

function decisionIn(effect: TreeEffect): PlaceDecision | null {
  switch (effect.type) {
    case 'accept':
      return { type: 'accept', standby: effect.standby, layers: effect.layers };
    case 'refuse':
      return { type: 'refuse', reason: effect.reason, retryAfterMs: effect.retryAfterMs };
    case 'redirect':
      return { type: 'redirect', parents: [...effect.parents] };
    default:
      return null;
  }
}

function inputOf(peerId: PeerId, event: LinkEvent): TreeInput | null {
  switch (event.type) {
    case 'opened':
      return { type: 'linked', peerId };
    case 'state':
      return { type: 'state', peerId, state: event.state };
    case 'message':
      return { type: 'message', peerId, message: event.message };
    case 'clock':
      return { type: 'measured', peerId, rttMs: event.rttMs, offsetMs: event.offsetMs };
    case 'silent':
      return { type: 'silent', peerId };
    case 'revived':
      return { type: 'revived', peerId };
    default:
      return null;
  }
}
