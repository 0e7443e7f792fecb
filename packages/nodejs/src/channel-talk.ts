/**
 * What the links of a channel say besides media and the tree's own words: signals and questions of neighbours
 * (PROTOCOL.md, K7 and K9), posts (K10), and pictures of the tree (K11).
 */

import {
  ChannelPosts,
  Neighbours,
  ReceivedRate,
  surveyPlace,
  TreeSurvey,
  type LinkEvent,
  type PeerLink,
  type TreeDriver,
} from '@casto/host';
import { ChannelReach } from './channel-reach.ts';
import type { StreamReport } from './media/hub.ts';
import type { RelayChannelOptions } from './relay-channel-options.ts';

export interface ChannelTalkParts {
  readonly driver: () => TreeDriver;
  /** The parent whose media are passed on. */
  readonly played: () => PeerLink | null;
  /** Viewers outside the tree. */
  readonly players: () => number;
  readonly streams: () => readonly StreamReport[];
}

export class ChannelTalk {
  readonly reach: ChannelReach;
  readonly #neighbours: Neighbours;
  readonly #posts: ChannelPosts;
  readonly #survey: TreeSurvey;

  constructor(options: RelayChannelOptions, { driver, played, players, streams }: ChannelTalkParts) {
    const { self, clock, refused, search, signaling } = options;
    this.#neighbours = new Neighbours({ self, clock, refused, links: () => driver().links, ...signaling });
    this.#posts = new ChannelPosts({
      channel: options.id,
      self,
      clock,
      refused,
      links: () => driver().links,
      parent: played,
    });
    this.reach = new ChannelReach({ search, neighbours: this.#neighbours, refused, clock });
    const rate = new ReceivedRate();
    this.#survey = new TreeSurvey({
      self,
      clock,
      refused,
      link: (peerId) => driver().link(peerId),
      place: () => {
        const bitrateBps = rate.read(receivedBytes(streams()), clock.now());
        return surveyPlace(driver(), { kind: 'headless', parent: played(), bitrateBps, viewers: players() });
      },
    });
  }

  /** Takes every event of every link, after the tree has. */
  take(link: PeerLink, event: LinkEvent): void {
    this.#neighbours.take(link, event);
    this.#posts.take(link, event);
    this.#survey.take(link, event);
  }

  /** Breaks off what is under way; links live on. Idempotent. */
  close(): void {
    this.#neighbours.close();
    this.#survey.close();
  }
}

function receivedBytes(streams: readonly StreamReport[]): number {
  return streams.reduce((sum, { bytes }) => sum + bytes, 0);
}
