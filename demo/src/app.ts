/** Moves between the views as the address says: start page, preparation, and the running session. */

import { element } from './elements.ts';
import type { Broadcast, GoLiveView } from './go-live/go-live-view.ts';
import { HomeView } from './home/home-view.ts';
import { hashOf, routeIn } from './route.ts';
import type { PanelName, Route } from './route.ts';
import type { SessionView } from './session/session-view.ts';

type ViewName = 'home' | 'go-live' | 'session';

export class App {
  readonly #home = new HomeView();
  #goLive: GoLiveView | null = null;
  #session: SessionView | null = null;
  /** What is broadcast, or about to be. */
  #broadcast: Broadcast | null = null;
  /** The channel that is watched; `null` while none is. */
  #watched: string | null = null;
  #turn = 0;
  /** Browsers ask whether the page is to be left when this says so. */
  readonly #askFirst = (event: BeforeUnloadEvent): void => {
    if (this.#session?.isWatched === true) event.preventDefault();
  };

  constructor() {
    addEventListener('hashchange', () => void this.open());
    addEventListener('pagehide', () => this.#endSession());
    // A page that comes back from the browser's back-forward cache has lost its connections.
    addEventListener('pageshow', (event) => event.persisted && void this.open());
    element('home', HTMLAnchorElement).addEventListener('click', (event) => {
      if (this.#session?.isBroadcasting === true) return;
      event.preventDefault();
      this.#go({ view: 'home' });
    });
  }

  /** Shows what the address names. */
  async open(): Promise<void> {
    const own = (this.#turn += 1);
    const route = routeIn(location.href);
    if (this.#isShown(route)) return;
    if (route.view !== 'live') this.#endSession();
    if (route.view !== 'go-live') this.#goLive?.close();
    if (route.view !== 'home') this.#home.close();
    try {
      await this.#show(route, () => own === this.#turn);
    } catch {
      // A chunk that does not come: the relay is gone, or has been updated since.
      if (own === this.#turn) this.#say('This part of the page did not load. Reload it to try again.');
    }
  }

  async #show(route: Route, isCurrent: () => boolean): Promise<void> {
    this.#say('');
    switch (route.view) {
      case 'home':
        this.#home.open();
        return showView('home');
      case 'go-live': {
        this.#goLive ??= await this.#loadGoLive();
        if (!isCurrent()) return;
        showView('go-live');
        return this.#goLive.open();
      }
      case 'live':
        return this.#showLive(route.panel, isCurrent);
      case 'watch': {
        const session = await this.#loadSession();
        if (!isCurrent()) return;
        this.#watched = route.channel;
        showView('session');
        return session.watch(route.channel, route.panel);
      }
    }
  }

  async #showLive(panel: PanelName | null, isCurrent: () => boolean): Promise<void> {
    // Somebody followed an old address: there is nothing to send yet.
    if (this.#broadcast === null) {
      history.replaceState(null, '', `#${hashOf({ view: 'go-live' })}`);
      return this.open();
    }
    const session = await this.#loadSession();
    if (!isCurrent() || this.#broadcast === null) return;
    keepHomeApart('yes');
    // Only while it may be needed: with it, some browsers keep no page for coming back.
    addEventListener('beforeunload', this.#askFirst);
    showView('session');
    session.broadcast(this.#broadcast, panel);
  }

  /** The same session with another panel is no other place. */
  #isShown(route: Route): boolean {
    const isSame =
      (route.view === 'watch' && route.channel === this.#watched) ||
      (route.view === 'live' && this.#session?.isBroadcasting === true);
    if (isSame && route.panel !== null) this.#session?.openPanel(route.panel);
    return isSame;
  }

  #begin(broadcast: Broadcast): void {
    this.#broadcast = broadcast;
    this.#go({ view: 'live', panel: null });
  }

  #leave(): void {
    this.#endSession();
    this.#go({ view: 'home' });
  }

  async #retry(): Promise<void> {
    const isAlive = this.#broadcast?.source.stream.getVideoTracks()[0]?.readyState === 'live';
    if (this.#broadcast !== null && !isAlive) {
      this.#endSession();
      return this.#go({ view: 'go-live' });
    }
    this.#watched = null;
    this.#session?.close();
    return this.open();
  }

  #endSession(): void {
    this.#session?.close();
    this.#broadcast?.source.stop();
    this.#broadcast = null;
    this.#watched = null;
    keepHomeApart('no');
    removeEventListener('beforeunload', this.#askFirst);
  }

  /** The address follows the panel, so that a link to the tree shows the tree. */
  #showPanel(panel: PanelName): void {
    const route = routeIn(location.href);
    if ((route.view !== 'watch' && route.view !== 'live') || route.panel === panel) return;
    // Which panel opens by itself needs no mention.
    const wanted = panel === (route.view === 'live' ? 'share' : 'chat') ? null : panel;
    history.replaceState(null, '', `#${hashOf({ ...route, panel: wanted })}`);
  }

  #go(route: Route): void {
    const hash = hashOf(route);
    if (hash !== '') {
      location.hash = hash;
      return;
    }
    // An empty hash would leave a lonely # in the address.
    if (location.hash !== '') history.pushState(null, '', location.pathname + location.search);
    void this.open();
  }

  async #loadGoLive(): Promise<GoLiveView> {
    const module = await import('./go-live/go-live-view.ts');
    return this.#goLive ?? new module.GoLiveView((broadcast) => this.#begin(broadcast));
  }

  async #loadSession(): Promise<SessionView> {
    const module = await import('./session/session-view.ts');
    this.#session ??= module.SessionView.create({
      onLeave: () => this.#leave(),
      onRetry: () => void this.#retry(),
      onPanel: (panel) => this.#showPanel(panel),
    });
    return this.#session;
  }

  #say(problem: string): void {
    const holder = element('page-problem', HTMLParagraphElement);
    holder.hidden = problem === '';
    holder.textContent = problem;
  }
}

/** While a broadcast runs, the start page opens in a tab of its own. */
function keepHomeApart(apart: 'yes' | 'no'): void {
  const home = element('home', HTMLAnchorElement);
  home.target = apart === 'yes' ? '_blank' : '';
  const where = apart === 'yes' ? 'start page, opens in a new tab' : 'start page';
  home.setAttribute('aria-label', `CASTO, ${where}`);
}

function showView(view: ViewName): void {
  if (document.body.dataset['shown'] === view) return;
  const isFirst = document.body.dataset['shown'] === undefined;
  document.body.dataset['shown'] = view;
  document.body.dataset['view'] = view;
  if (isFirst) return;
  scrollTo(0, 0);
  // Whoever works by keyboard or ear goes on where the page goes on.
  const shown = document.querySelector(`[data-view-name=${view}]`);
  if (shown instanceof HTMLElement) shown.focus({ preventScroll: true });
}
