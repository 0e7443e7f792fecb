/** Puts the dashboard together: who may see it, what it shows, and the history that it keeps meanwhile. */
import { performance } from 'node:perf_hooks';
import type { Relay } from '@casto/nodejs';
import { DashboardAccess } from './dashboard-access.ts';
import { DashboardFeed } from './dashboard-feed.ts';
import type { Dashboard } from './dashboard-routes.ts';
import { dashboardRelay, type DashboardState } from './dashboard-state.ts';
import type { HttpRefusals } from './http-refusals.ts';
import { LoadHistory, sampleMs } from './load-history.ts';
import type { RelayCondition } from './metric-families.ts';
import { ProcessRows, type ProcessReading } from './process-rows.ts';
import type { Advice } from './self-test.ts';

export interface DashboardOptions {
  /** Asked of everybody; null: only those at this machine may see it. */
  token: string | null;
  /** Of casto-relay. */
  version: string;
  /** Null until it is up. */
  relay: () => Relay | null;
  condition: () => RelayCondition;
  /** What the self-test found; null until it has ended. */
  advice: () => Advice[] | null;
  refusals: HttpRefusals;
}

export interface RunningDashboard extends Dashboard {
  /** Ends the sampling. Idempotent. */
  close(): void;
}

export function openDashboard(options: DashboardOptions): RunningDashboard {
  const now = (): number => performance.now();
  const history = new LoadHistory();
  const processes = new ProcessRows();

  function sample(): void {
    const at = now();
    const metrics = options.relay()?.metrics();
    const all = metrics?.processes ?? [];
    processes.update(at, all);
    const { incoming, outgoing } = metrics?.media ?? { incoming: nothing, outgoing: nothing };
    history.add({
      at,
      inBytes: incoming.bytes,
      outBytes: outgoing.bytes,
      inPackets: incoming.packets,
      outPackets: outgoing.packets,
      viewers: metrics?.viewers ?? 0,
      cpuMs: sumOf(all, ({ cpuSeconds }) => cpuSeconds * msPerS),
      loopDelayMs: Math.max(0, ...all.map(({ eventLoopDelayMs }) => eventLoopDelayMs)),
      memoryBytes: sumOf(all, ({ residentBytes }) => residentBytes),
    });
  }

  function state(): DashboardState {
    const relay = options.relay();
    return {
      at: Date.now(),
      version: options.version,
      condition: options.condition(),
      processes: processes.rows,
      advice: options.advice(),
      history: { sampleMs, columns: history.columns },
      httpRefused: options.refusals.toJSON(),
      relay: relay === null ? null : dashboardRelay(relay),
    };
  }

  sample();
  const sampling = setInterval(sample, sampleMs);
  sampling.unref();
  return {
    access: new DashboardAccess({ token: options.token, now }),
    feed: new DashboardFeed({ state, tree: (channel) => options.relay()?.tree(channel) ?? null, now }),
    close: () => clearInterval(sampling),
  };
}

const nothing = { bytes: 0, packets: 0 };
const msPerS = 1_000;

function sumOf(processes: readonly ProcessReading[], read: (process: ProcessReading) => number): number {
  return processes.reduce((sum, process) => sum + read(process), 0);
}
