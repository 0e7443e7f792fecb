/** The tree in words: for labels, the summary and the table. */

import type { CastoTree, CastoTreePeer } from 'casto';

import { rateWords } from '../words/figures.ts';

const KINDS = { streamer: 'Streamer', headless: 'Relay', browser: 'Viewer' } as const;

/** Long enough to tell the peers of a tree apart, short enough to be read. */
const SHOWN_DIGITS = 4;

/** What a peer is called, e.g. `Viewer 3fa9`; the one who looks is `You`. */
export function nameOf(peer: CastoTreePeer): string {
  if (peer.self) return 'You';
  return peer.kind === 'streamer' ? 'Streamer' : `${KINDS[peer.kind]} ${peer.id.slice(0, SHOWN_DIGITS)}`;
}

/** Round trip and bitrate of the link to its parent; empty where nothing is measured. */
export function linkWords({ rttMs, bitrateBps }: CastoTreePeer): string {
  const parts = [rttMs === null ? '' : rttWords(rttMs), bitrateBps === null ? '' : rateWords(bitrateBps)];
  return parts.filter((part) => part !== '').join(' · ');
}

export function rttWords(rttMs: number): string {
  return rttMs < 1 ? '<1 ms' : `${Math.round(rttMs)} ms`;
}

/** One sentence about all of it. */
export function summaryWords({ peers, hidden }: CastoTree): string {
  if (peers.length === 0) return 'Nobody is known yet.';
  const count = (kind: CastoTreePeer['kind']) => peers.filter((peer) => peer.kind === kind).length;
  const deepest = Math.max(...peers.map(({ depth }) => depth));
  const parts = [plural(count('headless'), 'relay', 'relays'), plural(count('browser'), 'viewer', 'viewers')];
  const own = peers.find(({ self }) => self);
  const place =
    own === undefined || own.kind === 'streamer'
      ? ''
      : ` You are ${plural(own.depth, 'hop', 'hops')} from the streamer.`;
  const more = hidden === 0 ? '' : ` ${plural(hidden, 'more peer is', 'more peers are')} not shown.`;
  return `${parts.join(' and ')}, ${plural(deepest, 'level', 'levels')} deep.${place}${more}`;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
