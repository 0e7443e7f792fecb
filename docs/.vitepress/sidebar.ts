/** What the site has, in the order in which it is read. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';

import { API_PAGES } from './api-packages.ts';
import { inRoot } from './repository.ts';

type Items = DefaultTheme.SidebarItem[];

const DECISIONS = inRoot('docs/decisions');

export function sidebar(): Items {
  return [
    {
      text: 'Start',
      items: [
        { text: 'Quick start', link: '/quick-start' },
        { text: 'To a second screen', link: '/newcomer' },
        { text: 'How it works', link: '/how-it-works' },
        { text: 'Examples', link: '/examples' },
        { text: 'Questions', link: '/faq' },
        { text: 'Beside other systems', link: '/comparison' },
      ],
    },
    {
      text: 'Guides',
      items: [
        { text: 'Broadcast from a page', link: '/guides/broadcast' },
        { text: 'Broadcast from OBS', link: '/guides/obs' },
        { text: 'Embed a player', link: '/guides/player' },
        { text: 'Use it with React', link: '/guides/react' },
        { text: 'List channels', link: '/guides/channels' },
        { text: 'Unlisted channels', link: '/guides/unlisted' },
        { text: 'Chat and reactions', link: '/guides/chat' },
        { text: 'Show the tree', link: '/guides/tree' },
        { text: 'Measure your broadcast', link: '/guides/measure' },
        { text: 'Run a relay on a server', link: '/guides/relay' },
        { text: 'Troubleshooting', link: '/guides/troubleshooting' },
      ],
    },
    {
      text: 'Good to know',
      items: [
        { text: 'Limits and privacy', link: '/privacy' },
        { text: 'Glossary', link: '/glossary' },
        { text: 'Benchmarks', link: '/benchmarks' },
        { text: 'Bad input', link: '/fuzzing' },
      ],
    },
    {
      text: 'Reference',
      items: [
        ...API_PAGES.map(({ title, page }) => ({ text: title, link: `/reference/${page}` })),
        { text: 'casto-player, the element', link: '/player' },
        { text: 'casto-relay, the command', link: '/reference/casto-relay' },
        { text: 'Operating relays', link: '/operating' },
        { text: 'WHIP and WHEP', link: '/whip-whep' },
        { text: 'The protocol', link: '/reference/protocol' },
        { text: 'Contributing', link: '/reference/contributing' },
      ],
    },
    {
      text: 'Decisions',
      link: '/decisions/',
      collapsed: true,
      items: decisions(),
    },
  ];
}

function decisions(): Items {
  if (!existsSync(DECISIONS)) return [];
  return readdirSync(DECISIONS)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => ({ text: titleOf(name), link: `/decisions/${name.slice(0, -3)}` }))
    .sort((a, b) => a.text.localeCompare(b.text, 'en'));
}

/** The first heading, which every page has. */
function titleOf(name: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(`${DECISIONS}/${name}`, 'utf8'))?.[1];
  return (heading ?? name).replaceAll('`', '');
}
