/**
 * The counters of the relay as Prometheus wants them. The relay counts; here it is only told, when somebody asks:
 * names, units and labels follow https://prometheus.io/docs/practices/naming/.
 */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { metricFamilies } from './metric-families.ts';
import type { Scrape } from './metric-families.ts';

export interface Metrics {
  readonly contentType: string;
  /** In Prometheus' text format. Whoever asks while it is made gets the same. */
  render(scrape: Scrape): Promise<string>;
  /** Lets go of what measures the process. Idempotent. */
  close(): void;
}

/** Gauges with the suffix of counters, which promtool objects to; those without the suffix tell the same. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Processor time, memory, file descriptors, delay of the event loop, garbage collection.
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const build = { name: 'casto_relay_build_info', help: 'Version of the relay and of Node; always 1.' };
  new Gauge({ ...build, labelNames: ['version', 'node'], registers })
    .labels(version, process.versions.node)
    .set(1);
  const gauges = metricFamilies
    .filter(({ kind }) => kind === 'gauge')
    .map((family) => ({ family, metric: new Gauge({ ...definitionOf(family), registers }) }));
  const counters = metricFamilies
    .filter(({ kind }) => kind === 'counter')
    .map((family) => ({ family, metric: new Counter({ ...definitionOf(family), registers }) }));
  let rendering: Promise<string> | null = null;

  function update(scrape: Scrape): void {
    for (const { family, metric } of gauges) {
      metric.reset();
      for (const { labels, value } of family.read(scrape)) metric.set(labels, value);
    }
    for (const { family, metric } of counters) {
      // The library has no way to set a counter to what was counted elsewhere.
      metric.reset();
      for (const { labels, value } of family.read(scrape)) metric.inc(labels, value);
    }
  }

  return {
    contentType: registry.contentType,
    render(scrape) {
      if (rendering === null) {
        update(scrape);
        rendering = registry.metrics().finally(() => (rendering = null));
      }
      return rendering;
    },
    close: () => registry.clear(),
  };
}

function definitionOf({ name, help, labels }: (typeof metricFamilies)[number]): {
  name: string;
  help: string;
  labelNames: string[];
} {
  return { name, help, labelNames: [...labels] };
}
