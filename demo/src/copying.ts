/** Puts text on the clipboard, and says so on the button that was pressed. */

import { announce } from './announcer.ts';

const SAY_FOR_MS = 2000;

/** @param source - Shown to the person, selected, when the browser lets the page copy nothing. */
export async function copyText(text: string, button: HTMLButtonElement, source: HTMLElement): Promise<void> {
  const copied = (await writeClipboard(text)) || copyBySelection(text);
  if (!copied) select(source);
  say(button, copied ? 'Copied' : 'Press Ctrl+C');
}

async function writeClipboard(text: string): Promise<boolean> {
  // Plain-http pages have no clipboard object at all, though the types promise one.
  const clipboard: Clipboard | undefined = navigator.clipboard;
  if (clipboard === undefined) return false;
  return clipboard.writeText(text).then(
    () => true,
    () => false,
  );
}

/** The way that is left on a plain-http page of a local network. */
function copyBySelection(text: string): boolean {
  const holder = document.createElement('textarea');
  holder.value = text;
  holder.readOnly = true;
  holder.className = 'sr-only';
  document.body.append(holder);
  const focused = document.activeElement;
  holder.select();
  const copied = document.execCommand('copy');
  holder.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

function select(source: HTMLElement): void {
  if (source instanceof HTMLInputElement) source.select();
  else getSelection()?.selectAllChildren(source);
}

const labels = new WeakMap<HTMLButtonElement, { text: string; timer: number }>();

function say(button: HTMLButtonElement, words: string): void {
  const before = labels.get(button);
  if (before !== undefined) clearTimeout(before.timer);
  const text = before?.text ?? button.textContent;
  button.textContent = words;
  announce(words);
  const timer = window.setTimeout(() => {
    button.textContent = text;
    labels.delete(button);
  }, SAY_FOR_MS);
  labels.set(button, { text, timer });
}
