/**
 * Keeps one media worker running: a process that ended is replaced after a delay, which doubles with each failure and is
 * short again after a minute without one.
 *
 *   starting ──ready──▶ serving ──ended──▶ waiting ──delay──▶ starting
 */

import type { Clock, RefusalCounter } from '@casto/host';
import { addTotals, copyTraffic, noTraffic } from '../media/media-traffic.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { RelayLog } from '../relay-log.ts';
import type { MediaTraffic, ProcessMetrics } from '../relay-metrics.ts';
import { Outcome } from './outcome.ts';
import { RemoteLinks } from './remote-links.ts';
import type { WorkerEntry } from './worker-entry.ts';
import type { FromWorker, WorkerReport, WorkerSettings } from './worker-messages.ts';
import { WorkerProcess, type WorkerEnd } from './worker-process.ts';

const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 30_000;
/** A worker that lived this long did not fail because of how it was started. */
const SOUND_MS = 60_000;
/** Of a worker that hangs: children notice its silence at once, so this is about the memory and the port it keeps. */
const DEFAULT_MAX_MISSED_REPORTS = 5;

export interface WorkerKeeperOptions {
  readonly name: string;
  readonly entry: WorkerEntry;
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  readonly log: RelayLog;
  readonly counts: RefusalCounter;
  readonly feedLinks: NodeMediaLinks;
  readonly maxMissedReports?: number;
}

interface Running {
  readonly process: WorkerProcess;
  readonly links: RemoteLinks;
  readonly startedAt: number;
  report: WorkerReport | null;
}

export class WorkerKeeper {
  readonly #options: WorkerKeeperOptions;
  readonly #started = new Outcome<void>();
  /** Of processes that have ended, as far as they could tell. */
  readonly #carried = noTraffic();
  readonly #refused: Record<string, number> = {};
  #running: Running | null = null;
  #restarts = 0;
  #delayMs = FIRST_DELAY_MS;
  #cancelDelay: () => void = () => {};
  #wasReady = false;
  #isStopping = false;
  readonly #reportListeners = new Set<() => void>();

  constructor(options: WorkerKeeperOptions) {
    this.#options = options;
  }

  /** The links of the worker that is there; `null` while it takes none. */
  get links(): RemoteLinks | null {
    return this.#running?.process.isReady === true ? this.#running.links : null;
  }

  /** What its processes have carried, as of a second ago. */
  get traffic(): MediaTraffic {
    const sum = copyTraffic(this.#carried);
    if (this.#running?.report) addTotals(sum, this.#running.report.traffic);
    return sum;
  }

  /** What its processes have refused, by reason, as of a second ago. */
  get refused(): Readonly<Record<string, number>> {
    const sum = { ...this.#refused };
    addCounts(sum, this.#running?.report?.refused ?? {});
    return sum;
  }

  get metrics(): ProcessMetrics {
    const { name } = this.#options;
    const usage = this.#running?.report?.usage ?? { cpuSeconds: 0, residentBytes: 0, eventLoopDelayMs: 0 };
    const children = this.#running?.links.size ?? 0;
    return { name, ...usage, pid: this.#running?.process.pid ?? 0, children, restarts: this.#restarts };
  }

  /** @throws {Error} When the first process does not become ready; it is not replaced then. */
  start(): Promise<void> {
    this.#start();
    return this.#started.promise;
  }

  /** @returns When the worker has told anew what it carried. For measurements. */
  reported(): Promise<void> {
    return new Promise((resolve) => void this.#reportListeners.add(resolve));
  }

  /** Ends its process at once, when this one ends without having stopped it. */
  kill(): void {
    this.#running?.process.kill();
  }

  /** @returns When its process is gone. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelDelay();
    await this.#running?.process.stop();
  }

  #start(): void {
    const { entry, settings, clock, counts, feedLinks, maxMissedReports } = this.#options;
    const process = new WorkerProcess({
      entry,
      settings,
      clock,
      maxMissedReports: maxMissedReports ?? DEFAULT_MAX_MISSED_REPORTS,
      onMessage: (message) => this.#take(message),
      onEnded: (end) => this.#end(running, end),
    });
    const links = new RemoteLinks({ clock, counts, feedLinks, send: (message) => process.send(message) });
    const running: Running = { process, links, startedAt: clock.now(), report: null };
    this.#running = running;
  }

  #take(message: FromWorker): void {
    const running = this.#running;
    if (running === null) return;
    if (message.type === 'ready') {
      const { name, log } = this.#options;
      log('info', 'worker-started', { worker: name, pid: running.process.pid });
      this.#wasReady = true;
      this.#started.resolve(undefined);
    } else if (message.type === 'report') {
      running.report = message.report;
      running.links.take(message);
      for (const listener of this.#reportListeners) listener();
      this.#reportListeners.clear();
    } else running.links.take(message);
  }

  #end(running: Running, { why, detail }: WorkerEnd): void {
    const { name, clock, log } = this.#options;
    const children = running.links.size;
    running.links.lose();
    if (running.report !== null) {
      addTotals(this.#carried, running.report.traffic);
      addCounts(this.#refused, running.report.refused);
      running.report = null;
    }
    if (this.#isStopping) return;
    if (!this.#wasReady) return this.#started.reject(new Error(`${name} did not start: ${detail}`));
    log('warn', 'worker-lost', { worker: name, why, detail, children });
    if (clock.now() - running.startedAt >= SOUND_MS) this.#delayMs = FIRST_DELAY_MS;
    this.#cancelDelay = clock.setTimer(() => void this.#replace(running), this.#delayMs);
    this.#delayMs = Math.min(2 * this.#delayMs, LAST_DELAY_MS);
  }

  /** Its port is free when the former process is gone. */
  async #replace(former: Running): Promise<void> {
    await former.process.stop();
    if (this.#isStopping) return;
    this.#restarts++;
    this.#start();
  }
}

function addCounts(sum: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(counts)) sum[reason] = (sum[reason] ?? 0) + count;
}
