/** The goal table of the architecture (section "The tree"), for 100 000 viewers and 100 headless relays. */

import type { Metrics } from './measurements.ts';
import type { ScenarioName } from './world-view.ts';

export type Unit = 's' | 'hops' | 'ms' | '' | 'kb/s' | '%';

export interface Goal {
  readonly id: string;
  readonly label: string;
  readonly unit: Unit;
  /** The scenario in which the figure is held against the goal. */
  readonly scenario: ScenarioName;
  /** What a rough simulation of 200 lines reached; `null`: it did not model this. */
  readonly prototype: number | null;
  /** To be reached: at most this. */
  readonly atMost: number;
  /** In the goal's unit; `null`: the run had nothing to measure. */
  measure(metrics: Metrics): number | null;
}

/** A goal held against one run. */
export interface Verdict {
  readonly goal: Goal;
  readonly value: number | null;
  readonly isMet: boolean;
  /** How much more than the goal, as a share of it; 0 when it is met, `null` when there is no value. */
  readonly missedBy: number | null;
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1000);
const percent = (share: number | null): number | null => (share === null ? null : share * 100);

export const GOALS: readonly Goal[] = [
  {
    id: 'join-p50',
    label: 'join, p50',
    unit: 's',
    scenario: 'steady',
    prototype: 0.57,
    atMost: 0.4,
    measure: ({ join }) => seconds(join?.p50),
  },
  {
    id: 'join-p95',
    label: 'join, p95',
    unit: 's',
    scenario: 'steady',
    prototype: 1.12,
    atMost: 0.9,
    measure: ({ join }) => seconds(join?.p95),
  },
  {
    id: 'repair-p50',
    label: 'repair after an abrupt exit, p50',
    unit: 's',
    scenario: 'steady',
    prototype: 0.5,
    atMost: 0.25,
    measure: ({ repair }) => seconds(repair?.p50),
  },
  {
    id: 'repair-p95',
    label: 'repair after an abrupt exit, p95',
    unit: 's',
    scenario: 'steady',
    prototype: 0.7,
    atMost: 0.5,
    measure: ({ repair }) => seconds(repair?.p95),
  },
  {
    id: 'depth-p50',
    label: 'depth, p50',
    unit: 'hops',
    scenario: 'steady',
    prototype: 6,
    atMost: 5,
    measure: ({ depth }) => depth?.p50 ?? null,
  },
  {
    id: 'depth-p95',
    label: 'depth, p95',
    unit: 'hops',
    scenario: 'steady',
    prototype: 9,
    atMost: 8,
    measure: ({ depth }) => depth?.p95 ?? null,
  },
  {
    id: 'depth-max',
    label: 'depth, max',
    unit: 'hops',
    scenario: 'steady',
    prototype: 21,
    atMost: 12,
    measure: ({ depth }) => depth?.max ?? null,
  },
  {
    id: 'path-delay-p95',
    label: 'path delay, p95',
    unit: 'ms',
    scenario: 'steady',
    prototype: 491,
    atMost: 350,
    measure: ({ pathDelay }) => pathDelay?.p95 ?? null,
  },
  {
    id: 'disturbed-mean',
    label: 'viewers disturbed per abrupt exit, mean',
    unit: '',
    scenario: 'steady',
    prototype: 2.4,
    atMost: 1,
    measure: ({ disturbed }) => disturbed?.mean ?? null,
  },
  {
    id: 'disturbed-p99',
    label: 'viewers disturbed per abrupt exit, p99',
    unit: '',
    scenario: 'steady',
    prototype: 39,
    atMost: 20,
    measure: ({ disturbed }) => disturbed?.p99 ?? null,
  },
  {
    id: 'flash-join-p99',
    label: 'ten times the viewers join in 10 s, p99',
    unit: 's',
    scenario: 'flash',
    prototype: 1.35,
    atMost: 1,
    measure: ({ flashJoin }) => seconds(flashJoin?.p99),
  },
  {
    id: 'exodus-repair-p95',
    label: '30 % leave at once, repair p95',
    unit: 's',
    scenario: 'exodus',
    prototype: 1.1,
    atMost: 0.8,
    measure: ({ exodusRepair }) => seconds(exodusRepair?.p95),
  },
  {
    id: 'control-traffic',
    label: 'control traffic per peer, headers included',
    unit: 'kb/s',
    scenario: 'steady',
    prototype: null,
    atMost: 2,
    measure: ({ traffic }) => traffic.wireMeanKbps,
  },
  {
    id: 'streamer-share',
    label: "streamer's share of all media bytes",
    unit: '%',
    scenario: 'steady',
    prototype: null,
    atMost: 0.1,
    measure: ({ traffic }) => percent(traffic.streamerShare),
  },
];

/** Holds every goal of the scenario against the figures of a run. */
export function judge(metrics: Metrics, scenario: ScenarioName): Verdict[] {
  return GOALS.filter((goal) => goal.scenario === scenario).map((goal) =>
    judgeValue(goal, goal.measure(metrics)),
  );
}

export function judgeValue(goal: Goal, value: number | null): Verdict {
  if (value === null) return { goal, value, isMet: false, missedBy: null };
  const isMet = value <= goal.atMost;
  return { goal, value, isMet, missedBy: isMet ? 0 : value / goal.atMost - 1 };
}
