/**
 * What is inside the player's shadow root. Made element by element: pages with `require-trusted-types-for 'script'`
 * allow no markup from text.
 */

const SVG = 'http://www.w3.org/2000/svg';

/** Paths on a canvas of 24 by 24, drawn with a line of 1.8; those in `filled` are filled as well. */
const ICONS = {
  play: { path: 'M7.5 4.8v14.4L19.2 12z', filled: true },
  pause: { path: 'M7.2 5.5h2.6v13H7.2zM14.2 5.5h2.6v13h-2.6z', filled: true },
  sound: {
    path: 'M4 9.5v5h3.5l4.5 4v-13l-4.5 4zM15.5 9a4 4 0 0 1 0 6M18 6.5a7.5 7.5 0 0 1 0 11',
    filled: false,
  },
  silence: { path: 'M4 9.5v5h3.5l4.5 4v-13l-4.5 4zM15.5 9.5l5 5M20.5 9.5l-5 5', filled: false },
  fill: {
    path: 'M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4',
    filled: false,
  },
  shrink: {
    path: 'M9 4v4a1 1 0 0 1-1 1H4M20 9h-4a1 1 0 0 1-1-1V4M15 20v-4a1 1 0 0 1 1-1h4M4 15h4a1 1 0 0 1 1 1v4',
    filled: false,
  },
  float: {
    path: 'M20 11V6.5A1.5 1.5 0 0 0 18.5 5h-13A1.5 1.5 0 0 0 4 6.5v11A1.5 1.5 0 0 0 5.5 19H9M13 14h7v5h-7z',
    filled: false,
  },
  relay: { path: 'M6 12h4M10 12c4 0 3-5 8-5M10 12c4 0 3 5 8 5M5 12h.01M19 7h.01M19 17h.01', filled: false },
} as const;

export type IconName = keyof typeof ICONS;

/** The elements that change, or that are listened to. */
export interface PlayerElements {
  readonly player: HTMLElement;
  readonly video: HTMLVideoElement;
  readonly poster: HTMLImageElement;
  readonly posterSlot: HTMLSlotElement;
  /** What lies between picture and controls, and takes clicks on the picture. */
  readonly surface: HTMLElement;
  readonly badge: HTMLElement;
  readonly badgeWord: HTMLElement;
  readonly latency: HTMLElement;
  readonly relaying: HTMLElement;
  readonly relayingCount: HTMLElement;
  readonly message: HTMLElement;
  readonly messageTitle: HTMLElement;
  readonly messageText: HTMLElement;
  readonly retry: HTMLButtonElement;
  readonly bigPlay: HTMLButtonElement;
  readonly soundPrompt: HTMLButtonElement;
  readonly controls: HTMLElement;
  readonly play: HTMLButtonElement;
  readonly mute: HTMLButtonElement;
  readonly volume: HTMLInputElement;
  readonly quality: HTMLElement;
  readonly float: HTMLButtonElement;
  readonly fullscreen: HTMLButtonElement;
  readonly announcer: HTMLElement;
}

export function createPlayerElements(): PlayerElements {
  const video = create('video', { part: 'video', playsinline: '' });
  const poster = create('img', { part: 'poster', alt: '' });
  const posterSlot = create('slot', { name: 'poster' }, [poster]);
  const surface = create('div', { class: 'surface' });
  const message = createMessage();
  const top = createTop();
  const bar = createBar();
  const bigPlay = create(
    'button',
    { class: 'big-play', part: 'button big-play', type: 'button', 'aria-label': 'Play' },
    [createIcon('play')],
  );
  const soundPrompt = create(
    'button',
    { class: 'sound-prompt', part: 'button sound-prompt', type: 'button' },
    [createIcon('sound'), create('span', {}, ['Tap for sound'])],
  );
  const announcer = create('p', { class: 'sr-only', role: 'status', 'aria-live': 'polite' });
  // The words are English and run from left to right wherever the player stands; its layout follows the page.
  const player = create(
    'div',
    {
      class: 'player',
      part: 'player',
      role: 'group',
      'aria-label': 'Live video',
      lang: 'en',
      tabindex: '-1',
    },
    [
      video,
      posterSlot,
      surface,
      create('slot', { name: 'overlay' }),
      top.element,
      message.message,
      bigPlay,
      soundPrompt,
      bar.controls,
      announcer,
    ],
  );
  return {
    player,
    video,
    poster,
    posterSlot,
    surface,
    ...top,
    ...message,
    bigPlay,
    soundPrompt,
    ...bar,
    announcer,
  };
}

/** Shows one icon of a button. */
export function showIcon(button: HTMLElement, name: IconName): void {
  const path = button.querySelector('path');
  const { path: shape, filled } = ICONS[name];
  if (path === null || path.getAttribute('d') === shape) return;
  path.setAttribute('d', shape);
  path.classList.toggle('filled', filled);
}

function createTop(): Pick<
  PlayerElements,
  'badge' | 'badgeWord' | 'latency' | 'relaying' | 'relayingCount'
> & {
  element: HTMLElement;
} {
  const badgeWord = create('span', { class: 'badge-word' });
  const latency = create('span', { class: 'latency', part: 'latency', dir: 'ltr' });
  const badge = create('div', { class: 'chip badge', part: 'badge' }, [badgeWord, latency]);
  const relayingCount = create('span');
  const relaying = create('div', { class: 'chip relaying', part: 'relaying' }, [
    createIcon('relay'),
    create('span', {}, [
      create('span', { class: 'relaying-words' }, ['You are relaying to ']),
      relayingCount,
    ]),
  ]);
  const element = create('div', { class: 'top' }, [badge, relaying]);
  return { element, badge, badgeWord, latency, relaying, relayingCount };
}

function createMessage(): Pick<PlayerElements, 'message' | 'messageTitle' | 'messageText' | 'retry'> {
  const messageTitle = create('p', { class: 'message-title', part: 'message-title' });
  const messageText = create('p', { class: 'message-text', part: 'message-text' });
  const retry = create('button', { class: 'retry', part: 'button retry', type: 'button' });
  const spinner = create('span', { class: 'spinner', part: 'spinner', 'aria-hidden': 'true' });
  const message = create('div', { class: 'message', part: 'message' }, [
    spinner,
    messageTitle,
    messageText,
    retry,
  ]);
  return { message, messageTitle, messageText, retry };
}

type Bar = Pick<PlayerElements, 'controls' | 'play' | 'mute' | 'volume' | 'quality' | 'float' | 'fullscreen'>;

function createBar(): Bar {
  const play = createButton('play', 'pause');
  const mute = createButton('mute', 'sound');
  const volume = create('input', {
    class: 'volume',
    part: 'volume',
    type: 'range',
    min: '0',
    max: '100',
    step: '5',
    'aria-label': 'Volume',
  });
  const quality = create('span', { class: 'quality', part: 'quality', dir: 'ltr' });
  const float = createButton('picture-in-picture', 'float');
  const fullscreen = createButton('fullscreen', 'fill');
  const controls = create('div', { class: 'controls', part: 'controls' }, [
    play,
    mute,
    volume,
    quality,
    create('slot', { name: 'controls' }),
    float,
    fullscreen,
  ]);
  return { controls, play, mute, volume, quality, float, fullscreen };
}

/** Also a part of its own name, for pages that style one button alone. */
function createButton(name: string, icon: IconName): HTMLButtonElement {
  return create('button', { class: `bar-button ${name}`, part: `button ${name}`, type: 'button' }, [
    createIcon(icon),
  ]);
}

function createIcon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name].path);
  path.classList.toggle('filled', ICONS[name].filled);
  svg.append(path);
  return svg;
}

function create<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  children: readonly (Node | string)[] = [],
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
