/** Allows `perSecond` actions on average and `burst` at once. */
export interface TokenBucket {
  /** @returns Whether one more action is allowed at `now` (milliseconds). */
  take(now: number): boolean;
}

export function tokenBucket(perSecond: number, burst: number): TokenBucket {
  let tokens = burst;
  let filledAt: number | null = null;
  return {
    take: (now) => {
      // What is told late, with an earlier time, must not take back what was filled since.
      const passedMs = filledAt === null ? 0 : Math.max(0, now - filledAt);
      tokens = Math.min(burst, tokens + (passedMs / 1000) * perSecond);
      filledAt = Math.max(now, filledAt ?? now);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
