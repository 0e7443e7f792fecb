/**
 * Peers of a tree that show it to each other, in virtual time, without anything else of a peer. Messages pass as bytes,
 * in order, and the world counts them.
 */

import { controlCodec } from '../src/control-messages.ts';
import { MAX_DEPTH } from '../src/config.ts';
import type { Instant } from '../src/link-control.ts';
import { shortId } from '../src/peer-id.ts';
import { createSurvey, type Survey } from '../src/survey/survey.ts';
import type { SurveyEffect, SurveyInput, SurveyPlace } from '../src/survey/survey-io.ts';
import type { Picture, SurveyMessage } from '../src/survey/survey-messages.ts';
import { id, numberOf, START } from './lone-peer.ts';
import { seededRandom } from './seeded-random.ts';

export interface Sent {
  readonly at: Instant;
  readonly from: number;
  readonly to: number;
  readonly message: SurveyMessage;
  readonly bytes: number;
}

/** Who is whose child, the root without a parent. */
export type Edges = ReadonlyMap<number, number | null>;

interface WorldPeer {
  readonly survey: Survey;
  parent: number | null;
  readonly children: Set<number>;
  readonly pictures: { readonly at: Instant; readonly picture: Picture }[];
}

export class SurveyWorld {
  now: Instant = START;
  readonly sent: Sent[] = [];
  readonly refused: { readonly by: number; readonly message: string }[] = [];
  /** Peers that say nothing and know nothing of surveys. */
  readonly mute = new Set<number>();
  readonly #latencyMs: number;
  readonly #peers = new Map<number, WorldPeer>();
  /** As long as nobody moves. */
  readonly #viewers = new Map<number, number>();
  readonly #tasks = new Map<Instant, (() => void)[]>();

  /** @param parents - Of peers 1, 2 and so on; 0 is the root. */
  constructor(parents: readonly number[], latencyMs = 20) {
    this.#latencyMs = latencyMs;
    this.add(0, null);
    parents.forEach((parent, i) => this.add(i + 1, parent));
  }

  add(number: number, parent: number | null): void {
    const survey = createSurvey(id(number));
    this.#peers.set(number, { survey, parent: null, children: new Set(), pictures: [] });
    if (parent !== null) this.move(number, parent);
  }

  get size(): number {
    return this.#peers.size;
  }

  watch(number: number, isWatching = true): void {
    this.step(number, { type: 'watch', isWatching });
  }

  /** Another parent, or none. The link to the one of before is gone. */
  move(number: number, parent: number | null): void {
    this.#viewers.clear();
    const peer = this.#of(number);
    const before = peer.parent;
    peer.parent = parent;
    if (parent !== null) this.#of(parent).children.add(number);
    if (before === null || before === parent) return;
    this.#peers.get(before)?.children.delete(number);
    this.step(number, { type: 'gone', peerId: id(before) });
    this.step(before, { type: 'gone', peerId: id(number) });
  }

  kill(number: number): void {
    const { parent, children } = this.#of(number);
    for (const child of children) this.move(child, null);
    if (parent !== null) this.move(number, null);
    this.#peers.delete(number);
  }

  step(number: number, input: SurveyInput): void {
    const peer = this.#peers.get(number);
    if (peer === undefined) return;
    for (const effect of peer.survey.step(this.now, input)) this.#apply(number, effect);
    const deadline = peer.survey.deadline();
    if (deadline === null) return;
    this.#at(Math.max(deadline, this.now), () => {
      if (this.#peers.get(number) !== peer || peer.survey.deadline() !== deadline) return;
      this.step(number, { type: 'timeout', place: this.place(number) });
    });
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (; ; this.now++) {
      const tasks = this.#tasks.get(this.now);
      // Tasks may add others for the same instant.
      for (const task of tasks ?? []) task();
      this.#tasks.delete(this.now);
      if (this.now >= end) return;
    }
  }

  /** Lets time pass until it is so. @returns How long that took. */
  until(isDone: () => boolean, withinMs: number): number {
    const from = this.now;
    while (!isDone() && this.now - from < withinMs) this.advance(100);
    return this.now - from;
  }

  place(number: number): SurveyPlace {
    const { parent, children } = this.#of(number);
    return {
      kind: 'browser',
      isRoot: number === 0,
      depth: this.depthOf(number),
      parent: parent === null ? null : id(parent),
      rttMs: parent === null ? null : 2 * this.#latencyMs,
      bitrateBps: number === 0 ? null : 1_000_000 + 1_000 * number,
      viewers: this.viewersOf(number),
      children: [...children].map((child) => ({
        peerId: id(child),
        kind: 'browser',
        rttMs: 2 * this.#latencyMs,
        viewers: this.viewersOf(child),
      })),
    };
  }

  depthOf(number: number): number {
    const { parent } = this.#of(number);
    return parent === null ? 0 : this.depthOf(parent) + 1;
  }

  viewersOf(number: number): number {
    const known = this.#viewers.get(number);
    if (known !== undefined) return known;
    let viewers = number === 0 ? 0 : 1;
    for (const child of this.#of(number).children) viewers += this.viewersOf(child);
    this.#viewers.set(number, viewers);
    return viewers;
  }

  /** All pictures that a peer was shown. */
  picturesOf(number: number): readonly { readonly at: Instant; readonly picture: Picture }[] {
    return this.#of(number).pictures;
  }

  lastPicture(number: number): Picture | null {
    return this.#of(number).pictures.at(-1)?.picture ?? null;
  }

  /** Who was last shown below whom. */
  shownTo(number: number): Edges {
    return edgesOf(this.lastPicture(number));
  }

  /** As it is. */
  get edges(): Edges {
    return new Map([...this.#peers].map(([number, { parent }]) => [number, parent]));
  }

  deadlineOf(number: number): Instant | null {
    return this.#of(number).survey.deadline();
  }

  get numbers(): number[] {
    return [...this.#peers.keys()];
  }

  #of(number: number): WorldPeer {
    const peer = this.#peers.get(number);
    if (peer === undefined) throw new Error(`no peer ${number}`);
    return peer;
  }

  #apply(number: number, effect: SurveyEffect): void {
    const { now } = this;
    switch (effect.type) {
      case 'picture':
        this.#of(number).pictures.push({ at: now, picture: effect.picture });
        return;
      case 'refused':
        this.refused.push({ by: number, message: effect.message });
        return;
      case 'send':
        return this.#send(number, numberOf(effect.to), effect.message);
    }
  }

  #send(from: number, to: number, message: SurveyMessage): void {
    if (this.mute.has(from)) return;
    const bytes = controlCodec.encode(message);
    this.sent.push({ at: this.now, from, to, message, bytes: bytes.length });
    this.#at(this.now + this.#latencyMs, () => {
      const [sender, receiver] = [this.#peers.get(from), this.#peers.get(to)];
      const read = controlCodec.decode(bytes);
      if (read?.type !== 'survey' && read?.type !== 'branch' && read?.type !== 'picture') {
        throw new Error('not what was sent');
      }
      if (sender === undefined || receiver === undefined || this.mute.has(to)) return;
      const role = receiver.parent === from ? 'parent' : 'child';
      if (role === 'child' && sender.parent !== to) return;
      this.step(to, { type: 'received', from: id(from), role, message: read });
    });
  }

  #at(at: Instant, task: () => void): void {
    const tasks = this.#tasks.get(at);
    if (tasks) tasks.push(task);
    else this.#tasks.set(at, [task]);
  }
}

export function edgesOf(picture: Picture | null): Edges {
  const numberIn = (short: number): number => {
    const found = numbersOfShortIds().get(short);
    if (found === undefined) throw new Error('an id that nobody has');
    return found;
  };
  return new Map(
    (picture?.peers ?? []).map(({ id: short, parent }) => {
      const above = parent === null ? null : numberIn(picture?.peers[parent]?.id ?? -1);
      return [numberIn(short), above];
    }),
  );
}

/** More than any test has. */
const KNOWN_PEERS = 1_500;
const numbers = new Map<number, number>();

function numbersOfShortIds(): ReadonlyMap<number, number> {
  for (let number = numbers.size; number < KNOWN_PEERS; number++) numbers.set(shortId(id(number)), number);
  return numbers;
}

/** Parents of peers 1 to `count`, none of them deeper than the tree may be. */
export function randomParents(count: number, seed: number, width = count): number[] {
  const random = seededRandom(seed);
  const depths = [0];
  return Array.from({ length: count }, (_, i) => {
    let parent = Math.max(0, i - Math.floor(random() * Math.min(width, i + 1)));
    while ((depths[parent] ?? 0) >= MAX_DEPTH) parent = Math.floor(random() * (i + 1));
    depths.push((depths[parent] ?? 0) + 1);
    return parent;
  });
}
