/** The list of channels. Rows are kept from one answer to the next, so that focus and selection stay. */

import type { ChannelOverview } from '@casto/nodejs';
import { ByteRates } from './byte-rates.ts';
import { copyButton } from './copying.ts';
import type { DashboardState } from '../../src/dashboard-state.ts';
import { element, make, setAttribute, setText, showHeads } from './elements.ts';
import { bitrate, count, duration, shortId, UNKNOWN } from './figures.ts';

const HEADS = [
  'Channel',
  'State',
  'Comes from',
  'Age',
  'Depth',
  'Viewers',
  'Served here',
  'Media',
  'Bitrate',
];

interface Row {
  line: HTMLTableRowElement;
  title: HTMLButtonElement;
  cells: HTMLTableCellElement[];
}

export interface ChannelsView {
  /** @param selected - The channel whose tree is shown. */
  show(state: DashboardState, selected: string | null): void;
}

export function openChannels(onSelect: (channel: string) => void): ChannelsView {
  const body = element('channels', HTMLElement);
  const rows = new Map<string, Row>();
  const rates = new ByteRates();
  showHeads(element('channels-head', HTMLElement), HEADS);
  const address = new URL('../whip/NAME', location.href);
  setText(element('whip-address', HTMLElement), address.href);

  return {
    show({ at, relay }, selected) {
      const channels = relay?.channels ?? [];
      const counters = new Map(channels.map(({ channel, receivedBytes }) => [channel, receivedBytes]));
      const bps = rates.take(at, counters);
      forgetOthers(rows, counters);
      channels.forEach((channel, index) => {
        const row = rows.get(channel.channel) ?? makeRow(channel.channel, onSelect);
        rows.set(channel.channel, row);
        if (body.children[index] !== row.line) body.insertBefore(row.line, body.children[index] ?? null);
        showRow(row, channel, {
          at,
          bps: bps.get(channel.channel) ?? null,
          isSelected: channel.channel === selected,
        });
      });
      element('channels-empty', HTMLElement).hidden = channels.length > 0;
      element('channels-card', HTMLElement).hidden = channels.length === 0;
      const more = element('channels-more', HTMLElement);
      more.hidden = (relay?.moreChannels ?? 0) === 0;
      setText(more, `${count(relay?.moreChannels ?? 0)} more channels with fewer viewers are not shown.`);
    },
  };
}

function forgetOthers(rows: Map<string, Row>, known: ReadonlyMap<string, unknown>): void {
  for (const [channel, { line }] of rows) {
    if (known.has(channel)) continue;
    line.remove();
    rows.delete(channel);
  }
}

function makeRow(channel: string, onSelect: (channel: string) => void): Row {
  const title = make('button', { type: 'button', class: 'title' });
  title.addEventListener('click', () => onSelect(channel));
  const id = make('span', { class: 'id', title: channel }, shortId(channel));
  const head = make(
    'th',
    { scope: 'row' },
    title,
    make(
      'span',
      { class: 'id-line' },
      id,
      copyButton(() => channel, 'channel id'),
    ),
  );
  const cells = HEADS.slice(1).map(() => make('td'));
  return { line: make('tr', {}, head, ...cells), title, cells };
}

function showRow(
  { line, title, cells }: Row,
  channel: ChannelOverview,
  { at, bps, isSelected }: { at: number; bps: number | null; isSelected: boolean },
): void {
  setText(title, channel.title === '' ? 'without a title' : channel.title);
  setAttribute(title, 'aria-pressed', String(isSelected));
  setAttribute(line, 'class', isSelected ? 'selected' : null);
  const texts = [
    channel.live ? 'live' : 'waiting',
    originWords(channel),
    duration(channel.startedAt === null ? null : at - channel.startedAt),
    channel.depth === null ? UNKNOWN : String(channel.depth),
    count(channel.viewers),
    channel.players > 0
      ? `${count(channel.served)} (${count(channel.players)} by WHEP)`
      : count(channel.served),
    mediaWords(channel),
    bitrate(bps),
  ];
  cells.forEach((cell, index) => setText(cell, texts[index] ?? ''));
}

function originWords({ origin, parent }: ChannelOverview): string {
  switch (origin) {
    case 'streamer':
      return 'streamer’s page';
    case 'publisher':
      return 'WHIP publisher';
    case 'peer':
      return parent === null ? 'another peer' : `peer ${shortId(parent)}`;
    case 'none':
      return 'nobody yet';
  }
}

function mediaWords({ video, audio, layers }: ChannelOverview): string {
  const picture = video === null ? [] : [`${video.toUpperCase()}${layers > 1 ? `, ${layers} layers` : ''}`];
  const sound = audio ? ['Opus'] : [];
  return [...picture, ...sound].join(' + ') || UNKNOWN;
}
