/** What a relay's process takes, as its /metrics tell. */

export interface RelaySample {
  readonly atS: number;
  readonly residentMb: number;
  readonly heapMb: number;
  readonly openFiles: number;
  /** Sockets, timers and pipes of the event loop. */
  readonly resources: number;
  /** Links to children, standing by or connecting included. */
  readonly children: number;
  /** Sessions of WHIP publishers and WHEP players, connecting included. */
  readonly guests: number;
  /** Since the last sample, in milliseconds. */
  readonly eventLoopP99Ms: number;
}

const MB = 1e6;
const MS = 1e3;

export async function sampleRelay(http: string, atS: number): Promise<RelaySample> {
  const text = await (await fetch(`${http}/metrics`)).text();
  const sum = (name: string, label = ''): number => sumOf(text, name, label);
  return {
    atS,
    residentMb: sum('process_resident_memory_bytes') / MB,
    heapMb: sum('nodejs_heap_size_used_bytes') / MB,
    openFiles: sum('process_open_fds'),
    resources: sum('nodejs_active_resources'),
    children: sum('casto_relay_links', 'other="child"'),
    guests: sum('casto_relay_links', 'other="publisher"') + sum('casto_relay_links', 'other="player"'),
    eventLoopP99Ms: sum('nodejs_eventloop_lag_p99_seconds') * MS,
  };
}

/** Over all lines that hold the label. @throws When there is no such metric: a figure that is always 0 would never grow. */
function sumOf(text: string, name: string, label: string): number {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => line.includes(label))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  if (values.length === 0) throw new Error(`/metrics has no ${name}`);
  return values.reduce((total, value) => total + value, 0);
}
