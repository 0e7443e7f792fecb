/**
 * How good a peer is as a parent, as a child, and how busy it is. Every score is a sum whose parts are returned with
 * it, so that a page or a log can say why.
 */

import type { PeerKind } from '../link-messages.ts';

/** Forwarding inside a page costs a hop through its worker and the browser's pacer; in a headless relay almost none. */
export const HOP_MS: Readonly<Record<PeerKind, number>> = { browser: 12, headless: 1 };

/** Weights of a parent's cost, in milliseconds of path delay that each is worth. */
const COST_WEIGHTS = {
  /** Each hop is one more peer that can leave. */
  perHopMs: 8,
  /** 1 % of loss costs a retransmission now and then. */
  perLossShareMs: 2_000,
  perMissedShareMs: 2_000,
  /** Each time that the age doubles, the chance to leave in the next minute falls by about a third. */
  perAgeDoublingMs: 12,
  /** Near the streamer more peers stand below, so stability counts twice. */
  nearDepth: 4,
  headlessBonusMs: 60,
  /** An RTT that nobody measured is taken to be that of another continent. */
  unknownRttMs: 150,
} as const;

/** Ages beyond half an hour tell nothing more. */
const AGE_LIMIT_S = 1_800;
const AGE_UNIT_S = 30;

export interface ParentQualities {
  readonly kind: PeerKind;
  readonly depth: number;
  /** Of the parent's own path. */
  readonly delayMs: number;
  readonly ageS: number;
  readonly rttMs: number | null;
  /** Share of packets lost on the link; 0 before it is measured. */
  readonly lossShare: number;
  /** Share of the frames that arrived in time; 1 before it is measured. */
  readonly receivedShare: number;
}

export interface ParentCost {
  /** Lower is better; may be below zero. */
  readonly totalMs: number;
  readonly delayMs: number;
  readonly hopsMs: number;
  readonly lossMs: number;
  readonly stabilityMs: number;
}

/** What it costs to be this peer's child. */
export function parentCost(parent: ParentQualities): ParentCost {
  const w = COST_WEIGHTS;
  const delayMs = parent.delayMs + (parent.rttMs ?? w.unknownRttMs) / 2 + HOP_MS[parent.kind];
  const hopsMs = w.perHopMs * (parent.depth + 1);
  const lossMs =
    w.perLossShareMs * parent.lossShare + w.perMissedShareMs * Math.max(0, 1 - parent.receivedShare);
  const ageDoublings = log2(1 + Math.min(parent.ageS, AGE_LIMIT_S) / AGE_UNIT_S);
  const nearness = parent.depth < w.nearDepth ? 2 : 1;
  const bonusMs = parent.kind === 'headless' ? w.headlessBonusMs : 0;
  const stabilityMs = -w.perAgeDoublingMs * ageDoublings * nearness - bonusMs;
  return { totalMs: delayMs + hopsMs + lossMs + stabilityMs, delayMs, hopsMs, lossMs, stabilityMs };
}

/** A headless relay outlasts any page. */
const HEADLESS_STRENGTH = 1_000;
/** More slots than these a page cannot fill; who claims them shall not pass for a relay. */
const MAX_PAGE_SLOTS = 64;

/**
 * What a child is worth near the streamer: the children it can have, times how long it is likely to stay. 0 for one
 * that serves nobody.
 */
export function childStrength(child: { kind: PeerKind; slots: number; ageS: number }): number {
  if (child.slots === 0) return 0;
  if (child.kind === 'headless') return HEADLESS_STRENGTH + child.slots;
  return (
    Math.min(child.slots, MAX_PAGE_SLOTS) * (1 + log2(1 + Math.min(child.ageS, AGE_LIMIT_S) / AGE_UNIT_S))
  );
}

/** Rate at which a neighbour's qualities move with each measurement. */
const QUALITY_WEIGHT = 1 / 4;

/** What a peer has seen of a neighbour. */
export interface Affinity {
  readonly rttMs: number | null;
  readonly lossShare: number;
  readonly receivedShare: number;
}

export const NEW_AFFINITY: Affinity = { rttMs: null, lossShare: 0, receivedShare: 1 };

/** Folds one measurement in; what it leaves out stays. */
export function foldAffinity(
  affinity: Affinity,
  sample: { rttMs?: number; lossShare?: number; receivedShare?: number },
): Affinity {
  return {
    rttMs: affinity.rttMs === null ? (sample.rttMs ?? null) : fold(affinity.rttMs, sample.rttMs),
    lossShare: fold(affinity.lossShare, sample.lossShare),
    receivedShare: fold(affinity.receivedShare, sample.receivedShare),
  };
}

function fold(mean: number, sample: number | undefined): number {
  return sample === undefined ? mean : mean + (sample - mean) * QUALITY_WEIGHT;
}

/**
 * How busy a peer is, from 0 (idle) to 1 (nothing left), by its scarcest resource.
 *
 * @param load.uplinkShare - Share of its slots that is taken.
 * @param load.processor - Share of one core in use.
 */
export function loadScore(load: { uplinkShare: number; processor: number; isMetered: boolean }): number {
  if (load.isMetered) return 1;
  return Math.min(1, Math.max(load.uplinkShare, load.processor));
}

/** Base-2 logarithm by halving and interpolation: the same in every engine, and right to 0.09. */
export function log2(x: number): number {
  if (x <= 1) return 0;
  const whole = 31 - Math.clz32(Math.min(x, 0x7fffffff));
  return whole + x / (1 << whole) - 1;
}
