/** The start page: go live with the camera or the screen, or watch what a link names. */

import type { CastoOptions } from 'casto';

import { channelInInput } from './channel-link.ts';
import { element } from './elements.ts';

export interface LandingActions {
  onGoLive: (options: CastoOptions) => void;
  onWatch: (channel: string) => void;
}

export function showLanding(actions: LandingActions): void {
  const goLive = element('go-live', HTMLFormElement);
  element('insecure', HTMLParagraphElement).hidden = window.isSecureContext;
  goLive.addEventListener('submit', (event) => {
    event.preventDefault();
    const choice = new FormData(goLive);
    const text = choice.get('title');
    const title = typeof text === 'string' ? text.trim() : '';
    const source = choice.get('source') === 'screen' ? 'screen' : 'camera';
    actions.onGoLive(title === '' ? { source } : { source, title });
  });

  const watch = element('watch', HTMLFormElement);
  const problem = element('watch-problem', HTMLParagraphElement);
  const input = watch.elements.namedItem('link');
  if (!(input instanceof HTMLInputElement)) throw new Error('index.html has no field for the link');
  const complain = (words: string) => {
    problem.textContent = words;
    input.setAttribute('aria-invalid', String(words !== ''));
  };
  input.addEventListener('input', () => complain(''));
  watch.addEventListener('submit', (event) => {
    event.preventDefault();
    const channel = channelInInput(input.value);
    if (channel !== null) return actions.onWatch(channel);
    complain(
      input.value.trim() === '' ? 'Paste the link you were given.' : 'There is no channel in this link.',
    );
    input.focus();
  });
}
