/** Links name a channel as `#casto=ID`; people may also paste the id alone. */

/** Ids are PeerIds in base58 or base36, from 46 characters on; the bounds are wide on purpose. */
const CHANNEL_ID = /^[A-Za-z0-9]{20,128}$/;

/** @returns The channel in the address of a page, or `null`. */
export function channelIn(url: string): string | null {
  const channel = new URLSearchParams(new URL(url).hash.slice(1)).get('casto');
  return channel === '' ? null : channel;
}

/** @returns The channel that somebody's input names, or `null` when it names none. */
export function channelInInput(input: string): string | null {
  const text = input.trim();
  if (CHANNEL_ID.test(text)) return text;
  const named = /casto=([^&\s]*)/.exec(text)?.[1] ?? '';
  return CHANNEL_ID.test(named) ? named : null;
}
