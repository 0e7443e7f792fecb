/** Puts the dashboard together: who may see it, what it shows, and the history that it keeps meanwhile. */
import { performance } from 'node:perf_hooks';
import type { Relay } from '@casto/nodejs';
import { DashboardAccess } from './dashboard-access.ts';
import { DashboardFeed } from './dashboard-feed.ts';
import type { Dashboard } from './dashboard-routes.ts';
import { dashboardRelay, type DashboardState, type ProcessRow } from './dashboard-state.ts';
import type { HttpRefusals } from './http-refusals.ts';
import { LoadHistory, sampleMs } from './load-history.ts';
import type { RelayCondition } from './metric-families.ts';
import { createProcessMeter } from './process-load.ts';
import type { Advice } from './self-test.ts';

export interface DashboardOptions {
  /** Asked of those who are not at this machine; null: they are refused. */
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
  const meter = createProcessMeter();
  const history = new LoadHistory();
  let memoryBytes = process.memoryUsage.rss();

  function sample(): void {
    const load = meter.read();
    memoryBytes = load.memoryBytes;
    const metrics = options.relay()?.metrics();
    const { incoming, outgoing } = metrics?.media ?? { incoming: nothing, outgoing: nothing };
    history.add({
      at: now(),
      inBytes: incoming.bytes,
      outBytes: outgoing.bytes,
      inPackets: incoming.packets,
      outPackets: outgoing.packets,
      viewers: metrics?.viewers ?? 0,
      ...load,
    });
  }

  function state(): DashboardState {
    const relay = options.relay();
    const { columns } = history;
    const main: ProcessRow = {
      name: 'relay',
      cpuShare: columns.cpuShare.at(-1) ?? null,
      loopDelayMs: columns.loopDelayMs.at(-1) ?? null,
      memoryBytes,
    };
    return {
      at: Date.now(),
      version: options.version,
      condition: options.condition(),
      processes: [main],
      advice: options.advice(),
      history: { sampleMs, columns },
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
    close() {
      clearInterval(sampling);
      meter.close();
    },
  };
}

const nothing = { bytes: 0, packets: 0 };
