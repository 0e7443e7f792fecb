/** When to ask the relay again, and what to tell people meanwhile. Decides only; main.ts asks. */

/** What came of asking. */
export type Outcome =
  | { type: 'answered' }
  /** The relay could not be reached, did not answer in time, or answered something else than the dashboard. */
  | { type: 'unreachable' }
  | { type: 'refused'; status: number; text: string; retryAfterS: number | null };

export interface Verdict {
  /** Until the next question; null: not before something else happens. */
  delayMs: number | null;
  /** For people; null: all is well. */
  trouble: string | null;
  wantsToken: boolean;
  failures: number;
}

export const POLL_MS = 2_000;
const LONGEST_MS = 15_000;

/** @param failures - Of the questions before, in a row. */
export function judgeOutcome(outcome: Outcome, failures: number): Verdict {
  if (outcome.type === 'answered') {
    return { delayMs: POLL_MS, trouble: null, wantsToken: false, failures: 0 };
  }
  const failed = failures + 1;
  const delayMs = Math.min(LONGEST_MS, POLL_MS * 2 ** Math.min(failures, 8));
  if (outcome.type === 'unreachable') {
    const trouble = 'The relay does not answer. Reconnecting; what is shown is what it said last.';
    return { delayMs, trouble, wantsToken: false, failures: failed };
  }
  const { status, text, retryAfterS } = outcome;
  if (status === 401) return { delayMs: null, trouble: null, wantsToken: true, failures: 0 };
  if (status === 429) {
    const trouble = 'The relay has too many dashboards open, or too many wrong tokens were tried. Waiting.';
    const waitMs = Math.max(delayMs, (retryAfterS ?? 0) * 1_000);
    return { delayMs: waitMs, trouble, wantsToken: false, failures: failed };
  }
  const trouble = text === '' ? `The relay refuses, with status ${status}.` : text;
  return { delayMs, trouble, wantsToken: false, failures: failed };
}
