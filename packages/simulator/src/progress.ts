import type { Census, Watcher } from './census.ts';
import { formatClock, formatNumber } from './text-table.ts';

/** Where the lines of progress go. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A terminal's line is drawn anew this often; elsewhere every line stays, so that there are fewer. */
const TERMINAL_MS = 500;
const LOG_MS = 10_000;

/** Tells a waiting person how far a run is. */
export class Progress implements Watcher {
  readonly #output: ProgressOutput;
  readonly #endMs: number;
  readonly #startedAt = performance.now();
  #toldAt = performance.now();
  #toldNow = 0;

  constructor(output: ProgressOutput, minutes: number) {
    this.#output = output;
    this.#endMs = minutes * 60_000;
  }

  tick(census: Census): void {
    const wall = performance.now();
    const elapsedMs = wall - this.#toldAt;
    if (elapsedMs < (this.#output.isTTY === true ? TERMINAL_MS : LOG_MS)) return;
    const line = describe(census, this.#endMs, (census.now - this.#toldNow) / elapsedMs);
    this.#output.write(this.#output.isTTY === true ? `\r\u001B[K${line}` : `${line}\n`);
    this.#toldAt = wall;
    this.#toldNow = census.now;
  }

  /** Leaves the terminal's line empty. */
  end(): void {
    if (this.#output.isTTY === true && this.#toldAt > this.#startedAt) this.#output.write('\r\u001B[K');
  }
}

function describe(census: Census, endMs: number, speed: number): string {
  const { world } = census;
  let live = 0;
  let fed = 0;
  for (const peer of census.peers) {
    if (world.role(peer) !== 'viewer') continue;
    live++;
    if (world.isFed(peer)) fed++;
  }
  const fedPercent = live === 0 ? 0 : (fed / live) * 100;
  const memoryMb = process.memoryUsage.rss() / 1024 / 1024;
  return [
    `${formatClock(census.now)} of ${formatClock(endMs)}`,
    `${formatNumber(live, 0)} viewers`,
    `${formatNumber(fedPercent, 2)} % fed`,
    `${formatNumber(speed, 1)}x real time`,
    `${formatNumber(memoryMb, 0)} MB`,
  ].join('  ');
}
