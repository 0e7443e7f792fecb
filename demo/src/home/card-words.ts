/** What a card says of a live channel. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function viewersWords(viewers: number): string {
  return viewers === 1 ? '1 viewer' : `${viewers} viewers`;
}

/**
 * How long a broadcast has been running.
 *
 * @param startedAt - Milliseconds since 1970 on the streamer's clock, which may be ahead of ours.
 * @param nowMs - Milliseconds since 1970.
 */
export function ageWords(startedAt: number, nowMs: number): string {
  const ageMs = nowMs - startedAt;
  if (!(ageMs >= MINUTE_MS)) return 'just started';
  if (ageMs < HOUR_MS) return `for ${Math.floor(ageMs / MINUTE_MS)} min`;
  if (ageMs < DAY_MS) {
    const minutes = Math.floor((ageMs % HOUR_MS) / MINUTE_MS);
    return `for ${Math.floor(ageMs / HOUR_MS)} h${minutes === 0 ? '' : ` ${minutes} min`}`;
  }
  const days = Math.floor(ageMs / DAY_MS);
  return days === 1 ? 'for a day' : `for ${days} days`;
}

/** The line beside "Live now". */
export function countWords(channels: number): string {
  if (channels === 0) return 'Nobody at the moment';
  return channels === 1 ? '1 broadcast' : `${channels} broadcasts`;
}
