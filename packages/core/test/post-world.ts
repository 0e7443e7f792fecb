/**
 * Peers of one channel and their links, in virtual time, with the routers of the core and nothing else: what a host does
 * is done here with lists. Links keep the order of what is sent over them; checking a signature takes time.
 */

import type { Post } from '../src/control-messages.ts';
import type { Instant } from '../src/link-control.ts';
import type { PeerId } from '../src/peer-id.ts';
import { createPostRouter, postId, type PostDrop, type PostEffect, type PostRouter } from '../src/posts.ts';
import { peerIdNumbered } from './base58.ts';
import { seededRandom } from './seeded-random.ts';

export const START: Instant = 1_700_000_000_000;

export interface PostWorldOptions {
  readonly seed?: number;
  /** One way, drawn for each message. */
  readonly mostLatencyMs?: number;
  readonly checkMs?: number;
}

interface Link {
  readonly to: WorldPeer;
  readonly isPageBelow: boolean;
  isStandby: boolean;
  lastArrival: Instant;
}

export interface WorldPeer {
  readonly id: PeerId;
  readonly router: PostRouter;
  readonly links: Map<PeerId, Link>;
  readonly delivered: Post[];
  readonly dropped: PostDrop[];
  /** Signatures that it has checked. */
  checks: number;
}

export class PostWorld {
  now: Instant = START;
  readonly peers: WorldPeer[] = [];
  /** Messages that went over links. */
  sent = 0;
  readonly #options: Required<PostWorldOptions>;
  readonly #random: () => number;
  readonly #forged = new WeakSet<Post>();
  readonly #happenings: { at: Instant; order: number; run: () => void }[] = [];
  #order = 0;
  #signatures = 0;

  constructor(options: PostWorldOptions = {}) {
    this.#options = { seed: 1, mostLatencyMs: 40, checkMs: 1, ...options };
    this.#random = seededRandom(this.#options.seed);
  }

  /** The first one is the streamer. */
  peer(): WorldPeer {
    const id = peerIdNumbered(this.peers.length);
    const channel = this.peers[0]?.id ?? id;
    const router = createPostRouter({ self: id, channel });
    const peer: WorldPeer = { id, router, links: new Map(), delivered: [], dropped: [], checks: 0 };
    this.peers.push(peer);
    return peer;
  }

  /** @param options.isRelay - Whether the child is a headless relay. */
  link(parent: WorldPeer, child: WorldPeer, options: { isStandby?: boolean; isRelay?: boolean } = {}): void {
    const { isStandby = false, isRelay = false } = options;
    parent.links.set(child.id, { to: child, isPageBelow: !isRelay, isStandby, lastArrival: 0 });
    child.links.set(parent.id, { to: parent, isPageBelow: false, isStandby, lastArrival: 0 });
    if (!isStandby) this.#use(parent, child);
  }

  /** A standby is asked for media. */
  activate(parent: WorldPeer, child: WorldPeer): void {
    for (const link of [parent.links.get(child.id), child.links.get(parent.id)]) {
      if (link !== undefined) link.isStandby = false;
    }
    this.#use(parent, child);
  }

  cut(one: WorldPeer, other: WorldPeer): void {
    for (const [near, far] of [
      [one, other],
      [other, one],
    ] as const) {
      near.links.delete(far.id);
      this.#run(near, near.router.step(this.now, { type: 'unlinked', link: far.id }), null);
    }
  }

  /** @returns The post, `null` when its sender may not say any more. */
  say(peer: WorldPeer, bytes = 20): Post | null {
    if (!peer.router.admit(this.now, bytes)) return null;
    const post = this.post(peer, bytes);
    this.#run(peer, peer.router.step(this.now, { type: 'said', post }), null);
    return post;
  }

  /** A signed post that nobody has seen. */
  post(from: WorldPeer, bytes = 20, sentAt: number = this.now): Post {
    const signature = new Uint8Array(64);
    new DataView(signature.buffer).setUint32(0, ++this.#signatures);
    return { from: from.id, sentAt, data: new Uint8Array(bytes).fill(this.#signatures), signature };
  }

  /** The same with a signature that is not good. */
  forgery(of: WorldPeer, changes: Partial<Post> = {}): Post {
    const post = { ...this.post(of), ...changes };
    this.#forged.add(post);
    return post;
  }

  /** Hands a post to a peer, as if its neighbour had sent it. */
  inject(to: WorldPeer, over: WorldPeer, post: Post): void {
    const link = over.links.get(to.id);
    const isPageBelow = to.links.get(over.id)?.isPageBelow ?? false;
    if (link === undefined) return;
    const ageMs = this.now - post.sentAt;
    const input = { type: 'received', post, link: over.id, isPageBelow, ageMs } as const;
    this.#run(to, to.router.step(this.now, input), over.id);
  }

  schedule(afterMs: number, run: () => void): void {
    this.#happenings.push({ at: this.now + afterMs, order: this.#order++, run });
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.#happenings.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#happenings[0];
      if (next === undefined || next.at > end) break;
      this.#happenings.shift();
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
  }

  #use(parent: WorldPeer, child: WorldPeer): void {
    for (const [near, far] of [
      [parent, child],
      [child, parent],
    ] as const) {
      this.#run(near, near.router.step(this.now, { type: 'used', link: far.id }), far.id);
    }
  }

  #run(peer: WorldPeer, effects: readonly PostEffect[], about: PeerId | null): void {
    for (const effect of effects) {
      if (effect.type === 'deliver') peer.delivered.push(effect.post);
      if (effect.type === 'drop') peer.dropped.push(effect.reason);
      if (effect.type === 'check') this.#check(peer, effect.post);
      if (effect.type === 'repeat') this.#send(peer, peer.links.get(about ?? peer.id), effect.post);
      if (effect.type !== 'pass-on') continue;
      for (const [id, link] of peer.links) {
        if (id !== effect.except && !link.isStandby) this.#send(peer, link, effect.post);
      }
    }
  }

  #check(peer: WorldPeer, post: Post): void {
    peer.checks++;
    const isGenuine = !this.#forged.has(post);
    this.schedule(this.#options.checkMs, () =>
      this.#run(peer, peer.router.step(this.now, { type: 'checked', isGenuine }), null),
    );
  }

  #send(from: WorldPeer, link: Link | undefined, post: Post): void {
    if (link === undefined) return;
    this.sent++;
    const at = Math.max(this.now + this.#random() * this.#options.mostLatencyMs, link.lastArrival);
    link.lastArrival = at;
    this.schedule(at - this.now, () => this.inject(link.to, from, post));
  }
}

/** The names of posts, in the order in which a peer took them. */
export function namesOf(posts: readonly (Post | null)[]): string[] {
  return posts.map((post) => (post === null ? 'not said' : postId(post)));
}
