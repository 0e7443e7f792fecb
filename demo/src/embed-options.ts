/**
 * The part of an embed page's address behind `#`: `#casto=ID&autoplay&muted`. It is written by whoever makes the frame,
 * so nothing of it is trusted: names that are not known are left out, and so are values that are too long.
 */

/** Options that are on when their name is there, unless it says `=0`, `=off` or `=false`. */
const SWITCHES = ['autoplay', 'muted', 'controls'] as const;
/** Attributes of the player that are taken over as text. */
const TEXTS = ['relays', 'app', 'live-parents', 'relay', 'max-children'] as const;

/** Of one value, in characters: the addresses of sixteen relays are shorter. */
const MAX_VALUE_LENGTH = 4_096;
const MAX_CHANNEL_LENGTH = 128;
const OFF = new Set(['0', 'off', 'false', 'no']);

/** @returns Attributes of the player; `null` for those that are to be absent. */
export function embedAttributes(hash: string): Readonly<Record<string, string | null>> {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const channel = given.get('casto') ?? '';
  const attributes: Record<string, string | null> = {
    channel: channel !== '' && channel.length <= MAX_CHANNEL_LENGTH ? channel : null,
  };
  for (const name of TEXTS) {
    const value = given.get(name);
    attributes[name] = value !== null && value.length <= MAX_VALUE_LENGTH ? value : null;
  }
  for (const name of SWITCHES) {
    // A frame without controls is the exception.
    const value = given.get(name) ?? (name === 'controls' ? '' : 'off');
    attributes[name] = OFF.has(value.toLowerCase()) ? null : '';
  }
  return attributes;
}
