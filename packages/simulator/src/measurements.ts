import type { Census, Watcher } from './census.ts';
import { FaultWindows, type FaultSpan } from './fault-windows.ts';
import { Samples, Tally, type Histogram, type Quantiles } from './samples.ts';
import { TimeSeries, type SeriesPoint } from './time-series.ts';
import { NO_TRAFFIC, Traffic, type TrafficFigures } from './traffic.ts';
import type { WorldEvent, WorldView } from './world-view.ts';

/** The figures of one run. Times are milliseconds; `null`: it did not happen. */
export interface Metrics {
  /** From the beginning of the search to the first picture, of searches that began in the measured part. */
  readonly join: Quantiles | null;
  /** Of those who came with the flash crowd alone. */
  readonly flashJoin: Quantiles | null;
  /** From an abrupt death to media again, of each child of the dead. */
  readonly repair: Quantiles | null;
  readonly repairByStandby: Quantiles | null;
  readonly repairBySearch: Quantiles | null;
  readonly standbyShare: number | null;
  /** Of those alone who lost a parent in the mass departure. */
  readonly exodusRepair: Quantiles | null;
  /** Breaks of media of whatever cause that ended. */
  readonly interruption: Quantiles | null;
  readonly interruptionsPerViewerHour: number;
  /** Of viewers with a path to the streamer, at all ticks. */
  readonly depth: Quantiles | null;
  readonly pathDelay: Quantiles | null;
  /** Viewers who lost their media by one viewer's abrupt exit. */
  readonly disturbed: Quantiles | null;
  /** Viewers who lost their media by all graceful exits together. */
  readonly disturbedByGraceful: number;
  readonly traffic: TrafficFigures;
  readonly joinsPerSecond: number;
  readonly movesPerViewerHour: number;
  readonly retries: number;
  readonly retriesPerJoin: number | null;
  readonly viewerHours: number;
  /** Share of the viewers' time in which they had media: on average, and at the worst instant. */
  readonly fedShare: number;
  readonly leastFedShare: number;
}

/** What the curves and tables of a run are drawn from. */
export interface Distributions {
  readonly join: Histogram;
  readonly repair: Histogram;
  readonly depth: Histogram;
  readonly pathDelay: Histogram;
}

const HISTOGRAM_STEPS = 40;
/** Deeper or later ones count in the last place. */
const DEEPEST = 200;
const LONGEST_DELAY_MS = 20_000;
/** Delays change slowly, and each costs a walk up the tree. */
const DELAY_EVERY_MS = 10_000;

/** Measures what viewers see, from `measuredFromMs` on. */
export class Measurements implements Watcher {
  readonly #measuredFromMs: number;
  readonly #join = new Samples();
  readonly #flashJoin = new Samples();
  readonly #repairByStandby = new Samples();
  readonly #repairBySearch = new Samples();
  readonly #repair = new Samples();
  readonly #exodusRepair = new Samples();
  readonly #interruption = new Samples();
  readonly #disturbed = new Samples();
  readonly #depth = new Tally(DEEPEST);
  readonly #pathDelay = new Tally(LONGEST_DELAY_MS);
  readonly #faults = new FaultWindows();
  readonly #series = new TimeSeries();
  readonly #traffic = new Traffic();
  #disturbedByGraceful = 0;
  #moves = 0;
  #retries = 0;
  #joins = 0;
  #begunAt: number | null = null;
  /** Of the last tick: its counters are read when the figures are asked for. */
  #world: WorldView | null = null;
  #delaysAt = -Infinity;
  #lastTickAt = 0;
  #viewerMs = 0;
  #fedMs = 0;
  #leastFedShare = 1;

  constructor(measuredFromMs: number) {
    this.#measuredFromMs = measuredFromMs;
  }

  get series(): readonly SeriesPoint[] {
    return this.#series.points;
  }

  get faults(): readonly FaultSpan[] {
    return this.#faults.spans;
  }

  event(event: WorldEvent, world: WorldView): void {
    if (event.type === 'fault') this.#faults.note(event);
    // What began in the ramp belongs to the ramp.
    const tookMs = 'tookMs' in event ? event.tookMs : 0;
    if (event.at - tookMs >= this.#measuredFromMs) this.#count(event, world);
  }

  tick(census: Census): void {
    const point = this.#series.take(census);
    this.#world = census.world;
    const tookMs = census.now - this.#lastTickAt;
    this.#lastTickAt = census.now;
    if (census.now < this.#measuredFromMs) return;
    if (this.#begunAt === null) {
      this.#begunAt = census.now;
      this.#traffic.begin(census.world);
    } else {
      this.#viewerMs += tookMs * point.live;
      this.#fedMs += tookMs * point.fed;
    }
    if (point.live > 0) this.#leastFedShare = Math.min(this.#leastFedShare, point.fed / point.live);
    this.#measurePlaces(census);
  }

  metrics(): Metrics {
    const viewerHours = this.#viewerMs / 3_600_000;
    const seconds = (this.#lastTickAt - (this.#begunAt ?? this.#lastTickAt)) / 1000;
    const perHour = (count: number): number => (viewerHours === 0 ? 0 : count / viewerHours);
    const repairs = this.#repairByStandby.count + this.#repairBySearch.count;
    return {
      join: this.#join.quantiles(),
      flashJoin: this.#flashJoin.quantiles(),
      repair: this.#repair.quantiles(),
      repairByStandby: this.#repairByStandby.quantiles(),
      repairBySearch: this.#repairBySearch.quantiles(),
      standbyShare: repairs === 0 ? null : this.#repairByStandby.count / repairs,
      exodusRepair: this.#exodusRepair.quantiles(),
      interruption: this.#interruption.quantiles(),
      interruptionsPerViewerHour: perHour(this.#interruption.count),
      depth: this.#depth.quantiles(),
      pathDelay: this.#pathDelay.quantiles(),
      disturbed: this.#disturbed.quantiles(),
      disturbedByGraceful: this.#disturbedByGraceful,
      traffic: this.#world === null ? NO_TRAFFIC : this.#traffic.figures(this.#world),
      joinsPerSecond: seconds === 0 ? 0 : this.#joins / seconds,
      movesPerViewerHour: perHour(this.#moves),
      retries: this.#retries,
      retriesPerJoin: this.#joins === 0 ? null : this.#retries / this.#joins,
      viewerHours,
      fedShare: this.#viewerMs === 0 ? 0 : this.#fedMs / this.#viewerMs,
      leastFedShare: this.#leastFedShare,
    };
  }

  distributions(): Distributions {
    return {
      join: this.#join.histogram(HISTOGRAM_STEPS),
      repair: this.#repair.histogram(HISTOGRAM_STEPS),
      depth: this.#depth.histogram(HISTOGRAM_STEPS),
      pathDelay: this.#pathDelay.histogram(HISTOGRAM_STEPS),
    };
  }

  #count(event: WorldEvent, world: WorldView): void {
    switch (event.type) {
      case 'joined':
        this.#joins++;
        this.#join.add(event.tookMs);
        if (this.#faults.covers('flash', event.at - event.tookMs)) this.#flashJoin.add(event.tookMs);
        return;
      case 'repaired':
        this.#repair.add(event.tookMs);
        (event.by === 'standby' ? this.#repairByStandby : this.#repairBySearch).add(event.tookMs);
        if (this.#faults.covers('exodus', event.at - event.tookMs)) this.#exodusRepair.add(event.tookMs);
        return;
      case 'left':
        if (world.role(event.peer) !== 'viewer') return;
        if (event.isAbrupt) this.#disturbed.add(event.disturbed);
        else this.#disturbedByGraceful += event.disturbed;
        return;
      case 'resumed':
        this.#interruption.add(event.tookMs);
        return;
      case 'moved':
        this.#moves++;
        return;
      case 'join-retried':
        this.#retries++;
        return;
      case 'odd':
      case 'fault':
        return;
    }
  }

  #measurePlaces(census: Census): void {
    const { world } = census;
    const hasDelays = census.now - this.#delaysAt >= DELAY_EVERY_MS;
    if (hasDelays) this.#delaysAt = census.now;
    for (const peer of census.peers) {
      const depth = census.depth(peer);
      if (depth < 0 || world.role(peer) !== 'viewer') continue;
      this.#depth.add(depth);
      if (hasDelays && world.isFed(peer)) this.#pathDelay.add(world.pathDelayMs(peer));
    }
  }
}
