/** How many processes a relay runs, and how many viewers they may serve unless its owner says. */

import { availableParallelism } from 'node:os';
import { MAX_PROCESSES, type RelayOptions } from '../relay-options.ts';

/** 400 viewers at 2.6 Mbit/s take 55 % of a core (docs/benchmarks.md), so this many leave it some room. */
const VIEWERS_PER_PROCESS = 600;

/** @returns At least 1; more only where there are children to serve. */
export function processCount({ processes = 1, maxViewers }: RelayOptions): number {
  if (maxViewers === 0) return 1;
  return processes === 'auto' ? Math.min(availableParallelism(), MAX_PROCESSES) : processes;
}

/** The main process serves nobody where there are others. */
export function defaultMaxViewers(processes: number): number {
  return VIEWERS_PER_PROCESS * Math.max(1, processes - 1);
}
