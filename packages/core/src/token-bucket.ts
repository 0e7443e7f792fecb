/** Allows `perSecond` actions on average and `burst` at once. */
export interface TokenBucket {
  /**
   * @param now - Milliseconds.
   * @param cost - How many actions this one counts as; default 1.
   * @returns Whether it is allowed; then it is counted.
   */
  take(now: number, cost?: number): boolean;
  /** What {@link TokenBucket.take} would say. */
  allows(now: number, cost?: number): boolean;
}

export function tokenBucket(perSecond: number, burst: number): TokenBucket {
  let tokens = burst;
  let filledAt: number | null = null;
  const allows = (now: number, cost = 1): boolean => {
    // What is told late, with an earlier time, must not take back what was filled since.
    const passedMs = filledAt === null ? 0 : Math.max(0, now - filledAt);
    tokens = Math.min(burst, tokens + (passedMs / 1000) * perSecond);
    filledAt = Math.max(now, filledAt ?? now);
    return tokens >= cost;
  };
  return {
    allows,
    take: (now, cost = 1) => {
      if (!allows(now, cost)) return false;
      tokens -= cost;
      return true;
    },
  };
}
