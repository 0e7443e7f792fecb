/**
 * A seeded generator: the same seed gives the same numbers in every engine, so that a run of the simulator, or a
 * field failure, can be repeated. Not for secrets.
 *
 * @see PractRand's sfc32: 128 bits of state, passes its tests to 16 TiB.
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
}

/** Rounds after which the words of the seed have mixed. */
const WARM_UP = 12;

export function createRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed >>> 0;
  let counter = Math.floor(seed / 0x100000000) >>> 0;
  const word = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  for (let i = 0; i < WARM_UP; i++) word();
  const next = (): number => word() / 0x100000000;
  return { next, below: (below) => Math.floor(next() * below) };
}
