import { element } from './elements.ts';

/** Tells people who listen to the page what others see. */
export function announce(words: string): void {
  element('announcer', HTMLParagraphElement).textContent = words;
}
