/** Who looks at the tree in this page, before and while there is somebody who can show it. */

import type { CastoTree } from './casto-tree.ts';

export interface CastoTreeWatch {
  /** Idempotent. */
  stop(): void;
}

export class TreeWatchers {
  readonly #target = new EventTarget();
  #watchers = 0;
  #shown: CastoTree | null = null;
  #follow: (isWatched: boolean) => void = () => {};

  /** Hears at once whether somebody looks, and whenever that changes. */
  set onWatched(follow: (isWatched: boolean) => void) {
    this.#follow = follow;
    follow(this.#watchers > 0);
  }

  add(listener: (tree: CastoTree) => void): CastoTreeWatch {
    const controller = new AbortController();
    const { signal } = controller;
    // An EventTarget reports what a listener throws, and goes on.
    const show = (): void => {
      if (this.#shown !== null) listener(this.#shown);
    };
    this.#target.addEventListener('tree', show, { signal });
    if (++this.#watchers === 1) this.#follow(true);
    signal.addEventListener('abort', () => {
      if (--this.#watchers === 0) this.#follow(false);
    });
    return { stop: () => controller.abort() };
  }

  show(tree: CastoTree): void {
    this.#shown = tree;
    this.#target.dispatchEvent(new Event('tree'));
  }
}
