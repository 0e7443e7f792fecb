/** The stage and the desk below it: phase, figures, link, and the buttons of a running session. */

import { CastoError } from 'casto';
import type { CASTO, CastoOptions, CastoStats } from 'casto';

import { announce } from './announcer.ts';
import { copyText } from './copying.ts';
import { element } from './elements.ts';
import type { Role } from './error-words.ts';
import { chipFigures, deskFigures } from './figures.ts';
import { nextPhase } from './phase.ts';
import type { Fact, Phase } from './phase.ts';
import { BADGES, deskTitle, veilWords } from './phase-words.ts';
import type { Player } from './player.ts';
import { ScreenLock } from './screen-lock.ts';

export interface SessionActions {
  onLeave: () => void;
  onRetry: () => void;
}

const FIGURES_EVERY_MS = 1000;
/** Key frames come every 2 s even of a still picture, so that without anything for longer the way is cut. */
const SILENCE_MS = 2000;
/** A channel that is live begins well before this; from here on the page speaks of waiting. */
const PATIENCE_MS = 4000;

export class SessionView {
  readonly #player: Player;
  readonly #screenLock = new ScreenLock();
  readonly #link = element('link', HTMLInputElement);
  #role: Role = 'viewer';
  #options: CastoOptions = {};
  #phase: Phase = { name: 'connecting' };
  #casto: CASTO | null = null;
  #following = new AbortController();
  #viewers = 0;
  #silentMs = 0;

  constructor(player: Player, actions: SessionActions) {
    this.#player = player;
    const onClick = (id: string, act: (button: HTMLButtonElement) => void) => {
      const button = element(id, HTMLButtonElement);
      button.addEventListener('click', () => act(button));
    };
    onClick('stop', actions.onLeave);
    onClick('veil-leave', actions.onLeave);
    onClick('veil-retry', actions.onRetry);
    onClick('copy', (button) => void copyText(this.#link.value, button, this.#link));
    onClick('send', () => void this.#send());
    this.#link.addEventListener('focus', () => this.#link.select());
    const onPhone = matchMedia('(pointer: coarse)').matches;
    element('send', HTMLButtonElement).hidden = !(onPhone && 'share' in navigator);
  }

  get isBroadcasting(): boolean {
    return this.#casto !== null && this.#role === 'streamer' && this.#phase.name !== 'failed';
  }

  /** Clears the stage for a session that is about to begin. */
  prepare(role: Role, options: CastoOptions): void {
    this.close();
    this.#role = role;
    this.#options = options;
    this.#viewers = 0;
    this.#silentMs = 0;
    this.#following = new AbortController();
    document.body.dataset['role'] = role;
    const preview = options.source === 'screen' ? 'screen-preview' : 'camera-preview';
    this.#player.prepare(role === 'viewer' ? 'watching' : preview);
    element('stop', HTMLButtonElement).textContent = role === 'viewer' ? 'Leave' : 'Stop';
    if (role === 'streamer') this.#screenLock.hold();
    this.#show({ name: 'connecting' });
    this.#showFigures(null);
    if (role === 'viewer') this.#after(PATIENCE_MS, () => this.#learn({ name: 'slow' }));
  }

  follow(casto: CASTO): void {
    const { signal } = this.#following;
    const live = () => this.#learn({ name: 'live' });
    this.#casto = casto;
    casto.addEventListener('live', live, { signal });
    casto.addEventListener('attached', live, { signal });
    casto.addEventListener('parent-changed', live, { signal });
    casto.addEventListener('ended', () => this.#learn({ name: 'ended' }), { signal });
    casto.addEventListener('error', () => this.#learn({ name: 'detached' }), { signal });
    casto.addEventListener('viewers', ({ detail }) => (this.#viewers = detail.count), { signal });
  }

  started(): void {
    this.#learn({ name: 'live' });
    void this.#keepFigures();
  }

  failed(error: unknown): void {
    this.#learn({ name: 'failed', reason: error instanceof CastoError ? error.reason : null });
  }

  close(): void {
    this.#following.abort();
    void this.#casto?.stop();
    this.#casto = null;
    this.#player.clear();
    this.#screenLock.release();
    document.title = 'CASTO';
  }

  #learn(fact: Fact): void {
    if (fact.name === 'live') this.#silentMs = 0;
    const next = nextPhase(this.#phase, fact);
    if (next.name !== this.#phase.name) this.#show(next);
  }

  #show(phase: Phase): void {
    this.#phase = phase;
    const words = veilWords(phase, this.#role, this.#options.source === 'screen' ? 'screen' : 'camera');
    document.body.dataset['phase'] = phase.name;
    element('badge', HTMLElement).textContent = BADGES[phase.name];
    element('desk-title', HTMLElement).textContent = deskTitle(phase, this.#role, this.#options.title);
    element('veil', HTMLElement).hidden = words === null;
    element('veil-title', HTMLElement).textContent = words?.title ?? '';
    element('veil-text', HTMLElement).textContent = words?.text ?? '';
    const retry = element('veil-retry', HTMLButtonElement);
    retry.hidden = words?.retry === undefined;
    retry.textContent = words?.retry ?? '';
    element('veil-leave', HTMLButtonElement).textContent = words?.leave ?? '';
    this.#link.value = phase.name === 'failed' ? '' : (this.#casto?.link ?? '');
    document.title = phase.name === 'live' ? '● Live · CASTO' : 'CASTO';
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
    }
    this.#after(FIGURES_EVERY_MS, () => void this.#keepFigures());
  }

  #showFigures(stats: CastoStats | null): void {
    const [viewers, latency, depth] = chipFigures(stats, this.#viewers);
    element('chip-viewers', HTMLElement).textContent = viewers;
    element('chip-latency', HTMLElement).textContent = latency;
    element('chip-depth', HTMLElement).textContent = depth;
    element('figures', HTMLElement).textContent = deskFigures(stats);
  }

  async #send(): Promise<void> {
    const title = this.#options.title ?? 'Live on CASTO';
    // Rejects when the person closes the sheet: nothing is to be done about that.
    await navigator.share({ title, url: this.#link.value }).catch(() => undefined);
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
