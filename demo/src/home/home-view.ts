/** The start page: go live, watch what a link names, or choose from what is live. */

import { channelInInput } from '../channel-link.ts';
import { element } from '../elements.ts';
import { hashOf } from '../route.ts';
import { showCodeSample } from './code-sample.ts';
import { Directory } from './directory.ts';

export class HomeView {
  readonly #directory = new Directory();

  constructor() {
    listenForLinks();
    showCodeSample();
  }

  open(): void {
    this.#directory.open();
  }

  close(): void {
    this.#directory.close();
  }
}

function listenForLinks(): void {
  const form = element('watch', HTMLFormElement);
  const problem = element('watch-problem', HTMLParagraphElement);
  const input = element('watch-link', HTMLInputElement);
  const complain = (words: string) => {
    problem.textContent = words;
    input.setAttribute('aria-invalid', String(words !== ''));
  };
  input.addEventListener('input', () => complain(''));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const channel = channelInInput(input.value);
    if (channel !== null) {
      location.hash = hashOf({ view: 'watch', channel, panel: null });
      return;
    }
    complain(
      input.value.trim() === '' ? 'Paste the link you were given.' : 'There is no channel in this link.',
    );
    input.focus();
  });
}
