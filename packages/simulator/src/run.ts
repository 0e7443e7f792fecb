import { MEASURED_FROM_MS } from './engine/scenes.ts';
import { observe, type Watcher } from './census.ts';
import { Checkers, type CheckReport } from './checkers.ts';
import type { FaultSpan } from './fault-windows.ts';
import { Measurements, type Distributions, type Metrics } from './measurements.ts';
import type { RunRequest } from './plan.ts';
import type { SeriesPoint } from './time-series.ts';
import type { Simulate } from './world-view.ts';

/** What a run took of the machine, with all that watched it. */
export interface RunCost {
  readonly cpuS: number;
  readonly wallS: number;
  /** Of the process until the run's end: it never falls. */
  readonly peakRssMb: number;
  readonly cpuUsPerEvent: number;
}

/** All that is told of one run. */
export interface RunReport {
  readonly request: RunRequest;
  readonly hash: string;
  readonly events: number;
  readonly endedAt: number;
  readonly metrics: Metrics;
  readonly distributions: Distributions;
  readonly series: readonly SeriesPoint[];
  readonly faults: readonly FaultSpan[];
  readonly checks: CheckReport;
  readonly cost: RunCost;
}

/** Runs one simulation under the eyes of checkers, measurements and `watchers`. */
export function runSimulation(
  simulate: Simulate,
  request: RunRequest,
  watchers: readonly Watcher[] = [],
): RunReport {
  const measurements = new Measurements(MEASURED_FROM_MS);
  const checkers = new Checkers();
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  const result = simulate({ ...request, observers: [observe([checkers, measurements, ...watchers])] });
  const cpu = process.cpuUsage(cpuBefore);
  const cpuUs = cpu.user + cpu.system;
  return {
    request,
    hash: result.hash,
    events: result.events,
    endedAt: result.endedAt,
    metrics: measurements.metrics(),
    distributions: measurements.distributions(),
    series: measurements.series,
    faults: measurements.faults,
    checks: checkers.report(),
    cost: {
      cpuS: cpuUs / 1e6,
      wallS: (performance.now() - wallBefore) / 1000,
      peakRssMb: process.resourceUsage().maxRSS / 1024,
      cpuUsPerEvent: result.events === 0 ? 0 : cpuUs / result.events,
    },
  };
}
