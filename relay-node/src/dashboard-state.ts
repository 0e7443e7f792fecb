/**
 * What the dashboard is told, as JSON. The page is made of these very types (dashboard/), so they hold nothing but what
 * JSON can say.
 */
import type { ChannelTree, Relay, RelayMetrics, RelayOverview } from '@casto/nodejs';
import type { LoadColumns } from './load-history.ts';
import type { RelayCondition } from './metric-families.ts';
import type { Advice } from './self-test.ts';

/** One process that the relay consists of. */
export interface ProcessRow {
  name: string;
  /** Of one core over the last seconds, 1 for all of it; null before two samples. */
  cpuShare: number | null;
  /** See {@link LoadColumns.loopDelayMs}. */
  loopDelayMs: number | null;
  memoryBytes: number;
}

/** At `/dashboard/state`. */
export interface DashboardState {
  /** When it was put together, milliseconds since 1970. */
  at: number;
  /** Of casto-relay. */
  version: string;
  condition: RelayCondition;
  processes: ProcessRow[];
  /** What the self-test advises; null until it has ended. */
  advice: Advice[] | null;
  /** The last minutes, a sample every `sampleMs`. */
  history: { sampleMs: number; columns: LoadColumns };
  /** Refused requests and connections by reason. */
  httpRefused: Record<string, number>;
  /** Null until the relay is up. */
  relay: DashboardRelay | null;
}

export interface DashboardRelay extends RelayOverview {
  peerId: string;
  multiaddrs: string[];
  metrics: RelayMetrics;
}

/** At `/dashboard/tree/CHANNEL`. */
export interface DashboardTree {
  at: number;
  tree: ChannelTree;
}

/** Costs a walk over all links and channels. */
export function dashboardRelay(relay: Relay): DashboardRelay {
  const { peerId, multiaddrs } = relay;
  return { peerId, multiaddrs: [...multiaddrs], metrics: relay.metrics(), ...relay.overview() };
}
