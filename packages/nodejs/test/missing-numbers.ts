/** Numbers of RTP packets between the first and the newest that never came. */
export function missingNumbers(sequences: readonly number[]): number[] {
  const [first = 0] = sequences;
  const places = new Set(sequences.map((sequence) => (sequence - first) & 0xffff));
  return Array.from({ length: Math.max(0, ...places) }, (_, place) => place)
    .filter((place) => !places.has(place))
    .map((place) => (first + place) & 0xffff);
}
