/** The attributes of the player that say what to watch and how, read as untrusted text. */

import type { CastoOptions } from '../options.ts';

/** A change of any of these begins a new life of the CASTO object. */
export const JOIN_ATTRIBUTES = ['channel', 'relays', 'app', 'live-parents', 'relay', 'max-children'] as const;

/** Besides those, what is looked at. */
export const LOOK_ATTRIBUTES = ['muted', 'autoplay', 'controls', 'poster'] as const;

const MAX_RELAYS = 16;

/** @returns What a CASTO object is made with; `null` when no channel is named. Values that make no sense are left out. */
export function readJoinOptions(attribute: (name: string) => string | null): CastoOptions | null {
  const channel = attribute('channel')?.trim() ?? '';
  if (channel === '') return null;
  const relays = readRelays(attribute('relays'));
  const app = attribute('app');
  const liveParents = attribute('live-parents')?.trim();
  const relay = readRelaying(attribute('relay'), attribute('max-children'));
  return {
    channel,
    ...(relays.length === 0 ? {} : { relays }),
    ...(app === null ? {} : { app }),
    ...(liveParents === '2' ? { liveParents: 2 } : {}),
    ...(relay === undefined ? {} : { relay }),
  };
}

/** Origins or multiaddrs, separated by commas, spaces or line breaks. */
export function readRelays(text: string | null): string[] {
  const names = (text ?? '').split(/[\s,]+/).filter((name) => name !== '');
  return [...new Set(names)].slice(0, MAX_RELAYS);
}

/** Whether, and to how many pages, the broadcast is passed on; `undefined`: as the SDK would by itself. */
function readRelaying(relay: string | null, maxChildren: string | null): CastoOptions['relay'] {
  if (relay?.trim().toLowerCase() === 'off') return false;
  const text = maxChildren?.trim() ?? '';
  return /^\d{1,4}$/.test(text) ? { maxChildren: Number(text) } : undefined;
}
