/** Figures of a benchmark as people read them. */

import { cpus, loadavg, totalmem } from 'node:os';

export interface Goal {
  readonly what: string;
  /** `null` when it could not be measured. */
  readonly value: number | null;
  readonly atMost: number;
  readonly unit: 'ms' | 'x' | 'MB' | 'errors' | 'files' | 'handles' | 'links' | 'packets';
}

export interface Table {
  readonly title: string;
  /** What was measured, and how. */
  readonly conditions: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** What one part of a benchmark found. */
export interface PartResult {
  readonly part: string;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** What did not go as it should have, although figures came out. */
  readonly problems: readonly string[];
  /** Everything that the tables are made of. */
  readonly raw: unknown;
}

/** The machine at this moment: without its load, nobody can tell what figures are worth. */
export function describeMachine(browserVersion: string): string {
  const [cpu] = cpus();
  const load = loadavg().map((one) => one.toFixed(1));
  return [
    `${cpus().length} x ${cpu?.model.trim() ?? 'unknown CPU'}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Chromium ${browserVersion}`,
    `Node ${process.versions.node}`,
    'loopback',
    `load ${load.join(' ')}`,
  ].join(', ');
}

export function renderTable({ title, conditions, head, rows }: Table): string {
  const line = (cells: readonly (string | number | null)[]): string =>
    `| ${cells.map((cell) => cell ?? '-').join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [`## ${title}`, '', conditions, '', line(head), line(rule), ...rows.map(line), ''].join('\n');
}

export function renderGoals(goals: readonly Goal[]): string {
  return goals.map((goal) => `${describeGoal(goal)}\n`).join('');
}

export function isMet({ value, atMost }: Goal): boolean {
  return value !== null && value <= atMost;
}

function describeGoal(goal: Goal): string {
  const { what, value, atMost, unit } = goal;
  const found = value === null ? 'not measured' : `${round(value, 2)} ${unit}`;
  return `goal: ${what} <= ${atMost} ${unit}: ${found}, ${isMet(goal) ? 'met' : 'MISSED'}`;
}

/** @param share - 0.5 for the median. @returns `null` when there are no values. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}

export function median(values: readonly number[]): number | null {
  return quantile(values, 0.5);
}

export function ratio(value: number | null, base: number | null): number | null {
  return value === null || base === null || base <= 0 ? null : value / base;
}

export function round(value: number | null, digits: number): number | null {
  return value === null ? null : Number(value.toFixed(digits));
}
