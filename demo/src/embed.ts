/** The page that other sites put into a frame: one player, told by its address what to show. */

import 'casto/player';

import { element } from './elements.ts';
import { embedAttributes } from './embed-options.ts';

const player = element('player', HTMLElement);

function readAddress(): void {
  for (const [name, value] of Object.entries(embedAttributes(location.hash))) {
    if (value === null) player.removeAttribute(name);
    else player.setAttribute(name, value);
  }
}

addEventListener('hashchange', readAddress);
readAddress();
