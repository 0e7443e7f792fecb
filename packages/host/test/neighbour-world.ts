/** Peers with keys and links in memory, and nothing else between them: no relay, no libp2p. */

import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { encodePath, PROTOCOL_VERSION, shortId, type LinkState, type PeerId } from '@casto/core';
import {
  MemoryLinks,
  type MemoryChildEnd,
  type MemoryEnd,
  type MemoryParentEnd,
  type MemoryPathOptions,
} from '../src/conformance/memory-links.ts';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import {
  Neighbours,
  parseSessionDescription,
  peerIdOf,
  PeerLink,
  refusalCounter,
  relayRtpCapabilities,
  type ForwardedSignal,
  type JoinJudge,
  type JoinOutcome,
  type JoinRequest,
  type LinkEvent,
} from '../src/index.ts';

export const WANTED = { audio: true, video: 'vp8' as const };

/** More than a link takes to open. */
const ROUND_TRIPS = 20;

export class NeighbourWorld {
  readonly clock = new VirtualClock();
  readonly ends: MemoryLinks;
  readonly peers: TestNeighbour[] = [];
  readonly #latencyMs: number;

  constructor(path: Omit<MemoryPathOptions, 'clock'> = {}) {
    this.ends = new MemoryLinks({ clock: this.clock, ...path });
    this.#latencyMs = path.latencyMs ?? 0;
  }

  async peer(): Promise<TestNeighbour> {
    const peer = new TestNeighbour(this, await generateKeyPair('Ed25519'));
    this.peers.push(peer);
    return peer;
  }

  /** As many peers as there are names. */
  async people<const Names extends readonly string[]>(
    ...names: Names
  ): Promise<{ [I in keyof Names]: TestNeighbour }> {
    return (await Promise.all(names.map(() => this.peer()))) as { [I in keyof Names]: TestNeighbour };
  }

  /** Opens a link as a handshake over a relay would have. */
  async link(parent: TestNeighbour, child: TestNeighbour): Promise<{ above: PeerLink; below: PeerLink }> {
    const childEnd = this.ends.child(WANTED);
    const parentEnd = this.ends.parent(parseSessionDescription('offer', await childEnd.offer()));
    childEnd.onCandidate = (candidate) => parentEnd.addCandidate(candidate);
    parentEnd.onCandidate = (candidate) => childEnd.addCandidate(candidate);
    await childEnd.accept(await parentEnd.answer());
    const above = parent.adopt(child, parentEnd, 'parent');
    const below = child.adopt(parent, childEnd, 'child');
    this.clock.advance(400 + ROUND_TRIPS * this.#latencyMs);
    return { above, below };
  }

  until(isDone: () => boolean, what: string): Promise<void> {
    return this.clock.until(isDone, what);
  }

  /** Lets time pass until something has come out. */
  async outcome<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = (): void => void (isSettled = true);
    promise.then(settle, settle);
    await this.until(() => isSettled, 'an outcome');
    return promise;
  }
}

/** One peer of the channel, with all of its links. */
export class TestNeighbour {
  readonly id: PeerId;
  readonly key: PrivateKey;
  readonly refused = refusalCounter();
  readonly links = new Set<PeerLink>();
  readonly neighbours: Neighbours;
  /** What it was asked for. */
  readonly joins: { join: JoinRequest; from: PeerId }[] = [];
  /** Its ends of the links that came of it. */
  readonly parentEnds: MemoryParentEnd[] = [];
  readonly events: LinkEvent[] = [];
  judge: JoinJudge = async (join) => this.accept(join);
  /** Hears every event before the neighbours do. @returns Whether they are to hear nothing of it. */
  intercept: (event: LinkEvent, link: PeerLink) => boolean = () => false;
  readonly #world: NeighbourWorld;

  constructor(world: NeighbourWorld, key: PrivateKey) {
    this.#world = world;
    this.key = key;
    this.id = peerIdOf(peerIdFromPrivateKey(key));
    this.neighbours = new Neighbours({
      self: this.id,
      privateKey: key,
      clock: world.clock,
      refused: this.refused,
      links: () => this.links,
      judge: (join, from, connection) => {
        this.joins.push({ join, from });
        return this.judge(join, from, connection);
      },
      random: () => 0,
    });
  }

  adopt(other: { id: PeerId }, end: MemoryEnd, role: 'parent' | 'child'): PeerLink {
    const link: PeerLink = new PeerLink({
      role,
      peerId: other.id,
      kind: 'browser',
      end,
      clock: this.#world.clock,
      refused: this.refused,
      onEvent: (event) => {
        this.events.push(event);
        if (event.type === 'closed') this.links.delete(link);
        if (!this.intercept(event, link)) this.neighbours.take(link, event);
      },
    });
    this.links.add(link);
    return link;
  }

  accept(join: JoinRequest): Awaited<ReturnType<JoinJudge>> {
    const end = this.#world.ends.parent(parseSessionDescription('offer', join.offer));
    this.parentEnds.push(end);
    const place = { depth: 1, path: new Uint8Array(8), record: new Uint8Array([1, 2, 3]) };
    return { type: 'accept', end, acceptance: { version: PROTOCOL_VERSION, kind: 'browser', ...place } };
  }

  /** Asks a peer for a link over the neighbours. */
  async ask(
    parent: { id: PeerId },
    {
      end = this.#world.ends.child(WANTED),
      signal = new AbortController().signal,
    }: { end?: MemoryChildEnd; signal?: AbortSignal } = {},
  ): Promise<{ end: MemoryChildEnd; outcome: JoinOutcome }> {
    const asking = this.neighbours.requestLink(parent.id, end, this.join(), { signal });
    return { end, outcome: await this.#world.outcome(asking) };
  }

  join(): Omit<JoinRequest, 'offer'> {
    return {
      version: PROTOCOL_VERSION,
      channel: this.id,
      kind: 'browser',
      layers: [0],
      audio: true,
      capabilities: relayRtpCapabilities(),
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
    };
  }

  linkTo(other: TestNeighbour): PeerLink {
    for (const link of this.links) if (link.peerId === other.id) return link;
    throw new Error('no link');
  }

  /** Tells all neighbours of a place below these peers. */
  stand(above: readonly TestNeighbour[], changes: Partial<LinkState> = {}): void {
    const path = encodePath([...above, this].map(({ id }) => shortId(id)));
    for (const link of this.links) {
      link.advertise({
        depth: above.length,
        path,
        freeSlots: 2,
        subtreeSlots: 0,
        viewers: 1,
        epoch: 7,
        clockOffsetMs: 0,
        flowing: true,
        delayMs: 40 * above.length,
        slots: 2,
        ageS: 60,
        layers: 0b001,
        received: null,
        ...changes,
      });
    }
  }

  /** Vanishes with all its links. */
  die(): void {
    this.neighbours.close();
    for (const link of this.links) link.close();
  }

  /** Signals that came, oldest first. */
  get signals(): ForwardedSignal[] {
    return this.events.flatMap((event) => (event.type === 'forward' ? [event.message] : []));
  }
}
