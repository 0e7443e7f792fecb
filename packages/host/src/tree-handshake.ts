/** The handshake's words in those of the tree: a join, and what became of it. */

import { MAX_LAYERS, type JoinAnswer, type TreeJoin } from '@casto/core';
import type { JoinOutcome, JoinRequest } from './link-handshake.ts';

/** A broadcast without video counts as one layer, so that a set of layers is never empty. */
const SOUND_ALONE = 0b1;

/** Layers as bits. */
export function layerBits(layers: readonly number[]): number {
  return layers.reduce((bits, layer) => bits | (1 << layer), 0) || SOUND_ALONE;
}

/** Layers of a set, the highest quality first. */
export function layersIn(bits: number): number[] {
  return Array.from({ length: MAX_LAYERS }, (_, layer) => layer).filter((layer) => bits & (1 << layer));
}

/** What the tree knows of a joiner. */
export function treeJoinOf({ kind, path, standby, slots, ageS, layers }: JoinRequest): TreeJoin {
  return { kind, path, standby, slots, ageS, layers: layerBits(layers) };
}

/** What the tree decides about a join that it sends, in the words of the handshake. */
export function joinFieldsOf({
  kind,
  path,
  standby,
  slots,
  ageS,
}: TreeJoin): Pick<JoinRequest, 'kind' | 'path' | 'standby' | 'slots' | 'ageS'> {
  return { kind, path, standby, slots, ageS };
}

export function joinAnswerOf(outcome: JoinOutcome): JoinAnswer {
  switch (outcome.type) {
    case 'accepted':
      return { type: 'accepted', kind: outcome.kind };
    case 'refused':
      return { type: 'refused', reason: outcome.reason, retryAfterMs: outcome.retryAfterMs };
    case 'redirected':
      return { type: 'redirected', parents: outcome.parents };
  }
}
