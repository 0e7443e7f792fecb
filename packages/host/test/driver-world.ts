/** Peers with a real driver each, on real links in memory; what asks others goes straight to them. */

import type {
  ChannelId,
  Offer,
  OfferedCandidate,
  ParentCandidate,
  PeerId,
  Picture,
  TreeJoin,
  TreePeerOptions,
} from '@casto/core';
import { freshId } from '../src/conformance/loopback-peers.ts';
import { MemoryLinks, type MemoryEnd } from '../src/conformance/memory-links.ts';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import {
  parseSessionDescription,
  PeerLink,
  refusalCounter,
  surveyPlace,
  TreeDriver,
  TreeSurvey,
  type LinkEvent,
  type TreePorts,
} from '../src/index.ts';

export const WANTED = { audio: true, video: 'vp8' as const };
const UPLINK_BPS = 100_000_000;

export class Peer implements TreePorts {
  readonly driver: TreeDriver;
  readonly calls: string[] = [];
  readonly ends = new Map<PeerId, MemoryEnd>();
  candidates: OfferedCandidate[] = [];
  offer: Offer | null = null;
  readonly served = new Map<PeerId, boolean>();
  played: PeerId | null = null;
  changes = 0;
  readonly survey: TreeSurvey;
  /** What it was shown, once it looks. */
  readonly pictures: Picture[] = [];
  readonly #world: World;
  readonly id: PeerId;

  constructor(world: World, id: PeerId, options: Partial<TreePeerOptions> = {}) {
    this.#world = world;
    this.id = id;
    const { clock, channel } = world;
    this.driver = new TreeDriver({
      clock,
      ports: this,
      tree: {
        self: id,
        channel,
        kind: 'browser',
        addresses: [],
        seed: 1,
        maxChildren: 4,
        isViewer: id !== channel,
        layers: 1,
        ...options,
      },
    });
    this.driver.tell({ type: 'uplink', bps: UPLINK_BPS });
    this.survey = new TreeSurvey({
      self: id,
      clock,
      refused: world.refused,
      link: (peerId) => this.driver.link(peerId),
      place: () => {
        const parent = this.played === null ? null : this.driver.link(this.played);
        const viewers = id === channel ? 0 : 1;
        return surveyPlace(this.driver, { kind: 'browser', parent, bitrateBps: 2e6, viewers });
      },
    });
  }

  watch(): void {
    this.survey.watch((picture) => void this.pictures.push(picture));
  }

  seek(layers: number): void {
    this.calls.push(`seek ${layers}`);
    this.driver.tell({ type: 'found', candidates: this.candidates, isLast: true });
  }

  probe({ peerId }: ParentCandidate): void {
    this.calls.push('probe');
    const standing = this.#world.peers.get(peerId)?.driver.standing() ?? null;
    this.driver.tell({ type: 'probed', peerId, rttMs: 20, standing });
  }

  join(candidate: ParentCandidate, join: TreeJoin): void {
    this.calls.push('join');
    void this.#world.join(this, candidate.peerId, join);
  }

  abandon(): void {
    this.calls.push('abandon');
  }

  want(_: PeerId, isWanted: boolean): void {
    this.calls.push(isWanted ? 'want' : 'unwant');
  }

  play(peerId: PeerId | null): void {
    this.calls.push(peerId === null ? 'play nobody' : 'play');
    this.played = peerId;
  }

  serve(peerId: PeerId, isActive: boolean): void {
    this.served.set(peerId, isActive);
  }

  fetch(): void {}

  report(offer: Offer | null): void {
    this.offer = offer;
  }

  changed(): void {
    this.changes++;
  }
}

export class World {
  readonly clock = new VirtualClock();
  readonly links = new MemoryLinks({ clock: this.clock, latencyMs: 10 });
  readonly peers = new Map<PeerId, Peer>();
  readonly channel: ChannelId;
  readonly refused = refusalCounter();

  private constructor(channel: ChannelId) {
    this.channel = channel;
  }

  static async create(): Promise<{ world: World; root: Peer }> {
    const world = new World(await freshId());
    const root = world.add(world.channel);
    root.driver.tell({ type: 'broadcast', epoch: 7 });
    return { world, root };
  }

  add(id: PeerId, options: Partial<TreePeerOptions> = {}): Peer {
    const peer = new Peer(this, id, options);
    this.peers.set(id, peer);
    return peer;
  }

  /** As the handshake would do it, in no time. */
  async join(child: Peer, parentId: PeerId, join: TreeJoin): Promise<void> {
    const parent = this.peers.get(parentId);
    const decision = parent?.driver.decide(child.id, [], join) ?? { type: 'failed' as const };
    if (decision.type !== 'accept' || !parent) {
      const answer =
        decision.type === 'refuse'
          ? { ...decision, type: 'refused' as const }
          : decision.type === 'redirect'
            ? { ...decision, type: 'redirected' as const }
            : { type: 'failed' as const };
      return child.driver.tell({ type: 'answered', peerId: parentId, answer });
    }
    const childEnd = this.links.child(WANTED);
    const parentEnd = this.links.parent(parseSessionDescription('offer', await childEnd.offer()));
    this.#attach(parent, child.id, parentEnd, 'parent');
    await childEnd.accept(await parentEnd.answer());
    child.driver.tell({ type: 'answered', peerId: parentId, answer: { type: 'accepted', kind: 'browser' } });
    this.#attach(child, parentId, childEnd, 'child');
  }

  #attach(peer: Peer, other: PeerId, end: MemoryEnd, role: 'parent' | 'child'): void {
    const { clock, refused } = this;
    const link: PeerLink = new PeerLink({
      role,
      peerId: other,
      kind: 'browser',
      end,
      clock,
      refused,
      onEvent: (event: LinkEvent) => {
        peer.driver.take(link, event);
        peer.survey.take(link, event);
      },
    });
    peer.ends.set(other, end);
    peer.driver.attach(link);
  }

  /** Time in which every child that is served gets its picture. */
  async play(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 20) {
      await this.clock.pass(20, 20);
      for (const peer of this.peers.values()) {
        for (const { peerId, role } of peer.driver.view().parents) {
          if (role === 'connecting') peer.driver.tell({ type: 'flowing', peerId });
        }
      }
    }
  }
}

export function offerOf({ driver }: Peer, id: PeerId): OfferedCandidate {
  const standing = driver.standing();
  if (!standing) throw new Error('it stands nowhere');
  const { kind, depth, delayMs, freeSlots, ageS, layers } = standing;
  return { peerId: id, addresses: [], offer: { kind, depth, delayMs, freeSlots, ageS, layers } };
}

/** A streamer, a viewer below it, and another one that has both as parents. */
export async function threePeers() {
  const { world, root } = await World.create();
  const [one, two] = [world.add(await freshId()), world.add(await freshId())];
  one.candidates = [offerOf(root, world.channel)];
  one.driver.tell({ type: 'start' });
  await world.play(2_000);
  two.candidates = [offerOf(root, world.channel), offerOf(one, one.id)];
  two.driver.tell({ type: 'start' });
  await world.play(4_000);
  return { world, root, one, two };
}
