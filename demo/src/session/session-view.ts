/** A running session: the stage and the desk below it, and the panels beside them. */

import { CASTO, CastoError } from 'casto';
import type { CastoOptions, CastoStats } from 'casto';
import { CastoRun } from 'casto/player';
import type { CastoState } from 'casto/player';

import { announce } from '../announcer.ts';
import { ChatPanel } from '../chat/chat-panel.ts';
import { element } from '../elements.ts';
import type { Broadcast } from '../go-live/go-live-view.ts';
import type { PanelName } from '../route.ts';
import { SharePanel } from '../share/share-panel.ts';
import type { Reason, Role } from '../words/error-words.ts';
import { chipFigures, deskFigures, relayingWords } from '../words/figures.ts';
import { titleWords } from '../words/title-words.ts';
import { LazyPanels } from './lazy-panels.ts';
import { Panels } from './panels.ts';
import { PassOnSwitch } from './pass-on.ts';
import { BADGES, deskTitle, veilWords } from './phase-words.ts';
import { Player } from './player.ts';
import { ScreenLock } from './screen-lock.ts';
import markup from './session.html?raw';

export interface SessionActions {
  onLeave: () => void;
  onRetry: () => void;
  /** Somebody looks at another panel. */
  onPanel: (name: PanelName) => void;
}

export class SessionView {
  readonly #player: Player;
  readonly #panels: Panels;
  readonly #lazy = new LazyPanels();
  readonly #share = new SharePanel();
  readonly #chat = new ChatPanel();
  readonly #passOn = new PassOnSwitch(() => this.#rejoin());
  readonly #screenLock = new ScreenLock();
  #role: Role = 'viewer';
  #options: CastoOptions = {};
  #run: CastoRun | null = null;
  #following = new AbortController();
  /** Why it failed; `null` for anything that has no words of its own. */
  #reason: Reason | null = null;
  /** What the streamer calls it; empty before that is known, and where it is called nothing. */
  #title = '';
  #viewers = 0;

  /** @param actions - What the rest of the page does when somebody presses a button here. */
  constructor(actions: SessionActions) {
    this.#player = new Player();
    this.#panels = new Panels((name) => {
      this.#lazy.open(name);
      this.#chat.setShown(name === 'chat' ? 'yes' : 'no');
      actions.onPanel(name);
    });
    const onClick = (id: string, act: () => void) =>
      element(id, HTMLButtonElement).addEventListener('click', act);
    onClick('stop', actions.onLeave);
    onClick('veil-leave', actions.onLeave);
    onClick('veil-retry', actions.onRetry);
  }

  /** Puts the markup into the page; before that there is nothing to work with. */
  static create(actions: SessionActions): SessionView {
    element('views', HTMLElement).insertAdjacentHTML('beforeend', markup);
    return new SessionView(actions);
  }

  get isBroadcasting(): boolean {
    return this.#run !== null && this.#role === 'streamer' && this.#run.state !== 'failed';
  }

  broadcast({ source, options }: Broadcast, panel: PanelName | null): void {
    this.#prepare('streamer', options, panel ?? 'share');
    this.#player.prepare(source.isMirror ? 'mirror' : 'own-picture');
    this.#begin();
  }

  watch(channel: string, panel: PanelName | null): void {
    this.#prepare('viewer', { channel }, panel ?? 'chat');
    this.#player.prepare('watching');
    this.#begin();
  }

  /** Another panel is asked for while the session runs. */
  openPanel(name: PanelName): void {
    if (this.#panels.current !== name) this.#panels.open(name);
  }

  /** Whether somebody loses the picture when this page goes. */
  get isWatched(): boolean {
    return this.isBroadcasting && this.#viewers > 0;
  }

  close(): void {
    this.#following.abort();
    void this.#run?.stop();
    this.#run = null;
    this.#player.clear();
    this.#panels.close();
    this.#lazy.close();
    this.#chat.close();
    this.#screenLock.release();
    document.title = 'CASTO';
  }

  #prepare(role: Role, options: CastoOptions, panel: PanelName): void {
    this.close();
    this.#role = role;
    this.#options = options;
    this.#title = options.title ?? '';
    document.body.dataset['role'] = role;
    element('stop', HTMLButtonElement).textContent = role === 'viewer' ? 'Leave' : 'Stop';
    if (role === 'streamer') this.#screenLock.hold();
    this.#panels.open(panel);
  }

  /** The live video is these few lines; the rest of this app is buttons and words. */
  #begin(): void {
    this.#viewers = 0;
    this.#reason = null;
    this.#following = new AbortController();
    this.#showFigures(null);
    this.#run = new CastoRun(() => this.#create(), {
      onState: (state) => this.#learn(state),
      onStream: (stream) => (this.#player.video.srcObject = stream),
      onStats: (stats) => {
        this.#showFigures(stats);
        this.#lazy.add(stats, this.#viewers);
      },
      onError: (failure) => (this.#reason = failure instanceof CastoError ? failure.reason : null),
    });
  }

  #create(): CASTO {
    const keeps = this.#role === 'viewer' && this.#passOn.choice === 'off';
    const casto = new CASTO(keeps ? { ...this.#options, relay: false } : this.#options);
    const { signal } = this.#following;
    casto.addEventListener('viewers', ({ detail }) => (this.#viewers = detail.count), { signal });
    this.#chat.follow(casto, signal);
    this.#lazy.follow(casto);
    return casto;
  }

  /** What a page passes on is settled when it joins. Picture, sound and messages stay where they are meanwhile. */
  #rejoin(): void {
    if (this.#run === null || this.#run.state === 'failed') return;
    this.#following.abort();
    void this.#run.stop();
    this.#begin();
  }

  #learn(state: CastoState): void {
    // A streamer waits for nobody, however slowly the relay answers.
    if (state !== 'waiting' || this.#role === 'viewer') this.#show(state);
  }

  #show(state: CastoState): void {
    const casto = this.#run?.casto ?? null;
    const words = veilWords(state, this.#role, this.#reason);
    document.body.dataset['phase'] = state;
    if (state === 'live') this.#title = casto?.title ?? '';
    element('badge', HTMLElement).textContent = BADGES[state];
    element('desk-title', HTMLElement).textContent = deskTitle(state, this.#role, this.#title);
    element('veil', HTMLElement).hidden = words === null;
    element('veil-title', HTMLElement).textContent = words?.title ?? '';
    element('veil-text', HTMLElement).textContent = words?.text ?? '';
    const retry = element('veil-retry', HTMLButtonElement);
    retry.hidden = words?.retry === undefined;
    retry.textContent = words?.retry ?? '';
    element('veil-leave', HTMLButtonElement).textContent = words?.leave ?? '';
    const link = state === 'failed' || casto?.channel === '' ? '' : (casto?.link ?? '');
    this.#share.show(link, this.#title);
    document.title = state === 'live' ? `● ${titleWords(this.#title)} · CASTO` : 'CASTO';
    announce(words === null ? BADGES[state].toLowerCase() : `${words.title}. ${words.text}`);
  }

  #showFigures(stats: CastoStats | null): void {
    const [viewers, latency, depth] = chipFigures(stats, this.#viewers);
    element('chip-viewers', HTMLElement).textContent = viewers;
    element('chip-latency', HTMLElement).textContent = latency;
    element('chip-depth', HTMLElement).textContent = depth;
    element('figures', HTMLElement).textContent = deskFigures(stats);
    element('relaying', HTMLElement).textContent = relayingWords(stats, this.#passOn.choice);
  }
}
