/**
 * `<casto-player>`: a broadcast in a page by one element. Importing this defines it.
 *
 * @packageDocumentation
 */

import { CastoPlayerElement } from './player/player-element.ts';

export { CastoRun, type CastoRunListener } from './player/casto-run.ts';
export type { CastoState } from './player/casto-state.ts';
export type { CastoPlayerEventMap } from './player/element-base.ts';
export { CastoPlayerElement };

declare global {
  interface HTMLElementTagNameMap {
    'casto-player': CastoPlayerElement;
  }
}

// Two copies of the module on one page, or an import on a server, are no reason to fail.
if (typeof customElements !== 'undefined' && customElements.get('casto-player') === undefined) {
  customElements.define('casto-player', CastoPlayerElement);
}
