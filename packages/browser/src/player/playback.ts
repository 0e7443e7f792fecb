/**
 * What a browser lets a page play, and how to ask it. Browsers refuse sound, and some of them everything, until the
 * person has touched the page; what they refuse shows only when it is tried.
 *
 *   with sound ──refused──▶ muted, "Tap for sound" ──refused──▶ a button to play
 *        ▲                                                          │
 *        └──────────────────────── a tap ───────────────────────────┘
 *
 * Nothing here touches an element: inputs go in, and what is to be done with the video comes out.
 */

export interface Playback {
  readonly wish: 'play' | 'pause';
  /** Whether there is something to play. */
  readonly media: 'none' | 'there';
  /** What the page or the person chose. */
  readonly sound: 'on' | 'off';
  /** What the browser has granted as far as it was asked. */
  readonly granted: 'unknown' | 'everything' | 'pictures' | 'nothing';
  /** What was asked of the browser last, and is not answered yet. */
  readonly asking: 'nothing' | 'everything' | 'pictures';
}

export type PlaybackInput =
  /** There is media, or other media than before. */
  | { readonly type: 'media' }
  | { readonly type: 'media-gone' }
  /** `by`: only a person's touch makes browsers change their mind. */
  | { readonly type: 'play'; readonly by: 'person' | 'page' }
  | { readonly type: 'pause' }
  | { readonly type: 'sound'; readonly sound: 'on' | 'off'; readonly by: 'person' | 'page' }
  /** The browser does what was asked. */
  | { readonly type: 'playing' }
  /** `NotAllowedError`. */
  | { readonly type: 'refused' }
  /** Neither: the media went away meanwhile, or the attempt was replaced. */
  | { readonly type: 'interrupted' };

/** `play` comes with the sound to set before. */
export type PlaybackEffect =
  | { readonly type: 'play'; readonly muted: boolean }
  | { readonly type: 'mute'; readonly muted: boolean }
  | { readonly type: 'pause' };

export interface PlaybackStep {
  readonly playback: Playback;
  readonly effect: PlaybackEffect | null;
}

export function initialPlayback(options: { sound: 'on' | 'off'; wish: 'play' | 'pause' }): Playback {
  return { ...options, media: 'none', granted: 'unknown', asking: 'nothing' };
}

/** @returns What the person is to be asked for: the play button, or the call to tap for sound. */
export function promptOf({ wish, media, sound, granted }: Playback): 'none' | 'sound' | 'play' {
  if (wish === 'pause' || media === 'none') return 'none';
  if (granted === 'nothing') return 'play';
  return granted === 'pictures' && sound === 'on' ? 'sound' : 'none';
}

/** Whether the video has to be silent for now. */
export function isMuted({ sound, granted }: Playback): boolean {
  return sound === 'off' || granted === 'pictures' || granted === 'nothing';
}

export function stepPlayback(playback: Playback, input: PlaybackInput): PlaybackStep {
  switch (input.type) {
    case 'media':
      return resume({ ...playback, media: 'there' });
    case 'media-gone':
      return rest({ ...playback, media: 'none', asking: 'nothing' });
    case 'play':
      return resume({ ...playback, wish: 'play', granted: grantedAfter(playback, input.by) });
    case 'pause':
      return { playback: { ...playback, wish: 'pause', asking: 'nothing' }, effect: { type: 'pause' } };
    case 'sound':
      return changeSound(playback, input);
    case 'playing':
      return rest(withAnswer(playback));
    case 'refused':
      return refused(playback);
    case 'interrupted':
      return rest({ ...playback, asking: 'nothing' });
    default:
      return input satisfies never;
  }
}

function changeSound(
  playback: Playback,
  { sound, by }: Extract<PlaybackInput, { type: 'sound' }>,
): PlaybackStep {
  const changed: Playback = { ...playback, sound, granted: grantedAfter(playback, by) };
  // What plays goes on, and a pause stays one; but silence may be what was missing.
  const isSettled = sound === 'off' && playback.granted !== 'nothing';
  if (isSettled || playback.wish === 'pause' || playback.media === 'none') {
    return { playback: changed, effect: { type: 'mute', muted: isMuted(changed) } };
  }
  // A page that asks for sound by itself may have learned something, so it is worth a try as well.
  return resume({ ...changed, granted: by === 'page' ? 'unknown' : changed.granted });
}

/** After a touch everything is worth another try. */
function grantedAfter({ granted }: Playback, by: 'person' | 'page'): Playback['granted'] {
  return by === 'person' && granted !== 'everything' ? 'unknown' : granted;
}

function resume(playback: Playback): PlaybackStep {
  if (playback.wish === 'pause' || playback.media === 'none') return rest(playback);
  const muted = isMuted(playback);
  return {
    playback: { ...playback, asking: muted ? 'pictures' : 'everything' },
    effect: { type: 'play', muted },
  };
}

function withAnswer(playback: Playback): Playback {
  const { asking, sound } = playback;
  if (asking === 'nothing') return playback;
  // Silence by choice says nothing about what would be granted with sound.
  const answer = asking === 'everything' ? 'everything' : sound === 'on' ? 'pictures' : 'unknown';
  return { ...playback, asking: 'nothing', granted: answer };
}

function refused(playback: Playback): PlaybackStep {
  if (playback.asking === 'everything') return resume({ ...playback, granted: 'pictures' });
  if (playback.asking === 'pictures') return rest({ ...playback, granted: 'nothing', asking: 'nothing' });
  return rest(playback);
}

function rest(playback: Playback): PlaybackStep {
  return { playback, effect: null };
}
