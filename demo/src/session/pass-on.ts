/**
 * Whether this page passes on what it watches. What people upload is theirs, so that they choose; it is on until they
 * switch it off, and stays as they left it.
 */

import { element } from '../elements.ts';

export type PassOn = 'on' | 'off';

/** What of the browser's storage is used. Reaching for it throws where it is forbidden. */
export type OpenStorage = () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const STORED_AS = 'casto-pass-on';

export function storedPassOn(open: OpenStorage): PassOn {
  try {
    return open().getItem(STORED_AS) === 'off' ? 'off' : 'on';
  } catch {
    return 'on';
  }
}

export function storePassOn(open: OpenStorage, choice: PassOn): void {
  try {
    if (choice === 'off') open().setItem(STORED_AS, choice);
    else open().removeItem(STORED_AS);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}

export class PassOnSwitch {
  readonly #box = element('pass-on', HTMLInputElement);

  /** @param onChange - Called after each change of the choice. */
  constructor(onChange: () => void) {
    const open: OpenStorage = () => localStorage;
    this.#box.checked = storedPassOn(open) === 'on';
    this.#box.addEventListener('change', () => {
      storePassOn(open, this.choice);
      onChange();
    });
  }

  get choice(): PassOn {
    return this.#box.checked ? 'on' : 'off';
  }
}
