/** How the relay is, what it counts, and which others it knows. */

import type { DashboardRelay, DashboardState } from '../../src/dashboard-state.ts';
import { copyButton } from './copying.ts';
import {
  element,
  fitChildren,
  make,
  setAttribute,
  setText,
  showHeads,
  showLines,
  showRows,
} from './elements.ts';
import { bitrate, bytes, count, duration, milliseconds, share, shortId, UNKNOWN } from './figures.ts';

export interface HealthView {
  show(state: DashboardState): void;
}

const CONDITION_WORDS = {
  starting: 'starting',
  ready: 'ready',
  full: 'full: sends viewers elsewhere',
  memory: 'too much memory: sends viewers elsewhere',
  draining: 'draining: sends viewers elsewhere',
} as const;

export function openHealth(): HealthView {
  showHeads(element('processes-head', HTMLElement), ['Process', 'Processor', 'Loop late by', 'Memory']);
  showHeads(element('relays-head', HTMLElement), ['Relay', 'Viewers', 'Own channels', 'Heard', 'Connected']);
  const showId = openIdentity();
  return {
    show(state) {
      showCondition(state);
      showTiles(state);
      showId(state);
      showAdvice(state);
      const processes = state.processes.map(({ name, cpuShare, loopDelayMs, memoryBytes }) => {
        return [name, share(cpuShare), milliseconds(loopDelayMs), bytes(memoryBytes)];
      });
      showRows(element('processes', HTMLElement), processes);
      showLines(element('addresses', HTMLElement), state.relay?.multiaddrs ?? []);
      showCounts(state);
      showRelays(state.relay);
    },
  };
}

function showCondition({ condition }: DashboardState): void {
  const pill = element('condition', HTMLElement);
  setText(pill, CONDITION_WORDS[condition]);
  setAttribute(pill, 'data-condition', condition);
}

function showTiles({ relay, history: { columns } }: DashboardState): void {
  const last = (column: keyof typeof columns): number | null => columns[column].at(-1) ?? null;
  const metrics = relay?.metrics;
  const tiles: [string, string][] = [
    ['Viewers', count(metrics?.viewers ?? 0)],
    ['Served here', `${count(metrics?.served ?? 0)} of ${count(metrics?.maxViewers ?? 0)}`],
    ['Live channels', count(metrics?.channels.live ?? 0)],
    ['Media out', bitrate(last('outBps'))],
    ['Media in', bitrate(last('inBps'))],
    ['Processor', share(last('cpuShare'))],
  ];
  const groups = fitChildren(element('tiles', HTMLElement), tiles.length, () =>
    make('div', {}, make('dt'), make('dd')),
  );
  groups.forEach((group, index) => showPair(group, tiles[index]));
}

/** The id is a line with a button, which must stay where it is. */
function openIdentity(): (state: DashboardState) => void {
  const id = make('span', { class: 'id' }, UNKNOWN);
  const list = element('health', HTMLElement);
  list.append(
    make(
      'div',
      {},
      make('dt', {}, 'Peer id'),
      make(
        'dd',
        {},
        id,
        copyButton(() => id.textContent, 'peer id'),
      ),
    ),
  );
  return ({ relay, version }) => {
    setText(id, relay?.peerId ?? UNKNOWN);
    const metrics = relay?.metrics;
    const links = metrics?.links;
    const pairs: [string, string][] = [
      ['Version', version],
      ['Uptime', duration(metrics?.uptimeMs ?? null)],
      ['libp2p', metrics === undefined ? UNKNOWN : libp2pWords(metrics)],
      ['Links to parents', linkWords(links?.parents)],
      ['Links to children', linkWords(links?.children)],
      ['WHIP publishers', linkWords(links?.publishers)],
      ['WHEP players', linkWords(links?.players)],
    ];
    while (list.childElementCount < pairs.length + 1) list.append(make('div', {}, make('dt'), make('dd')));
    pairs.forEach((pair, index) => {
      const group = list.children[index + 1];
      if (group !== undefined) showPair(group, pair);
    });
  };
}

function libp2pWords({ peers, connections: { inbound, outbound } }: DashboardRelay['metrics']): string {
  return `${count(peers)} peers, ${count(inbound)} connections in, ${count(outbound)} out`;
}

function linkWords(counts: { connected: number; connecting: number } | undefined): string {
  if (counts === undefined) return UNKNOWN;
  const { connected, connecting } = counts;
  return connecting > 0 ? `${count(connected)}, ${count(connecting)} connecting` : count(connected);
}

function showPair(group: Element, pair: readonly [string, string] | undefined): void {
  const [term, value] = group.children;
  if (term !== undefined) setText(term, pair?.[0] ?? '');
  if (value !== undefined) setText(value, pair?.[1] ?? '');
}

function showAdvice({ advice }: DashboardState): void {
  const lines =
    advice === null ? ['Not finished.'] : advice.map(({ check, advice: words }) => `${check}: ${words}`);
  showLines(element('advice', HTMLElement), lines.length === 0 ? ['Nothing to advise.'] : lines);
}

function showCounts({ relay, httpRefused }: DashboardState): void {
  const parent = element('counts', HTMLElement);
  const tables = relay === null ? [] : countTables(relay, httpRefused);
  const cards = fitChildren(parent, tables.length, makeCountTable);
  cards.forEach((card, index) => {
    const [title, rows] = tables[index] ?? ['', []];
    const caption = card.querySelector('caption');
    const body = card.querySelector('tbody');
    if (caption !== null) setText(caption, title);
    if (body !== null) showRows(body, rows.length > 0 ? rows : [['none', '0']]);
  });
}

function makeCountTable(): HTMLDivElement {
  return make('div', { class: 'card counts' }, make('table', {}, make('caption'), make('tbody')));
}

function countTables(
  { metrics }: DashboardRelay,
  httpRefused: Readonly<Record<string, number>>,
): [string, string[][]][] {
  const { media, joins, sessions } = metrics;
  const { incoming, outgoing } = media;
  return [
    [
      'Packets',
      [
        ['in', count(incoming.packets)],
        ['asked for again by this relay', count(incoming.nacks)],
        ['out', count(outgoing.packets)],
        ['asked for again by viewers', count(outgoing.nacks)],
        ['sent again', count(outgoing.resent)],
        ['key frames in', count(incoming.keyFrames)],
        ['key frames asked for by viewers', count(outgoing.keyFrameRequests)],
      ],
    ],
    ['Dropped on the way in', countRows(incoming.drops)],
    ['Dropped on the way out', countRows(outgoing.drops)],
    [
      'Joins',
      [
        ['accepted', count(joins.accepted)],
        ['redirected', count(joins.redirected)],
        ...countRows(joins.refused, 'refused: '),
        ['too many in a second', count(joins.tooMany)],
      ],
    ],
    [
      'WHIP and WHEP',
      [
        ...countRows(sessions.publishers.results, 'publish: '),
        ...countRows(sessions.players.results, 'play: '),
      ],
    ],
    ['Refused', [...countRows(metrics.refused), ...countRows(httpRefused)]],
  ];
}

/** Reasons that never came are left out. */
function countRows(counts: Readonly<Record<string, number>>, prefix = ''): string[][] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => [`${prefix}${reason}`, count(value)]);
}

function showRelays(relay: DashboardRelay | null): void {
  const relays = relay?.relays ?? [];
  element('relays-empty', HTMLElement).hidden = relays.length > 0;
  element('relays-card', HTMLElement).hidden = relays.length === 0;
  showRows(
    element('relays', HTMLElement),
    relays.map(({ peerId, viewers, maxViewers, channels, heardMsAgo, isConnected }) => [
      shortId(peerId),
      `${count(viewers)} of ${count(maxViewers)}`,
      count(channels),
      `${duration(heardMsAgo)} ago`,
      isConnected ? 'yes' : 'no',
    ]),
  );
}
