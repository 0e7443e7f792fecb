/** Everything by which others are let in: the link, the system's share sheet, and a code for phones. */

import { copyText } from '../copying.ts';
import { element } from '../elements.ts';
import { titleWords } from '../words/title-words.ts';
import { embedCode } from './embed-code.ts';
import { networkLink } from './network-link.ts';

const FOR_THE_NETWORK = 'This link is for this computer and the devices in its network.';
const FOR_THIS_COMPUTER = 'This link works on this computer only: the relay listens to no other.';

export class SharePanel {
  readonly #link = element('link', HTMLInputElement);
  readonly #figure = element('qr-figure', HTMLElement);
  #title = '';
  #shown = '';

  constructor() {
    const copy = element('copy', HTMLButtonElement);
    copy.addEventListener('click', () => void copyText(this.#link.value, copy, this.#link));
    const send = element('send', HTMLButtonElement);
    send.addEventListener('click', () => void this.#send());
    send.hidden = !('share' in navigator);
    const copyEmbed = element('copy-embed', HTMLButtonElement);
    const code = element('embed-code', HTMLElement);
    copyEmbed.addEventListener('click', () => void copyText(code.textContent, copyEmbed, code));
    this.#link.addEventListener('focus', () => this.#link.select());
  }

  /**
   * @param link - Empty when there is nothing to share.
   * @param title - What the streamer calls it; may be empty.
   */
  show(link: string, title: string): void {
    this.#title = titleWords(title);
    if (link === this.#shown) return;
    this.#shown = link;
    this.#link.value = link;
    this.#figure.hidden = true;
    element('embed', HTMLElement).hidden = true;
    element('share-local', HTMLElement).hidden = true;
    if (link !== '') void this.#complete(link);
  }

  async #complete(link: string): Promise<void> {
    const wide = networkLink(link, await discovery());
    if (this.#shown !== link) return;
    if (wide !== null) this.#link.value = wide;
    const note = element('share-local', HTMLElement);
    const isLocal = /^(?:localhost|127\.|\[::1\])/.test(location.hostname);
    note.hidden = !isLocal;
    element('embed-code', HTMLElement).textContent = embedCode(wide ?? link);
    element('embed', HTMLElement).hidden = false;
    note.textContent = wide === null ? FOR_THIS_COMPUTER : FOR_THE_NETWORK;
    await this.#draw(wide ?? link);
  }

  async #draw(link: string): Promise<void> {
    const { qrOutline } = await import('./qr-outline.ts');
    const { size, path } = qrOutline(link);
    document.getElementById('qr')?.setAttribute('viewBox', `0 0 ${size} ${size}`);
    document.getElementById('qr-path')?.setAttribute('d', path);
    this.#figure.hidden = false;
  }

  async #send(): Promise<void> {
    // Rejects when the person closes the sheet: nothing is to be done about that.
    await navigator.share({ title: this.#title, url: this.#link.value }).catch(() => undefined);
  }
}

/** What the relay that serves this page says of itself; `null` when it is not one. */
async function discovery(): Promise<unknown> {
  try {
    const response = await fetch(new URL('.well-known/casto.json', document.baseURI));
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
