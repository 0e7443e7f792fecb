/** Numbers as people read them. */

/** What is not known. */
export const UNKNOWN = '–';

const S_PER_MIN = 60;
const S_PER_H = 3_600;
const S_PER_DAY = 86_400;

/** Bits per second, such as `2.5 Mbit/s`. */
export function bitrate(bps: number | null): string {
  return bps === null ? UNKNOWN : `${scaled(bps)}bit/s`;
}

export function bytes(value: number): string {
  return `${scaled(value)}B`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** @param value - 0 to 1. */
export function share(value: number | null): string {
  if (value === null) return UNKNOWN;
  const percent = value * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

export function milliseconds(value: number | null): string {
  if (value === null) return UNKNOWN;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Such as `3 h 12 min`, never negative: clocks differ. */
export function duration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  const s = Math.max(0, Math.floor(ms / 1_000));
  if (s < S_PER_MIN) return `${s} s`;
  if (s < S_PER_H) return `${Math.floor(s / S_PER_MIN)} min`;
  if (s < S_PER_DAY) return `${Math.floor(s / S_PER_H)} h ${Math.floor((s % S_PER_H) / S_PER_MIN)} min`;
  return `${Math.floor(s / S_PER_DAY)} d ${Math.floor((s % S_PER_DAY) / S_PER_H)} h`;
}

/** The end of a peer id, where ids differ. */
export function shortId(id: string): string {
  return id.length <= 10 ? id : `…${id.slice(-8)}`;
}

/** Three digits and a decimal prefix, with a space before the unit. */
function scaled(value: number): string {
  let rest = Math.max(0, value);
  for (const prefix of [' ', ' k', ' M', ' G']) {
    if (rest < 999.5)
      return `${rest >= 100 || prefix === ' ' ? rest.toFixed(0) : rest.toPrecision(3)}${prefix}`;
    rest /= 1_000;
  }
  return `${rest.toPrecision(3)} T`;
}
