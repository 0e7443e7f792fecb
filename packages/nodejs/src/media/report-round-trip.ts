/** The round trip to a viewer, from what its reports say of the sender reports that it was sent (RFC 3550, section 6.4.1). */

import type { ReportBlock } from './rtcp-packet.ts';

/** Sender reports that the viewer may refer to, a second or more apart: queues of networks hold ten seconds and more. */
const REPORTS_KEPT = 16;
/** Delays in reports have this many units in a millisecond. */
const UNITS_PER_MS = 65.536;

export class ReportRoundTrip {
  readonly #reports: { readonly middle: number; readonly sentAt: number }[] = [];

  /** @param middle - Of the report's NTP time, by which the viewer names it. */
  sent(middle: number, now: number): void {
    this.#reports.push({ middle, sentAt: now });
    if (this.#reports.length > REPORTS_KEPT) this.#reports.shift();
  }

  /** @returns Milliseconds; `null` when the viewer names no report that is remembered. */
  measure({ lastReport, sinceLastReport }: ReportBlock, now: number): number | null {
    const sent = this.#reports.find(({ middle }) => middle === lastReport);
    return sent === undefined ? null : Math.max(0, now - sent.sentAt - sinceLastReport / UNITS_PER_MS);
  }
}
