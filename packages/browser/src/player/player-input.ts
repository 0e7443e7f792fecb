/** Turns what is pressed, moved and touched in a player into commands. */

import type { Activity } from './activity.ts';
import { commandFor, type KeyPress, type PlayerCommand } from './player-keys.ts';
import type { PlayerElements } from './shadow-markup.ts';

export interface PlayerInputListener {
  /** Whether there are controls that the person may use. */
  hasControls(): boolean;
  prompt(): 'none' | 'sound' | 'play';
  command(command: PlayerCommand): void;
  /** The button in the middle: play, whatever it takes. */
  start(): void;
  retry(): void;
  unmute(): void;
  /** @param volume - From 0 to 1. */
  setVolume(volume: number): void;
}

/** The elements belong to the player alone, so that the listeners go with it. */
export function listenToInput(
  elements: PlayerElements,
  activity: Activity,
  listener: PlayerInputListener,
): void {
  const { player, surface, play, mute, volume, float, fullscreen, bigPlay, soundPrompt, retry } = elements;
  const onClick = (button: HTMLElement, act: () => void): void =>
    button.addEventListener('click', () => {
      activity.notice();
      act();
    });
  onClick(play, () => listener.command('toggle-play'));
  onClick(mute, () => listener.command('toggle-sound'));
  onClick(float, () => listener.command('toggle-picture-in-picture'));
  onClick(fullscreen, () => listener.command('toggle-fullscreen'));
  onClick(bigPlay, () => listener.start());
  onClick(soundPrompt, () => listener.unmute());
  onClick(retry, () => listener.retry());
  volume.addEventListener('input', () => {
    activity.notice();
    listener.setVolume(Number(volume.value) / 100);
  });
  surface.addEventListener('click', (event) => pressSurface(event, activity, listener));
  surface.addEventListener('dblclick', () => {
    if (listener.hasControls()) listener.command('toggle-fullscreen');
  });
  player.addEventListener('keydown', (event) => pressKey(event, activity, listener));
  player.addEventListener('pointermove', ({ pointerType }) => {
    if (pointerType !== 'touch') activity.notice();
  });
  player.addEventListener('pointerleave', ({ pointerType }) => {
    if (pointerType !== 'touch') activity.dismiss();
  });
}

/** A tap on the picture shows and hides the controls, a click plays and pauses. */
function pressSurface(event: Event, activity: Activity, listener: PlayerInputListener): void {
  if (listener.prompt() === 'sound') return listener.unmute();
  if (!listener.hasControls()) return;
  const isTouch = event instanceof PointerEvent && event.pointerType === 'touch';
  if (!isTouch) return listener.command('toggle-play');
  if (activity.isActive) activity.dismiss();
  else activity.notice();
}

function pressKey(event: KeyboardEvent, activity: Activity, listener: PlayerInputListener): void {
  activity.notice();
  if (event.defaultPrevented || !listener.hasControls()) return;
  const { key, ctrlKey, altKey, metaKey } = event;
  const on = kindOf(event.composedPath()[0]);
  const command = commandFor({ key, hasModifier: ctrlKey || altKey || metaKey, on });
  if (command === null) return;
  // Space and arrows would scroll the page.
  event.preventDefault();
  listener.command(command);
}

function kindOf(target: EventTarget | undefined): KeyPress['on'] {
  if (target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement) return 'button';
  if (target instanceof HTMLInputElement) return target.type === 'range' ? 'slider' : 'text';
  const isText =
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLElement && target.isContentEditable);
  return isText ? 'text' : 'other';
}
