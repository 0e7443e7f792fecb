/** What the tests of @casto/react render, under StrictMode, in a page of its own. */

import { CastoPlayer, useCasto, useChannels, type CastoUse, type ChannelsUse } from '@casto/react';
import type { CastoPlayerElement } from 'casto/player';
import { createElement, StrictMode, useEffect, useRef, version } from 'react';
import { createRoot } from 'react-dom/client';

export interface Shown {
  readonly relay: string;
  /** Channels; `null`: the component is not there. */
  readonly player: string | null;
  /** `'camera'` broadcasts it. */
  readonly hook: string | null;
  readonly list: 'shown' | 'hidden';
}

declare global {
  /** What is there from now on. */
  function show(shown: Shown): void;
  /** Facts that the components were told, in order. */
  var heard: string[];
  var use: CastoUse | null;
  var channelsUse: ChannelsUse | null;
  var playerRef: { current: CastoPlayerElement | null };
  var reactVersion: string;
}

globalThis.heard = [];
globalThis.use = null;
globalThis.channelsUse = null;
globalThis.playerRef = { current: null };
globalThis.reactVersion = version;

function HookedVideo({ channel, relay }: { channel: string; relay: string }) {
  // A new object each time, as people write it.
  const use = useCasto({ ...(channel === 'camera' ? {} : { channel }), relays: [relay] });
  const video = useRef<HTMLVideoElement>(null);
  globalThis.use = use;
  useEffect(() => {
    if (video.current) video.current.srcObject = use.stream;
  }, [use.stream]);
  useEffect(() => void heard.push(`hook ${use.state}`), [use.state]);
  return createElement('video', {
    ref: video,
    id: 'hooked',
    autoPlay: true,
    muted: true,
    playsInline: true,
    width: 320,
  });
}

function ChannelTitles({ relay }: { relay: string }) {
  const use = useChannels({ relays: [relay] });
  globalThis.channelsUse = use;
  const items = use.channels.map(({ channel, title }) => createElement('li', { key: channel }, title));
  return createElement('ul', null, ...items);
}

function App({ relay, player, hook, list }: Shown) {
  const onState = (state: string): void => void heard.push(`player ${state}`);
  const onStats = (): void => {
    if (heard.at(-1) !== 'stats') heard.push('stats');
  };
  return createElement(
    'main',
    null,
    player === null
      ? null
      : createElement(
          CastoPlayer,
          {
            id: 'player',
            className: 'mine',
            channel: player,
            relays: [relay],
            ref: playerRef,
            autoplay: true,
            muted: true,
            controls: true,
            style: { width: 320 },
            onState,
            onStats,
            onError: ({ reason }) => void heard.push(`error ${reason}`),
          },
          createElement('span', { slot: 'overlay', id: 'logo' }, 'logo'),
        ),
    hook === null ? null : createElement(HookedVideo, { channel: hook, relay }),
    list === 'hidden' ? null : createElement(ChannelTitles, { relay }),
  );
}

const root = createRoot(document.body.appendChild(document.createElement('div')));
globalThis.show = (shown) => root.render(createElement(StrictMode, null, createElement(App, shown)));
