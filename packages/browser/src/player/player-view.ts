/** Shows a model of the player in its shadow root, and tells what is pressed there. */

import type { CastoErrorReason } from '../errors.ts';
import type { CastoStats } from '../stats.ts';
import type { CastoState } from './casto-state.ts';
import { announcementFor, latencyWords, messageFor, qualityWords, relayedTo } from './player-words.ts';
import { PLAYER_STYLE } from './player-style.ts';
import { createPlayerElements, showIcon, type PlayerElements } from './shadow-markup.ts';

export interface PlayerModel {
  readonly state: CastoState;
  /** Why it failed. */
  readonly reason: CastoErrorReason | null;
  readonly hasChannel: boolean;
  readonly hasControls: boolean;
  readonly isActive: boolean;
  readonly isPaused: boolean;
  /** What it is, or what is asked for while a browser refuses it. */
  readonly isMuted: boolean;
  /** From 0 to 1. */
  readonly volume: number;
  readonly prompt: 'none' | 'sound' | 'play';
  /** Whether anything of the broadcast has been played. */
  readonly hasBegun: boolean;
  /** Whether that has pictures. */
  readonly hasPicture: boolean;
  readonly hasSound: boolean;
  readonly poster: string;
  readonly stats: CastoStats | null;
  readonly canFillScreen: boolean;
  readonly fillsScreen: boolean;
  readonly canFloat: boolean;
  readonly floats: boolean;
}

export class PlayerView {
  readonly elements: PlayerElements;

  constructor(root: ShadowRoot) {
    this.elements = createPlayerElements();
    adoptStyle(root);
    root.append(this.elements.player);
  }

  render(known: PlayerModel): void {
    const { player } = this.elements;
    const model = { ...known, state: shownState(known) };
    const runs = model.state === 'live' || model.state === 'reconnecting';
    // Whoever fills the screen needs the way back, whatever the broadcast does.
    const showsBar = model.hasControls && ((runs && model.hasBegun) || model.fillsScreen);
    const isBusy = model.isActive || model.isPaused || !runs || model.prompt !== 'none';
    toggle(player, 'idle', showsBar && !isBusy);
    toggle(player, 'picture', model.hasPicture);
    player.dataset['state'] = model.state;
    this.elements.controls.hidden = !showsBar;
    this.#renderMessage(model);
    this.#renderPrompts(model);
    this.#renderChips(model);
    if (showsBar) this.#renderBar(model);
  }

  #renderMessage(model: PlayerModel): void {
    const { player, message, messageTitle, messageText, retry, announcer, poster, posterSlot } =
      this.elements;
    const words = messageFor(model.state, model);
    const hasPoster = model.poster !== '' || posterSlot.assignedElements().length > 0;
    player.dataset['backdrop'] = model.hasPicture || hasPoster ? 'picture' : 'plain';
    toggle(player, 'veiled', words !== null);
    message.hidden = words === null;
    write(messageTitle, words?.title ?? '');
    write(messageText, words?.text ?? '');
    retry.hidden = (words?.retry ?? null) === null;
    write(retry, words?.retry ?? '');
    write(announcer, announcementFor(model.state, words));
    poster.hidden = model.poster === '';
    if (poster.getAttribute('src') !== model.poster && model.poster !== '') poster.src = model.poster;
  }

  #renderPrompts({
    state,
    hasChannel,
    hasSound,
    prompt,
    isPaused,
    hasControls,
    hasBegun,
  }: PlayerModel): void {
    const { bigPlay, soundPrompt } = this.elements;
    const isLive = state === 'live' || state === 'reconnecting';
    // A bar without a picture to stand on is not shown, and a player without a bar has no other way on.
    const isStuck = isPaused && (!hasControls || !hasBegun);
    bigPlay.hidden = !(
      (state === 'idle' && hasChannel) ||
      (state === 'live' && (prompt === 'play' || isStuck))
    );
    soundPrompt.hidden = !(isLive && prompt === 'sound' && hasSound);
  }

  #renderChips({ state, stats, isPaused, hasBegun }: PlayerModel): void {
    const { badge, badgeWord, latency, relaying, relayingCount } = this.elements;
    badge.hidden = !hasBegun || (state !== 'live' && state !== 'reconnecting');
    const isLive = state === 'live' && !isPaused;
    badge.dataset['tone'] = isLive ? 'live' : 'quiet';
    write(badgeWord, state === 'live' ? (isPaused ? 'Paused' : 'Live') : 'Reconnecting');
    write(latency, isLive ? latencyWords(stats?.latencyMs ?? null) : '');
    const count = stats === null ? 0 : relayedTo(stats);
    relaying.hidden = badge.hidden || count === 0;
    write(relayingCount, String(count));
  }

  #renderBar(model: PlayerModel): void {
    const { play, mute, volume, quality, float, fullscreen } = this.elements;
    const isSilent = model.isMuted || model.volume === 0;
    name(play, model.isPaused ? 'Play' : 'Pause');
    showIcon(play, model.isPaused ? 'play' : 'pause');
    mute.hidden = !model.hasSound;
    volume.hidden = !model.hasSound;
    name(mute, isSilent ? 'Unmute' : 'Mute');
    showIcon(mute, isSilent ? 'silence' : 'sound');
    const shownVolume = String(isSilent ? 0 : Math.round(model.volume * 100));
    if (volume.value !== shownVolume) volume.value = shownVolume;
    write(quality, model.stats === null ? '' : qualityWords(model.stats));
    float.hidden = !model.canFloat;
    name(float, model.floats ? 'Back from picture-in-picture' : 'Picture-in-picture');
    fullscreen.hidden = !model.canFillScreen;
    name(fullscreen, model.fillsScreen ? 'Leave full screen' : 'Full screen');
    showIcon(fullscreen, model.fillsScreen ? 'shrink' : 'fill');
  }
}

/** The first picture may come a moment after the broadcast. */
function shownState({ state, hasBegun, isPaused, prompt }: PlayerModel): CastoState {
  const isExpected = state === 'live' && !hasBegun && !isPaused && prompt === 'none';
  return isExpected ? 'connecting' : state;
}

let sheet: CSSStyleSheet | null = null;

/** One sheet serves all players. Policies that forbid `<style>` allow it. */
function adoptStyle(root: ShadowRoot): void {
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(PLAYER_STYLE);
  }
  root.adoptedStyleSheets = [sheet];
}

/** Unchanged text is left alone: a live region speaks when it is written. */
function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function name(button: HTMLElement, label: string): void {
  if (button.getAttribute('aria-label') === label) return;
  button.setAttribute('aria-label', label);
  button.title = label;
}

function toggle(element: HTMLElement, key: string, isOn: boolean): void {
  if (isOn) element.dataset[key] = '';
  else delete element.dataset[key];
}
