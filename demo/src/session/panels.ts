/** The tabs beside the picture. Works as the tabs pattern of the ARIA Authoring Practices says: arrows move, Tab leaves. */

import { element } from '../elements.ts';
import { PANELS } from '../route.ts';
import type { PanelName } from '../route.ts';

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class Panels {
  readonly #onOpen: (name: PanelName) => void;
  #open: PanelName | null = null;

  constructor(onOpen: (name: PanelName) => void) {
    this.#onOpen = onOpen;
    for (const name of PANELS) {
      tabOf(name).addEventListener('click', () => this.open(name));
      tabOf(name).addEventListener('keydown', (event) => this.#move(name, event));
    }
  }

  get current(): PanelName | null {
    return this.#open;
  }

  open(name: PanelName): void {
    for (const each of PANELS) {
      const isOpen = each === name;
      tabOf(each).setAttribute('aria-selected', String(isOpen));
      tabOf(each).tabIndex = isOpen ? 0 : -1;
      element(`panel-${each}`, HTMLElement).hidden = !isOpen;
    }
    element('panels', HTMLElement).dataset['open'] = name;
    this.#open = name;
    this.#onOpen(name);
  }

  /** Nothing of them is used any more. */
  close(): void {
    this.#open = null;
  }

  #move(from: PanelName, event: KeyboardEvent): void {
    const at = PANELS.indexOf(from);
    const step = STEPS[event.key];
    const wanted =
      event.key === 'Home'
        ? 0
        : event.key === 'End'
          ? -1
          : step === undefined
            ? null
            : (at + step) % PANELS.length;
    const name = wanted === null ? undefined : PANELS.at(wanted);
    if (name === undefined) return;
    event.preventDefault();
    this.open(name);
    tabOf(name).focus();
  }
}

function tabOf(name: PanelName): HTMLButtonElement {
  return element(`tab-${name}`, HTMLButtonElement);
}
