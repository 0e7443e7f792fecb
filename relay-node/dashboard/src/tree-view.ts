/** The tree of one channel, as far as the relay knows it: who is above, who is below, whom it names. */

import type { ChannelTree, TreeOffer, TreeParent } from '@casto/nodejs';
import { openChildrenTable } from './children-table.ts';
import { copyButton } from './copying.ts';
import { element, fitChildren, make, setAttribute, setText } from './elements.ts';
import { count, milliseconds, share, shortId } from './figures.ts';
import { drawTreeMap } from './tree-map.ts';

export interface TreeView {
  show(tree: ChannelTree, title: string): void;
  hide(): void;
}

const PHASE_WORDS = {
  idle: 'has not begun',
  root: 'begins here',
  detached: 'looks for a parent',
  attached: 'comes in',
  left: 'is left',
} as const;

export function openTree(): TreeView {
  const section = element('tree', HTMLElement);
  const table = openChildrenTable();
  setText(
    element('tree-legend', HTMLElement),
    'A dot is a child; bigger with more viewers below, red where packets get lost, a ring while it stands by.',
  );
  return {
    show(tree, title) {
      section.hidden = false;
      setText(element('tree-title', HTMLElement), `Tree of ${title}`);
      setText(element('tree-facts', HTMLElement), factsOf(tree));
      showPath(tree.path);
      showPeers(element('tree-parents', HTMLElement), tree.parents, parentWords, noParents(tree));
      showPeers(
        element('tree-offers', HTMLElement),
        tree.offers,
        offerWords,
        'Nobody has told of free places.',
      );
      const { length } = tree.children;
      setText(element('children-title', HTMLElement), `Children: ${count(length + tree.moreChildren)}`);
      element('children-window', HTMLElement).hidden = length === 0;
      element('tree-legend', HTMLElement).hidden = length === 0;
      const more = element('children-more', HTMLElement);
      more.hidden = tree.moreChildren === 0;
      setText(more, `${count(tree.moreChildren)} more with fewer viewers are not shown.`);
      table.show(tree.children);
      drawTreeMap(tree.children);
    },
    hide: () => void (section.hidden = true),
  };
}

function factsOf({ phase, delayMs, slots, freeSlots, searchingFor }: ChannelTree): string {
  const facts = [`The broadcast ${PHASE_WORDS[phase]}.`];
  if (delayMs !== null && phase !== 'root')
    facts.push(`It is ${milliseconds(delayMs)} from the streamer to here.`);
  facts.push(`${count(freeSlots)} of ${count(slots)} places are free.`);
  if (searchingFor === 'standby') facts.push('Another parent to stand by at is looked for.');
  if (searchingFor === 'better') facts.push('A better parent is looked for.');
  return facts.join(' ');
}

/** Short ids, as the path carries them. */
function showPath(path: readonly string[]): void {
  const list = element('tree-path', HTMLElement);
  list.hidden = path.length === 0;
  const items = fitChildren(list, path.length, () => make('li'));
  items.forEach((item, index) => {
    const isOwn = index === path.length - 1;
    setText(
      item,
      isOwn
        ? `${path[index] ?? ''} (this relay)`
        : index === 0
          ? `${path[index] ?? ''} (streamer)`
          : (path[index] ?? ''),
    );
    setAttribute(item, 'class', isOwn ? 'own' : null);
  });
}

function noParents({ phase }: ChannelTree): string {
  return phase === 'root' ? 'None: the publisher sends to this relay.' : 'None yet.';
}

function parentWords({ kind, role, rttMs, lossShare }: TreeParent): string {
  return `${kind === 'headless' ? 'relay' : 'page'}, ${role}, round trip ${milliseconds(rttMs)}, loss ${share(lossShare)}`;
}

function offerWords({ kind, depth, freeSlots, delayMs }: TreeOffer): string {
  const place = `depth ${depth}, ${milliseconds(delayMs)} behind the streamer`;
  return `${kind === 'headless' ? 'relay' : 'page'}, ${count(freeSlots)} free, ${place}`;
}

function showPeers<Peer extends { peerId: string }>(
  list: HTMLElement,
  peers: readonly Peer[],
  words: (peer: Peer) => string,
  nobody: string,
): void {
  if (peers.length === 0) {
    if (list.dataset['shown'] !== nobody) list.replaceChildren(make('li', {}, nobody));
    list.dataset['shown'] = nobody;
    return;
  }
  if (list.dataset['shown'] !== 'peers') list.replaceChildren();
  list.dataset['shown'] = 'peers';
  const items = fitChildren(list, peers.length, makePeer);
  items.forEach((item, index) => {
    const peer = peers[index];
    const [id, text] = item.children;
    if (peer === undefined || id === undefined || text === undefined) return;
    setText(id, shortId(peer.peerId));
    setAttribute(id, 'title', peer.peerId);
    setText(text, words(peer));
  });
}

function makePeer(): HTMLLIElement {
  const id = make('span', { class: 'id' });
  return make(
    'li',
    {},
    id,
    make('span'),
    copyButton(() => id.title, 'peer id'),
  );
}
