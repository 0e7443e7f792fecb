/** What the keyboard does while the focus is in a player. */

export type PlayerCommand =
  'toggle-play' | 'toggle-sound' | 'toggle-fullscreen' | 'toggle-picture-in-picture' | 'louder' | 'quieter';

export interface KeyPress {
  readonly key: string;
  readonly hasModifier: boolean;
  /** What has the focus: buttons and sliders have a use of their own for some keys. */
  readonly on: 'button' | 'slider' | 'text' | 'other';
}

const KEYS: Readonly<Record<string, PlayerCommand>> = {
  ' ': 'toggle-play',
  k: 'toggle-play',
  m: 'toggle-sound',
  f: 'toggle-fullscreen',
  i: 'toggle-picture-in-picture',
  ArrowUp: 'louder',
  ArrowDown: 'quieter',
};

/** @returns The command of a key; `null` where the key belongs to somebody else. */
export function commandFor({ key, hasModifier, on }: KeyPress): PlayerCommand | null {
  if (hasModifier || on === 'text') return null;
  if (on === 'button' && key === ' ') return null;
  if (on === 'slider' && key.startsWith('Arrow')) return null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return Object.hasOwn(KEYS, name) ? (KEYS[name] ?? null) : null;
}

/** One press of an arrow. */
const VOLUME_STEP = 0.05;

/** @returns The volume after a step, from 0 to 1, without the dust of binary fractions. */
export function steppedVolume(volume: number, direction: 'louder' | 'quieter'): number {
  const stepped = volume + (direction === 'louder' ? VOLUME_STEP : -VOLUME_STEP);
  return Math.round(Math.min(1, Math.max(0, stepped)) * 100) / 100;
}
