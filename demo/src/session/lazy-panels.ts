/** Tree and statistics: their code is loaded when somebody looks at them for the first time. */

import type { CASTO, CastoStats } from 'casto';

import { element } from '../elements.ts';
import type { PanelName } from '../route.ts';
import { StatsHistory } from '../statistics/stats-history.ts';
import type { StatisticsPanel } from '../statistics/statistics-panel.ts';
import type { TreePanel } from '../tree/tree-panel.ts';

export class LazyPanels {
  readonly #history = new StatsHistory();
  #tree: Promise<TreePanel> | null = null;
  #statistics: Promise<StatisticsPanel> | null = null;
  #casto: CASTO | null = null;
  #open: PanelName | null = null;

  follow(casto: CASTO): void {
    this.#casto = casto;
    this.#history.clear();
    this.#refresh();
  }

  open(name: PanelName): void {
    this.#open = name;
    this.#refresh();
  }

  /** One look at the figures, a second after the one before. */
  add(stats: CastoStats, viewers: number): void {
    this.#history.add(stats, viewers, Date.now());
    if (this.#open === 'statistics') this.#refresh();
  }

  close(): void {
    this.#casto = null;
    this.#open = null;
    this.#refresh();
  }

  #refresh(): void {
    if (this.#open === 'tree') this.#tree ??= load('panel-tree', loadTree);
    if (this.#open === 'statistics') {
      this.#statistics ??= load('panel-statistics', () => loadStatistics(this.#history));
    }
    void this.#tree?.then(
      (panel) => panel.watch(this.#open === 'tree' ? this.#casto : null),
      () => (this.#tree = null),
    );
    void this.#statistics?.then(
      (panel) => this.#open === 'statistics' && panel.show(),
      () => (this.#statistics = null),
    );
  }
}

async function loadTree(): Promise<TreePanel> {
  const module = await import('../tree/tree-panel.ts');
  return new module.TreePanel();
}

async function loadStatistics(history: StatsHistory): Promise<StatisticsPanel> {
  const module = await import('../statistics/statistics-panel.ts');
  return new module.StatisticsPanel(history);
}

/** Says in the panel itself what is the matter when its code does not come. */
async function load<Panel>(id: string, make: () => Promise<Panel>): Promise<Panel> {
  const holder = element(id, HTMLElement);
  holder.querySelector('.panel-lost')?.remove();
  holder.setAttribute('aria-busy', 'true');
  try {
    return await make();
  } catch (error) {
    const words = document.createElement('p');
    words.className = 'panel-lost';
    words.setAttribute('role', 'alert');
    words.textContent = 'This part of the page did not load. Check that the relay runs, then open it again.';
    holder.prepend(words);
    throw error;
  } finally {
    holder.removeAttribute('aria-busy');
  }
}
