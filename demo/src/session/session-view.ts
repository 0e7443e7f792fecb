/** A running session: the stage and the desk below it, and the panels beside them. */

import { CASTO, CastoError } from 'casto';
import type { CastoOptions, CastoStats } from 'casto';

import { announce } from '../announcer.ts';
import { ChatPanel } from '../chat/chat-panel.ts';
import { element } from '../elements.ts';
import type { Broadcast } from '../go-live/go-live-view.ts';
import type { PanelName } from '../route.ts';
import { SharePanel } from '../share/share-panel.ts';
import type { Role } from '../words/error-words.ts';
import { chipFigures, deskFigures, relayingWords } from '../words/figures.ts';
import { LazyPanels } from './lazy-panels.ts';
import { Panels } from './panels.ts';
import { nextPhase } from './phase.ts';
import type { Fact, Phase } from './phase.ts';
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

const FIGURES_EVERY_MS = 1000;
/** Key frames come every 2 s even of a still picture, so that without anything for longer the way is cut. */
const SILENCE_MS = 2000;
/** A channel that is live begins well before this; from here on the page speaks of waiting. */
const PATIENCE_MS = 4000;

export class SessionView {
  readonly #player: Player;
  readonly #panels: Panels;
  readonly #lazy = new LazyPanels();
  readonly #share = new SharePanel();
  readonly #chat = new ChatPanel();
  readonly #screenLock = new ScreenLock();
  #role: Role = 'viewer';
  #options: CastoOptions = {};
  #phase: Phase = { name: 'connecting' };
  #casto: CASTO | null = null;
  #following = new AbortController();
  #viewers = 0;
  #silentMs = 0;

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
    return this.#casto !== null && this.#role === 'streamer' && this.#phase.name !== 'failed';
  }

  broadcast({ source, options }: Broadcast, panel: PanelName | null): void {
    this.#prepare('streamer', options, panel ?? 'share');
    this.#player.prepare(source.isMirror ? 'mirror' : 'own-picture');
    void this.#begin();
  }

  /** @param title - What the streamer calls the channel; `null`: it is not known here. */
  watch(channel: string, title: string | null, panel: PanelName | null): void {
    this.#prepare('viewer', title === null ? { channel } : { channel, title }, panel ?? 'chat');
    this.#player.prepare('watching');
    this.#after(PATIENCE_MS, () => this.#learn({ name: 'slow' }));
    void this.#begin();
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
    void this.#casto?.stop();
    this.#casto = null;
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
    this.#viewers = 0;
    this.#silentMs = 0;
    this.#following = new AbortController();
    document.body.dataset['role'] = role;
    element('stop', HTMLButtonElement).textContent = role === 'viewer' ? 'Leave' : 'Stop';
    if (role === 'streamer') this.#screenLock.hold();
    this.#show({ name: 'connecting' });
    this.#showFigures(null);
    this.#panels.open(panel);
  }

  /** The live video is these few lines; the rest of this app is buttons and words. */
  async #begin(): Promise<void> {
    const { signal } = this.#following;
    const casto = new CASTO(this.#options);
    this.#follow(casto, signal);
    try {
      const stream = await casto.start();
      if (signal.aborted) return;
      this.#player.video.srcObject = stream;
      this.#learn({ name: 'live' });
      void this.#keepFigures();
    } catch (error) {
      const reason = error instanceof CastoError ? error.reason : null;
      if (!signal.aborted) this.#learn({ name: 'failed', reason });
    }
  }

  #follow(casto: CASTO, signal: AbortSignal): void {
    const live = () => this.#learn({ name: 'live' });
    this.#casto = casto;
    casto.addEventListener('live', live, { signal });
    casto.addEventListener('attached', live, { signal });
    casto.addEventListener('parent-changed', live, { signal });
    casto.addEventListener('ended', () => this.#learn({ name: 'ended' }), { signal });
    casto.addEventListener('error', () => this.#learn({ name: 'detached' }), { signal });
    casto.addEventListener('viewers', ({ detail }) => (this.#viewers = detail.count), { signal });
    this.#chat.follow(casto, signal);
    this.#lazy.follow(casto);
  }

  #learn(fact: Fact): void {
    if (fact.name === 'live') this.#silentMs = 0;
    const next = nextPhase(this.#phase, fact);
    if (next.name !== this.#phase.name) this.#show(next);
  }

  #show(phase: Phase): void {
    this.#phase = phase;
    const words = veilWords(phase, this.#role);
    document.body.dataset['phase'] = phase.name;
    const title = this.#casto?.title || this.#options.title;
    element('badge', HTMLElement).textContent = BADGES[phase.name];
    element('desk-title', HTMLElement).textContent = deskTitle(phase, this.#role, title);
    element('veil', HTMLElement).hidden = words === null;
    element('veil-title', HTMLElement).textContent = words?.title ?? '';
    element('veil-text', HTMLElement).textContent = words?.text ?? '';
    const retry = element('veil-retry', HTMLButtonElement);
    retry.hidden = words?.retry === undefined;
    retry.textContent = words?.retry ?? '';
    element('veil-leave', HTMLButtonElement).textContent = words?.leave ?? '';
    const link = phase.name === 'failed' || this.#casto?.channel === '' ? '' : (this.#casto?.link ?? '');
    this.#share.show(link, title);
    document.title = phase.name === 'live' ? `● ${title || 'Live'} · CASTO` : 'CASTO';
    announce(words === null ? BADGES[phase.name].toLowerCase() : `${words.title}. ${words.text}`);
  }

  async #keepFigures(): Promise<void> {
    const { signal } = this.#following;
    const stats = await this.#casto?.stats().catch(() => null);
    if (signal.aborted || stats === undefined) return;
    if (stats !== null) {
      this.#silentMs = isFlowing(stats) ? 0 : this.#silentMs + FIGURES_EVERY_MS;
      if (this.#silentMs === 0) this.#learn({ name: 'flowing' });
      // A streamer that nobody watches, behind a relay that only introduces, is none the less live.
      else if (this.#silentMs > SILENCE_MS && stats.role === 'viewer') this.#learn({ name: 'detached' });
      this.#showFigures(stats);
      this.#lazy.add(stats, this.#viewers);
    }
    this.#after(FIGURES_EVERY_MS, () => void this.#keepFigures());
  }

  #showFigures(stats: CastoStats | null): void {
    const [viewers, latency, depth] = chipFigures(stats, this.#viewers);
    element('chip-viewers', HTMLElement).textContent = viewers;
    element('chip-latency', HTMLElement).textContent = latency;
    element('chip-depth', HTMLElement).textContent = depth;
    element('figures', HTMLElement).textContent = deskFigures(stats);
    element('relaying', HTMLElement).textContent = relayingWords(stats);
  }

  #after(delayMs: number, act: () => void): void {
    const timer = setTimeout(act, delayMs);
    this.#following.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }
}

/** A streamer has children, if only its relay; a viewer has a parent that sends. */
function isFlowing(stats: CastoStats): boolean {
  const peers = stats.role === 'streamer' ? stats.children : stats.parents;
  const isServed = peers.some(({ role }) => role === 'active');
  return isServed && (stats.role === 'streamer' || stats.download.bitsPerSecond > 0);
}
