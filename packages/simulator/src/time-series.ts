import type { Census } from './census.ts';
import { Tally } from './samples.ts';

/** How the audience was at one instant. */
export interface SeriesPoint {
  readonly at: number;
  /** Viewers in the channel. */
  readonly live: number;
  /** Those among them whom media reaches. */
  readonly fed: number;
  /** Of those with a path to the streamer; `null` when there are none. */
  readonly depthP50: number | null;
  readonly depthP95: number | null;
  readonly depthMax: number | null;
}

const STEP_MS = 1_000;
const DEEPEST = 200;

/** One point per second of virtual time, or per tick when ticks are rarer. */
export class TimeSeries {
  readonly #points: SeriesPoint[] = [];
  readonly #depths = new Tally(DEEPEST);

  get points(): readonly SeriesPoint[] {
    return this.#points;
  }

  /** @returns The point of this tick, whether or not it is kept. */
  take(census: Census): SeriesPoint {
    const point = this.#look(census);
    const last = this.#points.at(-1);
    if (last === undefined || point.at - last.at >= STEP_MS) this.#points.push(point);
    return point;
  }

  #look(census: Census): SeriesPoint {
    const { world } = census;
    this.#depths.clear();
    let live = 0;
    let fed = 0;
    for (const peer of census.peers) {
      if (world.role(peer) !== 'viewer') continue;
      live++;
      if (world.isFed(peer)) fed++;
      const depth = census.depth(peer);
      if (depth >= 0) this.#depths.add(depth);
    }
    const quantile = (share: number): number | null => this.#depths.quantile(share);
    return {
      at: census.now,
      live,
      fed,
      depthP50: quantile(0.5),
      depthP95: quantile(0.95),
      depthMax: quantile(1),
    };
  }
}
