/** What the player says: states, failures and figures in a few words. */

import type { CastoErrorReason } from '../errors.ts';
import type { CastoStats, CastoVideoStats } from '../stats.ts';
import type { CastoState } from './casto-state.ts';

export interface Message {
  readonly title: string;
  readonly text: string;
  /** Label of the button that tries again; `null` where that cannot help. */
  readonly retry: string | null;
}

const TRY_AGAIN = 'Try again';

const FAILURES: Readonly<Record<CastoErrorReason, Message>> = {
  'no-permission': {
    title: 'This broadcast is not open to you',
    text: 'The relay does not let you in. Ask whoever sent you here.',
    retry: TRY_AGAIN,
  },
  // Those of a camera do not happen to viewers; the words are there for whoever gives the player such a reason.
  'no-device': { title: 'Nothing to show', text: 'There is no camera or screen to show.', retry: TRY_AGAIN },
  'insecure-context': {
    title: 'This address is not secure',
    text: 'Open the page by https.',
    retry: null,
  },
  'unsupported-browser': {
    title: 'This browser cannot play live video',
    text: 'A current Chrome, Edge, Firefox or Safari can.',
    retry: null,
  },
  'no-common-codec': {
    title: 'This browser cannot play the picture',
    text: 'The broadcast is in a video format that is missing here. Another browser may have it.',
    retry: null,
  },
  'no-relay': {
    title: 'No answer',
    text: 'Check that you are online, then try again.',
    retry: TRY_AGAIN,
  },
  'channel-not-found': {
    title: 'Nobody knows this broadcast',
    text: 'It may not have begun yet, or the link is incomplete.',
    retry: TRY_AGAIN,
  },
  'channel-offline': {
    title: 'Not live at the moment',
    text: 'The streamer is away. Try again in a while.',
    retry: TRY_AGAIN,
  },
  'relay-full': {
    title: 'Every place is taken',
    text: 'Try again in a moment: places become free all the time.',
    retry: TRY_AGAIN,
  },
  'timed-out': {
    title: 'The connection takes too long',
    text: 'A firewall or a weak network may be in the way. Another network may help.',
    retry: TRY_AGAIN,
  },
  // The player sends no messages; pages that do may give it what came of them.
  'too-large': { title: 'This message is too long', text: 'Send it in two parts.', retry: null },
  'rate-limited': { title: 'Not so fast', text: 'Wait a few seconds before the next message.', retry: null },
  aborted: { title: 'Stopped', text: 'Start again whenever you like.', retry: 'Play' },
  protocol: {
    title: 'The player could not start',
    text: 'Reload the page. If that does not help, tell its owner.',
    retry: TRY_AGAIN,
  },
};

const NO_CHANNEL: Message = {
  title: 'Nothing to watch yet',
  text: 'No broadcast has been chosen.',
  retry: null,
};

const SPOKEN: Readonly<Record<CastoState, Message | null>> = {
  idle: null,
  connecting: { title: 'Connecting', text: '', retry: null },
  waiting: {
    title: 'Waiting for the broadcast',
    text: 'The picture appears here as soon as it begins.',
    retry: null,
  },
  live: null,
  reconnecting: { title: 'Reconnecting', text: '', retry: null },
  ended: {
    title: 'The broadcast has ended',
    text: 'If the streamer comes back, so does the picture.',
    retry: null,
  },
  failed: null,
};

/** @returns What lies over the picture; `null` when that speaks for itself. */
export function messageFor(
  state: CastoState,
  { reason, hasChannel }: { reason: CastoErrorReason | null; hasChannel: boolean },
): Message | null {
  if (state === 'failed') return FAILURES[reason ?? 'protocol'];
  if (state === 'idle' && !hasChannel) return NO_CHANNEL;
  return SPOKEN[state];
}

/** What is said to those who listen to the page instead of seeing it. */
export function announcementFor(state: CastoState, message: Message | null): string {
  if (message === null) return state === 'live' ? 'Live' : '';
  return message.text === '' ? message.title : `${message.title}. ${message.text}`;
}

/** @param latencyMs - `null` while it is not known. */
export function latencyWords(latencyMs: number | null): string {
  if (latencyMs === null || !Number.isFinite(latencyMs)) return '';
  const shownMs = Math.max(0, latencyMs);
  return shownMs < 995
    ? `${Math.max(10, Math.round(shownMs / 10) * 10)} ms`
    : `${(shownMs / 1000).toFixed(1)} s`;
}

/** Size and pictures per second, and the rate at which they come, e.g. `720p30 · 1.4 Mb/s`. */
export function qualityWords({ video, download }: Pick<CastoStats, 'video' | 'download'>): string {
  const parts = [video === null ? '' : pictureWords(video), rateWords(download.bitsPerSecond)];
  return parts.filter((part) => part !== '').join(' · ');
}

/** To how many others this page passes the broadcast on right now. */
export function relayedTo({ children }: Pick<CastoStats, 'children'>): number {
  return children.filter(({ role }) => role === 'active').length;
}

function pictureWords({ width, height, framesPerSecond }: CastoVideoStats): string {
  if (width === 0 || height === 0) return '';
  const rate = framesPerSecond === 0 ? '' : Math.round(framesPerSecond);
  return `${Math.min(width, height)}p${rate}`;
}

function rateWords(bitsPerSecond: number): string {
  if (!(bitsPerSecond > 0)) return '';
  if (bitsPerSecond < 995_000) return `${Math.max(1, Math.round(bitsPerSecond / 1_000))} kb/s`;
  return `${(bitsPerSecond / 1_000_000).toFixed(1)} Mb/s`;
}
