/** Input that was refused, counted by reason, so that an operator sees what arrives without a log line for each. */
export interface RefusalCounter {
  count(reason: string): void;
  readonly counts: Readonly<Record<string, number>>;
}

/** Reasons come from closed unions; the limit guards against a programming error only. */
const MAX_REASONS = 200;

export function refusalCounter(): RefusalCounter {
  const counts: Record<string, number> = {};
  return {
    counts,
    count: (reason) => {
      const known = Object.hasOwn(counts, reason) ? counts[reason] : undefined;
      if (known === undefined && Object.keys(counts).length >= MAX_REASONS) return;
      counts[reason] = (known ?? 0) + 1;
    },
  };
}
