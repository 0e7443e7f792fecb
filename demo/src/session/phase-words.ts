/** What the page says in each state of the broadcast. */

import type { CastoState } from 'casto/player';

import { wordsFor } from '../words/error-words.ts';
import type { Reason, Role } from '../words/error-words.ts';
import { titleWords } from '../words/title-words.ts';
import { unreachable } from '../unreachable.ts';

export interface VeilWords {
  title: string;
  text: string;
  /** Label of the button that tries again; absent when that cannot help. */
  retry?: string;
  leave: string;
}

export const BADGES: Readonly<Record<CastoState, string>> = {
  idle: 'Stopped',
  connecting: 'Connecting',
  waiting: 'Waiting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  ended: 'Ended',
  failed: 'Stopped',
};

/**
 * @param reason - Why it failed, if it has; `null` when that is not known.
 * @returns What lies over the picture, or `null` when the picture speaks for itself.
 */
export function veilWords(state: CastoState, role: Role, reason: Reason | null): VeilWords | null {
  switch (state) {
    case 'connecting':
      return { ...(role === 'viewer' ? VIEWER_CONNECTS : STREAMER_CONNECTS), leave: 'Cancel' };
    case 'waiting':
      return {
        title: 'Waiting for the streamer',
        text: 'The picture appears here as soon as the broadcast begins.',
        leave: 'Back',
      };
    case 'idle':
    case 'live':
    case 'reconnecting':
      return null;
    case 'ended':
      return role === 'viewer' ? VIEWER_ENDED : STREAMER_ENDED;
    case 'failed': {
      const { title, advice, retry } = wordsFor(reason, role);
      return { title, text: advice, leave: 'Back', ...(retry === 'useful' ? { retry: 'Try again' } : {}) };
    }
    default:
      return unreachable(state);
  }
}

/** @param title - What the streamer calls the broadcast; empty before that is known, or where it is called nothing. */
export function deskTitle(state: CastoState, role: Role, title: string): string {
  const isKnown = title !== '' || state === 'live' || state === 'reconnecting' || state === 'ended';
  if (isKnown) return titleWords(title);
  return role === 'viewer' ? 'Watching' : 'Your broadcast';
}

const VIEWER_CONNECTS = { title: 'Connecting', text: 'Looking for the way to the streamer.' };

const STREAMER_CONNECTS = { title: 'Going live', text: 'Telling the relay about your broadcast.' };

const VIEWER_ENDED: VeilWords = {
  title: 'The broadcast has ended',
  text: 'Stay a little: if the streamer comes back, so does the picture.',
  leave: 'Back',
};

const STREAMER_ENDED: VeilWords = {
  title: 'Your broadcast has ended',
  text: 'What you showed was closed: the camera, the screen or the window.',
  retry: 'Go live again',
  leave: 'Back',
};
