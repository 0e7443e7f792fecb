/** Reactions rise over the picture and vanish. */

import { element } from '../elements.ts';
import type { Reaction } from './chat-payload.ts';

/** A crowd that claps is a crowd at thirty, too. */
const MOST_AT_ONCE = 30;
const FLIGHT_MS = 2600;

export function flyReaction(reaction: Reaction): void {
  const sky = element('reactions-flight', HTMLElement);
  if (sky.childElementCount >= MOST_AT_ONCE) return;
  const flight = document.createElement('span');
  flight.textContent = reaction;
  flight.style.setProperty('--drift', (Math.random() * 2 - 1).toFixed(2));
  flight.style.setProperty('--start', Math.random().toFixed(2));
  sky.append(flight);
  setTimeout(() => flight.remove(), FLIGHT_MS);
}
