/** Moves between the two views: the start page, and the stage of a running session. */

import type { CASTO, CastoOptions } from 'casto';

import { channelIn } from './channel-link.ts';
import { showCodeSample } from './code-sample.ts';
import { element } from './elements.ts';
import { showLanding } from './landing.ts';
import { Player } from './player.ts';
import { SessionView } from './session-view.ts';

export interface Page {
  readonly video: HTMLVideoElement;
  /** Shows what a CASTO object tells, and stops it when the person leaves. */
  follow(casto: CASTO): void;
  /** Begins: watches the channel in the address, or shows the start page. */
  open(): void;
}

/** @param play - Starts the live video. It rejects when that fails. */
export function openPage(play: (options: CastoOptions) => Promise<void>): Page {
  const player = new Player();
  const session = new SessionView(player, { onLeave: leave, onRetry: () => begin(choice) });
  let choice: CastoOptions = {};
  let turn = 0;

  function begin(options: CastoOptions): void {
    choice = options;
    const own = (turn += 1);
    session.prepare(channelIn(location.href) !== null ? 'viewer' : 'streamer', options);
    showView('session');
    play(options).then(
      () => own === turn && session.started(),
      (error: unknown) => own === turn && session.failed(error),
    );
  }

  function leave(): void {
    turn += 1;
    session.close();
    if (channelIn(location.href) !== null) history.pushState(null, '', location.pathname + location.search);
    showView('landing');
  }

  function open(): void {
    if (channelIn(location.href) !== null) begin({});
    else leave();
  }

  function watch(channel: string): void {
    location.hash = `casto=${channel}`;
  }

  showLanding({ onGoLive: begin, onWatch: watch });
  showCodeSample();
  showBar(session, leave);
  addEventListener('hashchange', open);
  addEventListener('pagehide', () => session.close());
  // A page that comes back from the browser's back-forward cache has lost its connections.
  addEventListener('pageshow', (event) => event.persisted && open());
  return { video: player.video, follow: (casto) => session.follow(casto), open };
}

/** The bar must not change the address while somebody watches: the channel is in it. */
function showBar(session: SessionView, leave: () => void): void {
  element('home', HTMLAnchorElement).addEventListener('click', (event) => {
    event.preventDefault();
    if (!session.isBroadcasting) leave();
  });
  element('to-code', HTMLButtonElement).addEventListener('click', () => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    element('two-lines', HTMLElement).scrollIntoView({ behavior: calm ? 'auto' : 'smooth' });
  });
}

function showView(view: 'landing' | 'session'): void {
  if (document.body.dataset['view'] === view) return;
  document.body.dataset['view'] = view;
  scrollTo(0, 0);
  // Whoever works by keyboard or ear goes on where the page goes on.
  element(view, HTMLElement).focus({ preventScroll: true });
}
