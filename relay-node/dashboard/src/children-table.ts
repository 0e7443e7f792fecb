/** The children of one channel: thousands of rows, of which only those in sight exist. */

import type { TreeChild } from '@casto/nodejs';
import { element, fitChildren, make, setAttribute, setText, showCells } from './elements.ts';
import { count, milliseconds, share, shortId, UNKNOWN } from './figures.ts';
import { rowWindow } from './row-window.ts';

type SortKey = 'viewers' | 'rttMs' | 'lossShare';

const HEADS: readonly { name: string; key: SortKey | null }[] = [
  { name: 'Peer', key: null },
  { name: 'Kind', key: null },
  { name: 'Role', key: null },
  { name: 'Viewers below', key: 'viewers' },
  { name: 'Round trip', key: 'rttMs' },
  { name: 'Loss', key: 'lossShare' },
  { name: 'Sent', key: null },
];
/** As in dashboard.css. */
const ROW_PX = 36;

export interface ChildrenTable {
  show(children: readonly TreeChild[]): void;
}

export function openChildrenTable(): ChildrenTable {
  const view = element('children-window', HTMLElement);
  const table = element('children-table', HTMLTableElement);
  const body = element('children', HTMLTableSectionElement);
  const [above, below] = [spacer(), spacer()];
  body.before(above.part);
  body.after(below.part);
  let children: readonly TreeChild[] = [];
  let sorted: readonly TreeChild[] = [];
  let key: SortKey = 'viewers';
  let isDrawing = false;

  function draw(): void {
    const { first, end } = rowWindow(
      sorted.length,
      { top: view.scrollTop, height: view.clientHeight },
      ROW_PX,
    );
    setHeight(above, first * ROW_PX);
    setHeight(below, (sorted.length - end) * ROW_PX);
    setAttribute(table, 'aria-rowcount', String(sorted.length + 1));
    const rows = fitChildren(body, end - first, () => make('tr'));
    rows.forEach((row, index) => {
      const child = sorted[first + index];
      if (child === undefined) return;
      setAttribute(row, 'aria-rowindex', String(first + index + 2));
      setAttribute(row, 'class', child.role === 'standby' ? 'standby' : null);
      setAttribute(row, 'title', child.peerId);
      showCells(row, cellsOf(child));
    });
  }

  function sort(): void {
    sorted = [...children].sort((a, b) => (b[key] ?? -1) - (a[key] ?? -1));
    draw();
  }

  showSortHeads((chosen) => {
    key = chosen;
    sort();
  });
  const drawSoon = (): void => {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      draw();
    });
  };
  view.addEventListener('scroll', drawSoon, { passive: true });
  addEventListener('resize', drawSoon);
  return {
    show(shown) {
      children = shown;
      sort();
    },
  };
}

function showSortHeads(onSort: (key: SortKey) => void): void {
  const row = element('children-head', HTMLElement);
  for (const { name, key } of HEADS) {
    if (key === null) {
      row.append(make('th', { scope: 'col' }, name));
      continue;
    }
    const button = make('button', { type: 'button', class: 'sort' }, name);
    const head = make('th', { scope: 'col' }, button);
    if (key === 'viewers') head.setAttribute('aria-sort', 'descending');
    button.addEventListener('click', () => {
      for (const other of row.children) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', 'descending');
      onSort(key);
    });
    row.append(head);
  }
}

function cellsOf(child: TreeChild): string[] {
  const { peerId, kind, role, viewers, rttMs, lossShare } = child;
  return [
    peerId === null ? 'no peer' : shortId(peerId),
    KIND_WORDS[kind],
    role,
    count(viewers),
    milliseconds(rttMs),
    share(lossShare),
    sentWords(child),
  ];
}

const KIND_WORDS = { browser: 'page', headless: 'relay', player: 'WHEP player' } as const;
/** Encoders make three temporal layers, 0 to 2. */
const TOP_TEMPORAL_LAYER = 2;

function sentWords({ role, layer, temporalLayer }: TreeChild): string {
  if (role === 'standby' || layer === null) return UNKNOWN;
  if (temporalLayer === -1) return 'sound only';
  const rate = temporalLayer !== null && temporalLayer < TOP_TEMPORAL_LAYER ? ', reduced' : '';
  return `layer ${layer}${rate}`;
}

interface Spacer {
  part: HTMLTableSectionElement;
  cell: HTMLTableCellElement;
}

/** Stands for the rows out of sight. */
function spacer(): Spacer {
  const cell = make('td', { colspan: String(HEADS.length) });
  const part = make('tbody', { class: 'spacer', 'aria-hidden': 'true' }, make('tr', {}, cell));
  return { part, cell };
}

function setHeight({ part, cell }: Spacer, px: number): void {
  part.hidden = px === 0;
  setText(cell, '');
  const height = `${px}px`;
  // Set by a script a style is no inline style to the page's policy.
  if (cell.style.height !== height) cell.style.height = height;
}
