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
      if (filledAt !== null) tokens = Math.min(burst, tokens + ((now - filledAt) / 1000) * perSecond);
      filledAt = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
