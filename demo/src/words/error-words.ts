/** Every failure in plain words: what happened, and what to do next. */

import type { CastoError } from 'casto';

import { MOST_TEXT } from '../chat/chat-payload.ts';

export type Reason = CastoError['reason'];
export type Role = 'streamer' | 'viewer';

export interface Words {
  title: string;
  advice: string;
  /** Trying the same again can help without anything else being done. */
  retry: 'useful' | 'useless';
}

const WORDS: Readonly<Record<Reason, Words>> = {
  'no-permission': {
    title: 'No access to camera or screen',
    advice:
      'Allow it with the icon beside the address, then try again. If that is done, this relay may ask for a token.',
    retry: 'useful',
  },
  'no-device': {
    title: 'No camera found',
    advice:
      'Plug one in, or close the app that uses it, then try again. Sharing the screen works without a camera.',
    retry: 'useful',
  },
  'insecure-context': {
    title: 'This address is not secure',
    advice: 'Browsers open the camera only on https or on localhost. Open the page there to broadcast.',
    retry: 'useless',
  },
  'unsupported-browser': {
    title: 'This browser cannot do live video',
    advice: 'Use a current Chrome, Edge, Firefox or Safari.',
    retry: 'useless',
  },
  'no-common-codec': {
    title: 'This browser cannot play the picture',
    advice: 'The broadcast uses a video format that is missing here. Try another browser.',
    retry: 'useless',
  },
  'no-relay': {
    title: 'The relay does not answer',
    advice: 'Check that you are online and that the relay runs, then try again.',
    retry: 'useful',
  },
  'channel-not-found': {
    title: 'Nobody knows this channel',
    advice: 'Check that the link is complete, or ask for a fresh one.',
    retry: 'useful',
  },
  'channel-offline': {
    title: 'Not live at the moment',
    advice: 'The streamer is away. Try again in a while.',
    retry: 'useful',
  },
  'relay-full': {
    title: 'Every seat is taken',
    advice: 'The relay serves as many viewers as it can. Try again in a moment.',
    retry: 'useful',
  },
  'timed-out': {
    title: 'The connection takes too long',
    advice: 'A firewall or a weak network may be in the way. Try again, or try another network.',
    retry: 'useful',
  },
  'too-large': {
    title: 'This message is too long',
    advice: `Send it in two parts: one has room for ${MOST_TEXT} characters.`,
    retry: 'useless',
  },
  'rate-limited': {
    title: 'Not so fast',
    advice: 'Everybody reads your messages. Wait a few seconds before the next one.',
    retry: 'useful',
  },
  aborted: {
    title: 'Stopped',
    advice: 'Start again whenever you like.',
    retry: 'useful',
  },
  protocol: {
    title: 'This page and the relay do not understand each other',
    advice: 'One of them may be out of date. Reload the page; if that does not help, update the relay.',
    retry: 'useful',
  },
};

/** What a viewer reads where the words above speak of a camera. */
const VIEWER_WORDS: Readonly<Partial<Record<Reason, Words>>> = {
  'no-permission': {
    title: 'The relay does not let you in',
    advice: 'Ask the streamer whether this broadcast is open to everyone.',
    retry: 'useful',
  },
};

const UNKNOWN: Words = {
  title: 'Something went wrong',
  advice: 'Reload the page and try again.',
  retry: 'useful',
};

/** @param reason - `null` for anything that is not a CastoError. */
export function wordsFor(reason: Reason | null, role: Role): Words {
  if (reason === null) return UNKNOWN;
  return (role === 'viewer' ? VIEWER_WORDS[reason] : undefined) ?? WORDS[reason];
}
