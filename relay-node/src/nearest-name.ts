/** Three typing slips still point to a long name; a short one must not be all slips. */
const mostEdits = 3;

/** @returns The known name that `name` was probably meant to be. */
export function findNearest(name: string, known: readonly string[]): string | null {
  let best: { flag: string; edits: number } | null = null;
  for (const flag of known) {
    const edits = countEdits(name.slice(0, 40), flag);
    if (edits <= mostEdits && edits <= flag.length / 2 && (best === null || edits < best.edits))
      best = { flag, edits };
  }
  return best?.flag ?? null;
}

/** Levenshtein distance. */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, character] of Array.from(from).entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (to[column - 1] === character ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
