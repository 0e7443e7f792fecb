/**
 * The tree as SVG. Elements stay while their peers do, so that style sheets can move them: whoever leaves turns red
 * and shrinks, whoever finds another parent slides there along a line that lights up.
 */

import type { TreeChanges } from './tree-changes.ts';
import type { PlacedPeer, TreeLayout } from './tree-layout.ts';
import { linkWords, nameOf } from './tree-words.ts';

const SVG = 'http://www.w3.org/2000/svg';
const ROW_PX = 46;
/** From this many rows on they move together. */
const MANY_ROWS = 24;
const TIGHT_ROW_PX = 34;
/** Between two hops at least: the figures of a peer stand under it. */
const LEAST_COLUMN_PX = 78;
const MOST_COLUMN_PX = 190;
const MARGIN_PX = 26;
/** What the words of the last column take. */
const LABEL_PX = 116;
/** As long as their animation in tree.css. */
const LEAVING_MS = 900;
const HEALED_MS = 2400;

interface Drawn {
  group: SVGGElement;
  name: SVGTextElement;
  figures: SVGTextElement;
  link: SVGPathElement;
}

export class TreeDrawing {
  readonly #svg: SVGSVGElement;
  readonly #links = made('g');
  readonly #peers = made('g');
  readonly #drawn = new Map<string, Drawn>();

  constructor(svg: SVGSVGElement) {
    this.#svg = svg;
    svg.replaceChildren(this.#links, this.#peers);
  }

  /** @param widthPx - Room there is; a deep tree takes more, and is scrolled. */
  draw(layout: TreeLayout, changes: TreeChanges, widthPx: number): void {
    const steps = Math.max(1, layout.columns - 1);
    const free = (widthPx - 2 * MARGIN_PX - LABEL_PX) / steps;
    const column = Math.min(MOST_COLUMN_PX, Math.max(LEAST_COLUMN_PX, free));
    const width = Math.max(widthPx, 2 * MARGIN_PX + LABEL_PX + steps * column);
    const row = layout.rows < MANY_ROWS ? ROW_PX : TIGHT_ROW_PX;
    const height = Math.max(1, layout.rows) * row + MARGIN_PX;
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.#svg.style.width = `${width}px`;
    this.#svg.style.height = `${height}px`;

    for (const id of changes.left) this.#leave(id);
    const at = (placed: PlacedPeer) => ({
      x: MARGIN_PX + placed.column * column,
      y: MARGIN_PX / 2 + (placed.row + 0.5) * row,
    });
    const froms = new Map(layout.links.map(({ from, to }) => [to.peer.id, from]));
    for (const placed of layout.peers) {
      const drawn = this.#drawn.get(placed.peer.id) ?? this.#add(placed.peer.id);
      const from = froms.get(placed.peer.id);
      showPeer(drawn, placed, at(placed));
      const line = from === undefined ? '' : lineBetween(at(from), at(placed));
      drawn.link.setAttribute('d', line);
      // As a property of style it can slide; browsers without that use the attribute.
      drawn.link.style.setProperty('d', line === '' ? 'none' : `path("${line}")`);
    }
    for (const id of changes.moved) this.#heal(id);
  }

  clear(): void {
    this.#drawn.clear();
    this.#links.replaceChildren();
    this.#peers.replaceChildren();
  }

  #add(id: string): Drawn {
    const drawn: Drawn = { group: made('g'), name: made('text'), figures: made('text'), link: made('path') };
    drawn.group.append(made('circle'), drawn.name, drawn.figures);
    drawn.name.setAttribute('class', 'peer-name');
    drawn.figures.setAttribute('class', 'peer-figures');
    drawn.group.dataset['peer'] = id;
    this.#drawn.set(id, drawn);
    this.#links.append(drawn.link);
    this.#peers.append(drawn.group);
    return drawn;
  }

  #leave(id: string): void {
    const drawn = this.#drawn.get(id);
    if (drawn === undefined) return;
    this.#drawn.delete(id);
    for (const part of [drawn.group, drawn.link]) {
      part.classList.add('is-leaving');
      setTimeout(() => part.remove(), LEAVING_MS);
    }
  }

  #heal(id: string): void {
    const link = this.#drawn.get(id)?.link;
    link?.classList.add('is-healed');
    setTimeout(() => link?.classList.remove('is-healed'), HEALED_MS);
  }
}

interface Point {
  x: number;
  y: number;
}

function showPeer({ group, name, figures }: Drawn, { peer, isLeaf }: PlacedPeer, { x, y }: Point): void {
  const place = isLeaf ? 'is-leaf' : 'is-inner';
  const own = peer.self ? ' is-self' : '';
  group.setAttribute('class', `peer is-${peer.kind} ${place}${own}`);
  group.style.transform = `translate(${x}px, ${y}px)`;
  name.textContent = nameOf(peer);
  figures.textContent = linkWords(peer);
  for (const [text, line] of [
    [name, 0],
    [figures, 1],
  ] as const) {
    text.setAttribute('x', isLeaf ? '14' : '0');
    text.setAttribute('y', isLeaf ? String(-3 + 13 * line) : String(-14 + 37 * line));
  }
}

/** Leaves and arrives level, as the lines of the start page do. */
function lineBetween(from: Point, to: Point): string {
  const middle = (from.x + to.x) / 2;
  return `M${from.x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
}

function made<Name extends keyof SVGElementTagNameMap>(name: Name): SVGElementTagNameMap[Name] {
  return document.createElementNS(SVG, name);
}
