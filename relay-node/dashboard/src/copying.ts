/** A button that puts text on the clipboard, and says so. */

import { element, make, setText } from './elements.ts';

const SAY_FOR_MS = 2_000;

/** @param name - What is copied, for those who hear the page. */
export function copyButton(text: () => string, name: string): HTMLButtonElement {
  const button = make('button', { type: 'button', class: 'copy', 'aria-label': `Copy ${name}` }, 'copy');
  button.addEventListener('click', () => {
    void copy(text()).then((isCopied) => {
      const words = isCopied ? 'copied' : 'not allowed';
      setText(button, words);
      announce(`${name} ${words}`);
      setTimeout(() => setText(button, 'copy'), SAY_FOR_MS);
    });
  });
  return button;
}

/** Says something to those who hear the page. */
export function announce(words: string): void {
  setText(element('announcer', HTMLElement), words);
}

async function copy(text: string): Promise<boolean> {
  // Pages over plain http have no clipboard, though the types promise one.
  const clipboard: Clipboard | undefined = navigator.clipboard;
  if (clipboard !== undefined) {
    const isCopied = await clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    if (isCopied) return true;
  }
  const holder = make('textarea', { readonly: '', class: 'sr-only' });
  holder.value = text;
  document.body.append(holder);
  const { activeElement } = document;
  holder.select();
  const isCopied = document.execCommand('copy');
  holder.remove();
  if (activeElement instanceof HTMLElement) activeElement.focus();
  return isCopied;
}
