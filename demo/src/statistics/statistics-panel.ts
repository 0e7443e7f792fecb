/** How the broadcast goes: graphs over time, the figures of the moment, and a file of both. */

import { element } from '../elements.ts';
import { THEME_CHANGED } from '../theme.ts';
import { factsOf } from './facts.ts';
import { Plots } from './plots.ts';
import { statsFile, statsFileName } from './stats-file.ts';
import type { StatsHistory } from './stats-history.ts';

export class StatisticsPanel {
  readonly #history: StatsHistory;
  readonly #plots = new Plots(element('plots', HTMLElement));

  constructor(history: StatsHistory) {
    this.#history = history;
    element('statistics-export', HTMLButtonElement).addEventListener('click', () => this.#save());
    addEventListener(THEME_CHANGED, () => this.#plots.repaint(this.#history.samples));
  }

  show(): void {
    this.#plots.show(this.#history.samples);
    const rows = factsOf(this.#history.latest).map(([name, value]) => {
      const row = document.createElement('div');
      const [term, words] = [document.createElement('dt'), document.createElement('dd')];
      term.textContent = name;
      words.textContent = value;
      row.append(term, words);
      return row;
    });
    element('statistics-facts', HTMLElement).replaceChildren(...rows);
  }

  #save(): void {
    const nowMs = Date.now();
    const text = statsFile(this.#history, { userAgent: navigator.userAgent, nowMs });
    const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = statsFileName(nowMs);
    link.click();
    // The download has its own hold of the data once it has begun.
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}
