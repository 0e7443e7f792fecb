/**
 * Transcripts: inputs of one peer as text, each followed by what the peer did. A failure in the field becomes one, and
 * stays as a test.
 *
 *     > silent 2
 *     send 3 activate
 *
 * Neighbours are numbers; the streamer is 0, the peer itself 1. `wait` lets time pass, and its effects have times.
 */

import type { LinkState } from '../src/control-messages.ts';
import type { TreeEffect } from '../src/tree/tree-io.ts';
import { candidate, LonePeer, numberOf, offered, standing, word } from './lone-peer.ts';

/** Replays the inputs of a transcript. @returns It as it should be, with comments and inputs as they were. */
export function replay(transcript: string): string {
  const peer = new LonePeer();
  peer.tell({ type: 'uplink', bps: 20e6 });
  const lines = transcript.split('\n').filter((line) => line === '' || /^[#>]/.test(line));
  return lines
    .flatMap((line) => (line.startsWith('>') ? [line, ...apply(peer, line.slice(2))] : [line]))
    .join('\n');
}

function apply(peer: LonePeer, line: string): string[] {
  const [name = '', first = '', ...rest] = line.split(' ');
  const input = INPUTS[name];
  if (input === undefined) throw new Error(`a transcript has no input ${name}`);
  return input(peer, Number(first), rest);
}

type Input = (peer: LonePeer, number: number, rest: readonly string[]) => string[];

const INPUTS: Readonly<Record<string, Input>> = {
  start: (peer) => told(peer.tell({ type: 'start' })),
  wait: (peer, ms) => {
    const before = peer.done.length;
    peer.advance(ms);
    return peer.done.slice(before).map(({ at, effect }) => `${Math.round(at)} ms: ${toText(effect)}`);
  },
  found: (peer, first, rest) => told(peer.found([first, ...rest.map(Number)].map((each) => offered(each)))),
  probed: (peer, number) => told(peer.probed(number, standing(number))),
  accepted: (peer, number) => told(peer.accepted(number)),
  refused: (peer, number) => told(peer.refused(number)),
  linked: (peer, number) => told(peer.linked(number)),
  state: (peer, number, rest) => told(peer.hears(number, stateOf(number, rest))),
  flowing: (peer, number) => told(peer.flowing(number)),
  silent: (peer, number) => told(peer.silent(number)),
  unlinked: (peer, number) => told(peer.unlinked(number)),
  asked: (peer, number) => told(peer.asked(number)),
  redirected: (peer, number, rest) =>
    told(peer.gets(number, { type: 'redirect', parents: rest.map((each) => candidate(Number(each))) })),
};

function stateOf(number: number, words: readonly string[]): LinkState {
  if (words.includes('detached')) return word(number, { depth: null, flowing: false });
  if (words.includes('starved')) return word(number, { flowing: false });
  const via = words.map(Number).filter((each) => !Number.isNaN(each));
  return via.length > 0 ? word(number, { via }) : word(number);
}

function told(effects: readonly TreeEffect[]): string[] {
  return effects.map(toText);
}

function toText(effect: TreeEffect): string {
  switch (effect.type) {
    case 'seek':
      return 'seek';
    case 'probe':
      return `probe ${numberOf(effect.candidate.peerId)}`;
    case 'join':
      return `join ${numberOf(effect.candidate.peerId)}${effect.join.standby ? ' as standby' : ''}`;
    case 'play':
      return `play ${effect.peerId === null ? 'nothing' : numberOf(effect.peerId)}`;
    case 'report':
      return `report ${effect.offer === null ? 'no slot' : `${effect.offer.freeSlots} at depth ${effect.offer.depth}`}`;
    case 'fetch':
      return `fetch ${effect.layers}`;
    case 'send':
      return `send ${numberOf(effect.peerId)} ${effect.message.type}`;
    case 'close':
    case 'refuse':
      return `${effect.type} ${numberOf(effect.peerId)} ${effect.reason}`;
    case 'advertise': {
      const { depth, flowing } = effect.state;
      return `advertise ${numberOf(effect.peerId)} ${depth === null ? 'detached' : `depth ${depth}`}${flowing ? '' : ' without media'}`;
    }
    case 'serve':
      return `serve ${numberOf(effect.peerId)} ${effect.isActive ? 'media' : 'nothing'}`;
    case 'accept':
    case 'redirect':
      return `${effect.type} ${numberOf(effect.peerId)}`;
  }
}
