import { createElement, version } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, inject, test } from 'vitest';

import { CastoPlayer, useCasto, useChannels, type CastoUse, type ChannelsUse } from '../src/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of React. */
    majorVersion: string;
  }
}

test('these tests run under the React that is meant', () => {
  expect(version.split('.')[0]).toBe(inject('majorVersion'));
});

test('a server renders the player as markup that begins to watch when it arrives', () => {
  const markup = renderToString(
    createElement(CastoPlayer, {
      channel: 'abc',
      relays: ['https://a.example', 'https://b.example'],
      className: 'mine',
      autoplay: true,
      muted: true,
      controls: false,
      liveParents: 2,
      onState: () => {},
    }),
  );
  expect(markup).toMatch(/^<casto-player [^>]*><\/casto-player>$/);
  expect(markup).toContain(' channel="abc"');
  expect(markup).toContain(' relays="https://a.example https://b.example"');
  expect(markup).toContain(' class="mine"');
  // React 18 writes "true", which means the same.
  expect(markup).toMatch(/ autoplay="(?:true)?"/);
  expect(markup).toContain(' live-parents="2"');
  expect(markup).not.toContain('controls');
});

test('on a server nothing is watched, and no list is asked for', () => {
  let use: CastoUse | null = null;
  let channelsUse: ChannelsUse | null = null;
  function Page() {
    use = useCasto({ channel: 'abc' });
    channelsUse = useChannels();
    return createElement('p', null, use.state);
  }
  expect(renderToString(createElement(Page))).toBe('<p>idle</p>');
  expect(use).toEqual({ casto: null, stream: null, state: 'idle', error: null, stats: null });
  expect(channelsUse).toEqual({ channels: [], state: 'connecting', error: null });
});
