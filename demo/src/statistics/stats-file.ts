/** The figures as a file, to look at them elsewhere or to send them along with a question. */

import type { StatsHistory } from './stats-history.ts';

/**
 * JSON with the samples and the last look at everything.
 *
 * @param page - The browser's name for itself: what works differs between browsers.
 */
export function statsFile(history: StatsHistory, page: { userAgent: string; nowMs: number }): string {
  const file = {
    format: 'casto-statistics',
    version: 1,
    savedAt: new Date(page.nowMs).toISOString(),
    userAgent: page.userAgent,
    units: {
      atMs: 'ms since 1970',
      bitrateBps: 'bit/s',
      latencyMs: 'ms',
      packetsLost: 'since the sample before',
      depth: 'hops',
    },
    samples: history.samples,
    stats: history.latest,
  };
  return `${JSON.stringify(file, null, 1)}\n`;
}

/** E.g. `casto-2027-01-31-18-05-00.json`: sorts by time, and every file system takes it. */
export function statsFileName(nowMs: number): string {
  return `casto-${new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[T:]/g, '-')}.json`;
}
