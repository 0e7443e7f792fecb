/** A page that looks at the tree, or is its root, with a real link to each neighbour. */

import { shortId, type PeerId, type Picture, type SurveyedPeer, type SurveyPlace } from '@casto/core';
import { processClock, refusalCounter, TreeSurvey, type PeerLink } from '@casto/host';
import type { NativePage } from './native-pages.ts';

export class SurveyingPage {
  readonly survey: TreeSurvey;
  readonly #page: NativePage;
  #last: Picture | null = null;

  constructor(page: NativePage) {
    this.#page = page;
    this.survey = new TreeSurvey({
      self: page.peer.id,
      clock: processClock,
      refused: refusalCounter(),
      link: (peerId) => this.#links.find((link) => link.peerId === peerId) ?? null,
      place: () => this.#place(),
    });
    page.takers.push((link, event) => this.survey.take(link, event));
  }

  watch(): void {
    this.survey.watch((picture) => (this.#last = picture));
  }

  get picture(): Picture | null {
    return this.#last;
  }

  /** What it was shown last of a peer, and of that one's parent. */
  shown(peerId: PeerId): { peer: SurveyedPeer; parent: number | null } | null {
    const peer = this.#last?.peers.find(({ id }) => id === shortId(peerId));
    if (peer === undefined) return null;
    return { peer, parent: peer.parent === null ? null : (this.#last?.peers[peer.parent]?.id ?? null) };
  }

  get #links(): PeerLink[] {
    return [...this.#page.links];
  }

  #place(): SurveyPlace {
    const parent = this.#links.find(({ role, isOpen }) => role === 'child' && isOpen) ?? null;
    const isRoot = this.#page.channel === this.#page.peer.id;
    return {
      kind: 'browser',
      isRoot,
      depth: isRoot ? 0 : null,
      parent: parent?.peerId ?? null,
      rttMs: parent?.rttMs ?? null,
      bitrateBps: null,
      viewers: isRoot ? 0 : 1,
      children: this.#links
        .filter(({ role, isOpen }) => role === 'parent' && isOpen)
        .map(({ peerId, kind, rttMs, remoteState }) => {
          return { peerId, kind, rttMs, viewers: remoteState?.viewers ?? 1 };
        }),
    };
  }
}
