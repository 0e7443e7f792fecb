/**
 * A peer's part in pictures of the tree (PROTOCOL.md, K11), and its own look at them: the survey's core, driven by one
 * timer, over the links of a channel.
 */

import {
  controlCodec,
  createSurvey,
  type PeerId,
  type PeerKind,
  type Picture,
  type SurveyChild,
  type SurveyEffect,
  type SurveyInput,
  type SurveyMessage,
  type SurveyPlace,
} from '@casto/core';
import type { Clock } from './clock.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { LinkEvent, PeerLink } from './peer-link.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import type { TreeDriver } from './tree-driver.ts';

export interface TreeSurveyOptions {
  readonly self: PeerId;
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  /** The link to a neighbour, `null` while there is none. */
  readonly link: (peerId: PeerId) => PeerLink | null;
  /** Read at most every 250 ms, and while nobody looks at the tree not at all. */
  readonly place: () => SurveyPlace;
}

export class TreeSurvey {
  readonly #options: TreeSurveyOptions;
  readonly #core;
  #onPicture: ((picture: Picture) => void) | null = null;
  readonly #timer: DeadlineTimer;
  #isClosed = false;
  /** What was sent last. */
  #encoded: { readonly message: SurveyMessage; readonly bytes: Uint8Array } | null = null;

  constructor(options: TreeSurveyOptions) {
    this.#options = options;
    this.#core = createSurvey(options.self);
    this.#timer = new DeadlineTimer(options.clock, () =>
      this.#step({ type: 'timeout', place: options.place() }),
    );
  }

  /**
   * Looks at the tree, or no more.
   *
   * @param onPicture - Called about once a second; must not throw. `null`: nobody looks.
   */
  watch(onPicture: ((picture: Picture) => void) | null): void {
    this.#onPicture = onPicture;
    this.#step({ type: 'watch', isWatching: onPicture !== null });
  }

  /** Takes every event of every link of the channel, after the tree has. */
  take(link: PeerLink, event: LinkEvent): void {
    if (event.type !== 'survey' && event.type !== 'closed') return;
    const { peerId, role } = link;
    const current = this.#options.link(peerId);
    if (event.type === 'closed') {
      if (current === null || current === link) this.#step({ type: 'gone', peerId });
    } else if (current === link) {
      const theirs = role === 'parent' ? 'child' : 'parent';
      this.#step({ type: 'received', from: peerId, role: theirs, message: event.message });
    }
  }

  /** Says nothing any more. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
  }

  #step(input: SurveyInput): void {
    if (this.#isClosed) return;
    for (const effect of this.#core.step(this.#options.clock.now(), input)) this.#apply(effect);
    // Whoever is shown a picture may have closed it.
    if (!this.#isClosed) this.#timer.arm(this.#core.deadline());
  }

  #apply(effect: SurveyEffect): void {
    switch (effect.type) {
      case 'send':
        this.#options.link(effect.to)?.sendEncoded(this.#encode(effect.message));
        return;
      case 'picture':
        return this.#onPicture?.(effect.picture);
      case 'refused':
        return this.#options.refused.count(`survey:${effect.message}`);
    }
  }

  /** A picture goes to many children, and takes a millisecond. */
  #encode(message: SurveyMessage): Uint8Array {
    if (this.#encoded?.message !== message) this.#encoded = { message, bytes: controlCodec.encode(message) };
    return this.#encoded.bytes;
  }
}

/** What a peer adds to that which the tree knows of its place. */
export interface OwnPlace {
  readonly kind: PeerKind;
  /** Over which its media come; `null` while none do. */
  readonly parent: PeerLink | null;
  /** Of the media that it receives; `null` until measured, and for the streamer. */
  readonly bitrateBps: number | null;
  /** Viewers here that are no children: the page itself, or players outside the tree. */
  readonly viewers: number;
}

/** Where a peer of the tree stands. */
export function surveyPlace(
  driver: TreeDriver,
  { kind, parent, bitrateBps, viewers }: OwnPlace,
): SurveyPlace {
  const view = driver.view();
  const children = view.children.flatMap(({ peerId, kind: theirs, role, viewers: below }): SurveyChild[] => {
    const link = driver.link(peerId);
    const isServed = role === 'active' && link !== null && link.isOpen;
    return isServed ? [{ peerId, kind: theirs, rttMs: link.rttMs, viewers: below }] : [];
  });
  // A parent that is silent shows nothing to anybody.
  const heard = parent === null || parent.isClosed || parent.isSilent ? null : parent;
  return {
    kind,
    isRoot: view.phase === 'root',
    depth: view.depth,
    parent: heard?.peerId ?? null,
    rttMs: heard?.rttMs ?? null,
    bitrateBps,
    viewers: children.reduce((sum, child) => sum + child.viewers, viewers),
    children,
  };
}
