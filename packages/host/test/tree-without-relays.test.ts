/** A tree whose peers were introduced to each other by somebody who is gone. */

import { describe, expect, test } from 'vitest';
import type { OfferedCandidate, ParentCandidate, PeerId, Standing, TreeJoin } from '@casto/core';
import type { MemoryParentEnd } from '../src/conformance/memory-links.ts';
import {
  joinAnswerOf,
  joinFieldsOf,
  TreeDriver,
  treeJoinOf,
  type JoinDecision,
  type JoinRequest,
  type TreePorts,
} from '../src/index.ts';
import { NeighbourWorld, WANTED, type TestNeighbour } from './neighbour-world.ts';

/** For three children; the owner allows as many again until somebody has found another place (C4.1). */
const UPLINK_BPS = 20_000_000;
const MAX_CHILDREN = 6;
const STEP_MS = 25;

/** What a relay would know: everybody. */
class Introducer {
  readonly members = new Map<PeerId, Member>();
  isGone = false;

  candidates(): OfferedCandidate[] {
    return [...this.members.values()].flatMap(({ peer, driver }) => {
      const standing = this.isGone ? null : driver.standing();
      if (standing === null) return [];
      const { kind, depth, delayMs, freeSlots, ageS, layers } = standing;
      return [{ peerId: peer.id, addresses: [], offer: { kind, depth, delayMs, freeSlots, ageS, layers } }];
    });
  }

  standing(peerId: PeerId): Standing | null {
    return this.isGone ? null : (this.members.get(peerId)?.driver.standing() ?? null);
  }
}

/** A peer with the tree's core, which asks its neighbours as a page would. */
class Member implements TreePorts {
  readonly peer: TestNeighbour;
  readonly driver: TreeDriver;
  played: PeerId | null = null;
  readonly #world: NeighbourWorld;
  readonly #introducer: Introducer;
  readonly #attempts = new Map<PeerId, AbortController>();

  constructor(
    world: NeighbourWorld,
    peer: TestNeighbour,
    options: { channel: PeerId; introducer: Introducer },
  ) {
    const { channel, introducer } = options;
    this.peer = peer;
    this.#world = world;
    this.#introducer = introducer;
    introducer.members.set(peer.id, this);
    peer.judge = async (join, from) => this.#judge(join, from);
    this.driver = new TreeDriver({
      clock: world.clock,
      ports: this,
      tree: {
        self: peer.id,
        channel,
        kind: 'browser',
        addresses: [],
        seed: introducer.members.size,
        maxChildren: MAX_CHILDREN,
        isViewer: peer.id !== channel,
        layers: 1,
      },
    });
    this.driver.tell({ type: 'uplink', bps: UPLINK_BPS });
  }

  seek(layers: number): void {
    this.driver.tell({ type: 'found', candidates: this.#introducer.candidates() });
    void this.peer.neighbours
      .seek(layers)
      .then((candidates) => this.driver.tell({ type: 'found', candidates, isLast: true }));
  }

  probe({ peerId }: ParentCandidate): void {
    const known = this.#introducer.standing(peerId);
    if (known !== null) return this.driver.tell({ type: 'probed', peerId, rttMs: 20, standing: known });
    void this.peer.neighbours.probe(peerId).then((probed) => {
      const { rttMs, standing } = probed ?? { rttMs: 0, standing: null };
      this.driver.tell({ type: 'probed', peerId, rttMs, standing });
    });
  }

  join({ peerId }: ParentCandidate, join: TreeJoin): void {
    const attempt = new AbortController();
    this.#attempts.set(peerId, attempt);
    void this.#join(peerId, join, attempt.signal);
  }

  abandon(peerId: PeerId): void {
    this.#attempts.get(peerId)?.abort(new Error('given up'));
  }

  want(): void {}

  play(peerId: PeerId | null): void {
    this.played = peerId;
  }

  serve(): void {}

  fetch(): void {}

  report(): void {}

  changed(): void {}

  /** Over the introducer's own links while it is there: here that is straight to the peer. */
  async #join(peerId: PeerId, join: TreeJoin, signal: AbortSignal): Promise<void> {
    const end = this.#world.ends.child(WANTED);
    const request = { ...this.peer.join(), ...joinFieldsOf(join) };
    try {
      const introduced = this.#introducer.isGone ? null : this.#introducer.members.get(peerId);
      if (introduced) {
        const decision = introduced.#judge({ ...request, offer: await end.offer() }, this.peer.id);
        if (decision.type !== 'accept') throw new Error('not accepted');
        await end.accept(await decision.end.answer());
      } else {
        const outcome = await this.peer.neighbours.requestLink(peerId, end, request, { signal });
        if (outcome.type !== 'accepted') {
          return this.driver.tell({ type: 'answered', peerId, answer: joinAnswerOf(outcome) });
        }
      }
      this.driver.tell({ type: 'answered', peerId, answer: { type: 'accepted', kind: 'browser' } });
      this.driver.attach(this.peer.adopt({ id: peerId }, end, 'child'));
    } catch {
      end.close();
      if (!signal.aborted) this.driver.tell({ type: 'answered', peerId, answer: { type: 'failed' } });
    }
  }

  #ownEnd(): MemoryParentEnd {
    const end = this.peer.parentEnds.at(-1);
    if (end === undefined) throw new Error('nobody was accepted');
    return end;
  }

  #judge(join: JoinRequest, from: PeerId): JoinDecision {
    const decision = this.driver.decide(from, [], treeJoinOf(join));
    if (decision.type !== 'accept') return decision;
    const accepted = this.peer.accept(join);
    if (accepted.type === 'accept') {
      this.driver.attach(this.peer.adopt({ id: from }, this.#ownEnd(), 'parent'));
    }
    return accepted;
  }
}

class Tree {
  readonly world = new NeighbourWorld({ latencyMs: 10 });
  readonly introducer = new Introducer();
  readonly members: Member[] = [];
  readonly #dead = new Set<Member>();

  /** A streamer and as many viewers, all with standbys where there are enough. */
  static async create(viewers: number): Promise<Tree> {
    const tree = new Tree();
    const root = await tree.world.peer();
    tree.#add(root, root.id).driver.tell({ type: 'broadcast', epoch: 7 });
    for (let i = 0; i < viewers; i++) {
      tree.#add(await tree.world.peer(), root.id).driver.tell({ type: 'start' });
      await tree.play(1_000);
    }
    await tree.play(10_000);
    return tree;
  }

  /** Every parent that is wanted gives its picture. */
  async play(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await this.world.clock.pass(STEP_MS, STEP_MS);
      for (const member of this.living) {
        for (const { peerId, role } of member.driver.view().parents) {
          const above = this.members.find(({ peer }) => peer.id === peerId);
          if (role === 'connecting' && above?.driver.view().flowing === true) {
            member.driver.tell({ type: 'flowing', peerId });
          }
        }
      }
    }
  }

  get living(): Member[] {
    return this.members.filter((member) => !this.#dead.has(member));
  }

  /** The page is closed, or its network is gone: nobody hears a word. */
  kill(member: Member): void {
    this.#dead.add(member);
    for (const link of member.peer.links) if ('isCut' in link.end) link.end.isCut = true;
    member.peer.die();
  }

  get detached(): number {
    return this.living.filter(({ driver }) => !driver.view().flowing).length;
  }

  #add(peer: TestNeighbour, channel: PeerId): Member {
    const { world, introducer } = this;
    const member = new Member(world, peer, { channel, introducer });
    peer.intercept = (event, link) => {
      member.driver.take(link, event);
      return false;
    };
    this.members.push(member);
    return member;
  }
}

describe('a tree whose introducer is gone', () => {
  test(
    '[R2.2, K9.4] mends itself again and again, as long as anybody is there',
    { timeout: 60_000 },
    async () => {
      const tree = await Tree.create(8);
      expect(tree.detached).toBe(0);
      tree.introducer.isGone = true;
      const links = tree.members.map(({ driver }) => driver.view().parents.length);
      expect(Math.min(...links.slice(1))).toBeGreaterThan(0);

      for (let deaths = 0; deaths < 3; deaths++) {
        const [victim] = tree.living
          .slice(1)
          .toSorted((one, other) => other.driver.view().children.length - one.driver.view().children.length);
        if (victim === undefined) throw new Error('nobody is left');
        tree.kill(victim);
        await tree.play(30_000);
        expect([deaths, tree.detached]).toEqual([deaths, 0]);
      }
      // Standbys were found anew, with nobody to ask but the neighbours.
      const parents = tree.living.slice(1).map(({ driver }) => driver.view().parents.length);
      expect(Math.min(...parents)).toBeGreaterThanOrEqual(1);
      const joins = tree.living.reduce((sum, { peer }) => sum + peer.joins.length, 0);
      expect(joins).toBeGreaterThan(0);
    },
  );
});
