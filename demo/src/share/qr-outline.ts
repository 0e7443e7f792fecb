/** A QR code as the outline of its dark modules, one unit each. */

import { encodeQR } from 'qr';

/** Light modules around the code, without which readers do not find it (ISO/IEC 18004, 9.1). */
export const QUIET_MODULES = 4;

export interface QrOutline {
  /** Of a square, in modules, quiet zone included. */
  size: number;
  /** For the attribute `d` of an SVG path. */
  path: string;
}

/** @param text - At most a few hundred characters: more makes a code that no phone reads from a screen. */
export function qrOutline(text: string): QrOutline {
  // Seven of a hundred modules may be wrong: screens are neither dirty nor torn.
  const rows = encodeQR(text, 'raw', { ecc: 'low', border: QUIET_MODULES });
  const runs = rows.flatMap((row, y) => darkRuns(row).map(({ x, length }) => runPath(x, y, length)));
  return { size: rows.length, path: runs.join('') };
}

function darkRuns(row: readonly boolean[]): { x: number; length: number }[] {
  const runs: { x: number; length: number }[] = [];
  row.forEach((isDark, x) => {
    if (!isDark) return;
    const last = runs.at(-1);
    if (last !== undefined && last.x + last.length === x) last.length += 1;
    else runs.push({ x, length: 1 });
  });
  return runs;
}

function runPath(x: number, y: number, length: number): string {
  return `M${x} ${y}h${length}v1h-${length}z`;
}
