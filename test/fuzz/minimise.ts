/**
 * Makes a failing sequence of inputs short: first fewer inputs, then fewer bytes in each, each time by leaving out
 * ever smaller pieces (delta debugging, Zeller and Hildebrandt 2002).
 */

/** Attempts at most: a session that opens sockets takes a while each time. */
const MAX_ATTEMPTS = 600;

/**
 * @param fails - Feeds the inputs to a fresh session.
 * @returns The shortest found that still fails; `null` when not even all of them do.
 */
export async function minimise(
  inputs: readonly Uint8Array[],
  fails: (inputs: readonly Uint8Array[]) => Promise<boolean>,
): Promise<readonly Uint8Array[] | null> {
  let attempts = 0;
  const stillFails = async (candidate: readonly Uint8Array[]): Promise<boolean> => {
    attempts++;
    return attempts <= MAX_ATTEMPTS && fails(candidate);
  };
  const last = inputs.slice(-1);
  let current: readonly Uint8Array[];
  if (await stillFails(last)) current = last;
  else if (await stillFails(inputs)) current = await shorten(inputs, stillFails);
  else return null;

  for (let i = 0; i < current.length; i++) {
    const input = current[i];
    if (input === undefined) continue;
    const others = current;
    const bytes = await shorten([...input], (kept) => stillFails(others.with(i, Uint8Array.from(kept))));
    current = others.with(i, Uint8Array.from(bytes));
  }
  return current;
}

async function shorten<T>(
  items: readonly T[],
  stillFails: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = items;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length;) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (await stillFails(fewer)) kept = fewer;
      else at += size;
    }
  }
  return kept;
}
