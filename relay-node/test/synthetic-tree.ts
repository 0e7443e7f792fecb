/** A tree as large as one likes, for tests and measurements. */
import type { ChannelTree, TreeChild } from '@casto/nodejs';

const digits = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ123456789';

/** Looks like a peer id, and compresses like one. */
export function syntheticPeerId(seed: number): string {
  let [text, rest] = ['', seed * 2_654_435_761 + 12_345];
  while (text.length < 44) {
    rest = (Math.imul(rest ^ (rest >>> 15), 0x2c1b3c6d) + text.length) >>> 0;
    text += digits[rest % digits.length] ?? '';
  }
  return `12D3KooW${text}`;
}

/** @param round - Another one has other figures for the same children. */
export function syntheticTree(channel: string, children: number, round = 0): ChannelTree {
  const own = '0badcafe';
  return {
    channel,
    phase: 'attached',
    path: ['deadbeef', '01234567', own],
    delayMs: 84,
    slots: 1_200,
    freeSlots: 1_200 - children,
    searchingFor: null,
    parents: [
      { peerId: channel, kind: 'browser', role: 'active', rttMs: 31.5, lossShare: 0.004 },
      { peerId: syntheticPeerId(-1), kind: 'headless', role: 'standby', rttMs: 12, lossShare: null },
    ],
    children: Array.from({ length: children }, (_, index) => childAt(index, round)),
    moreChildren: 0,
    offers: [{ peerId: syntheticPeerId(-2), kind: 'browser', depth: 3, freeSlots: 2, delayMs: 120 }],
    moreOffers: 0,
  };
}

function childAt(index: number, round: number): TreeChild {
  const isStandby = index % 9 === 8;
  const isPlayer = index % 25 === 7;
  return {
    peerId: isPlayer ? null : syntheticPeerId(index),
    kind: isPlayer ? 'player' : index % 40 === 0 ? 'headless' : 'browser',
    role: isStandby ? 'standby' : 'active',
    viewers: index % 40 === 0 ? 200 - (index % 150) : (index % 4) + 1,
    rttMs: 10 + ((index * 7 + round * 3) % 180),
    lossShare: index % 31 === 3 ? 0.15 : ((index + round) % 5) / 200,
    layer: isStandby ? null : index % 3,
    temporalLayer: isStandby ? null : index % 31 === 3 ? 0 : 3,
  };
}
