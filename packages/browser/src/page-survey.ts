/** A page's part in pictures of the tree, and its own look at them. */

import type { ChannelId, PeerId } from '@casto/core';
import { surveyPlace, TreeSurvey, type OwnPlace, type TreeDriver } from '@casto/host';
import type { PageContext } from './role.ts';
import { castoTree } from './shown-tree.ts';

export interface PageSurveyOptions {
  readonly context: Pick<PageContext, 'worker' | 'refused' | 'trees'>;
  readonly self: PeerId;
  readonly channel: ChannelId;
  readonly driver: TreeDriver;
  /** What the tree does not know of the page. */
  readonly own: () => Omit<OwnPlace, 'kind'>;
}

export function createPageSurvey({ context, self, channel, driver, own }: PageSurveyOptions): TreeSurvey {
  const { worker, refused, trees } = context;
  const survey = new TreeSurvey({
    self,
    clock: worker.clock,
    refused,
    link: (peerId) => driver.link(peerId),
    place: () => surveyPlace(driver, { kind: 'browser', ...own() }),
  });
  trees.onWatched = (isWatched) =>
    survey.watch(isWatched ? (picture) => trees.show(castoTree(picture, channel, self)) : null);
  return survey;
}
