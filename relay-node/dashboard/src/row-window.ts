/** Which rows of a long table are worth having: those in sight, and a few around. */
export interface RowWindow {
  /** The first one, and the one behind the last. */
  first: number;
  end: number;
}

/** Scrolling shows rows before the next picture is drawn. */
const SPARE_ROWS = 8;

/**
 * @param rows - In all.
 * @param scroll - `{ top, height }` of what is in sight, in pixels.
 * @param rowHeight - In pixels, above zero.
 */
export function rowWindow(
  rows: number,
  { top, height }: { top: number; height: number },
  rowHeight: number,
): RowWindow {
  const first = Math.max(0, Math.min(rows, Math.floor(top / rowHeight)) - SPARE_ROWS);
  const end = Math.min(rows, Math.ceil((top + height) / rowHeight) + SPARE_ROWS);
  return { first, end: Math.max(first, end) };
}
