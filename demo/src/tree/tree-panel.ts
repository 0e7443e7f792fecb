/** Who feeds whom, live: a picture, the news in words, and the same as a table. */

import type { CASTO, CastoTree, CastoTreePeer } from 'casto';

import { element } from '../elements.ts';
import { rateWords } from '../words/figures.ts';
import { changesBetween, changeWords } from './tree-changes.ts';
import { TreeDrawing } from './tree-drawing.ts';
import { layOutTree } from './tree-layout.ts';
import { nameOf, rttWords, summaryWords } from './tree-words.ts';

/** News stay readable while nothing else happens. */
const NEWS_MS = 8000;

export class TreePanel {
  readonly #drawing: TreeDrawing;
  readonly #scroll = element('tree-scroll', HTMLElement);
  #casto: CASTO | null = null;
  #watch: { stop(): void } | null = null;
  #tree: CastoTree = { peers: [], hidden: 0 };
  #newsTimer = 0;

  constructor() {
    const svg = document.getElementById('peer-tree');
    if (!(svg instanceof SVGSVGElement)) throw new Error('session.html has no picture of the tree');
    this.#drawing = new TreeDrawing(svg);
    const wide = element('tree-wide', HTMLButtonElement);
    wide.addEventListener('click', () => {
      const isWide = wide.getAttribute('aria-pressed') !== 'true';
      wide.setAttribute('aria-pressed', String(isWide));
      element('theatre', HTMLElement).dataset['wide'] = isWide ? 'yes' : 'no';
    });
    new ResizeObserver(() => this.#draw(this.#tree)).observe(this.#scroll);
  }

  /** @param casto - Whose tree; `null`: nobody looks, and nobody is asked. */
  watch(casto: CASTO | null): void {
    if (casto === this.#casto) return;
    this.#watch?.stop();
    this.#casto = casto;
    this.#watch = casto?.watchTree((tree) => this.#show(tree)) ?? null;
    if (casto !== null) return;
    this.#tree = { peers: [], hidden: 0 };
    this.#drawing.clear();
    element('theatre', HTMLElement).dataset['wide'] = 'no';
    element('tree-wide', HTMLButtonElement).setAttribute('aria-pressed', 'false');
    element('tree-rows', HTMLTableSectionElement).replaceChildren();
    element('tree-news', HTMLElement).textContent = '';
    element('tree-summary', HTMLElement).textContent = 'Asking who feeds whom…';
  }

  #show(tree: CastoTree): void {
    const isFirst = this.#tree.peers.length === 0;
    const words = isFirst ? '' : changeWords(changesBetween(this.#tree.peers, tree.peers));
    this.#draw(tree);
    element('tree-summary', HTMLElement).textContent = summaryWords(tree);
    showTable(tree.peers);
    if (words === '') return;
    const news = element('tree-news', HTMLElement);
    news.textContent = words;
    clearTimeout(this.#newsTimer);
    this.#newsTimer = window.setTimeout(() => (news.textContent = ''), NEWS_MS);
  }

  #draw(tree: CastoTree): void {
    const changes = changesBetween(this.#tree.peers, tree.peers);
    this.#tree = tree;
    this.#drawing.draw(layOutTree(tree.peers), changes, this.#scroll.clientWidth);
  }
}

function showTable(peers: readonly CastoTreePeer[]): void {
  const names = new Map(peers.map((peer) => [peer.id, nameOf(peer)]));
  const rows = peers.map((peer) => {
    const row = document.createElement('tr');
    const cells = [
      peer.parent === null ? '–' : (names.get(peer.parent) ?? peer.parent),
      String(peer.depth),
      peer.rttMs === null ? '–' : rttWords(peer.rttMs),
      peer.bitrateBps === null ? '–' : rateWords(peer.bitrateBps),
      String(peer.viewers),
    ];
    const name = document.createElement('th');
    name.scope = 'row';
    name.textContent = nameOf(peer);
    row.append(name, ...cells.map(cellOf));
    return row;
  });
  element('tree-rows', HTMLTableSectionElement).replaceChildren(...rows);
}

function cellOf(text: string): HTMLTableCellElement {
  const cell = document.createElement('td');
  cell.textContent = text;
  return cell;
}
