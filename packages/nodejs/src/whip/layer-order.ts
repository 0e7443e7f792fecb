/**
 * Which layer of the channel each encoding of a publisher is: 0 is the largest picture (PROTOCOL.md, vocabulary).
 *
 * An offer does not say. Pages list the smallest first by custom, and programs the other way round, so the custom holds
 * until key frames tell how large the pictures are.
 */

export class LayerOrder {
  /** All orders that there are, the more likely ones first: the layer of each encoding. */
  #orders: readonly (readonly number[])[];
  #order: readonly number[];
  /** In pixels; `null` before the first key frame. */
  readonly #sizes: (number | null)[];

  /** @param encodings - How many, in the order of the offer; at most three. */
  constructor(encodings: number) {
    const first = Array.from({ length: encodings }, (_, index) => encodings - 1 - index);
    this.#order = first;
    this.#orders = [first, first.toReversed(), ...permutations(first)];
    this.#sizes = Array.from({ length: encodings }, () => null);
  }

  /** @param encoding - By its place in the offer. */
  layerOf(encoding: number): number {
    return this.#order[encoding] ?? 0;
  }

  /**
   * A key frame of an encoding has come. When all are known nothing changes any more: encoders that make their pictures
   * smaller for a while keep their places.
   *
   * @returns Whether encodings have other layers than before.
   */
  learn(encoding: number, pixels: number): boolean {
    if (this.#sizes[encoding] !== null) return false;
    this.#sizes[encoding] = pixels;
    if (this.#fits(this.#order)) return false;
    this.#orders = this.#orders.filter((order) => this.#fits(order));
    const [order = this.#order] = this.#orders;
    const hasChanged = order !== this.#order;
    this.#order = order;
    return hasChanged;
  }

  /** No picture that is known is larger than one of a higher layer. */
  #fits(order: readonly number[]): boolean {
    let smallest = Infinity;
    for (let layer = 0; layer < order.length; layer += 1) {
      const pixels = this.#sizes[order.indexOf(layer)] ?? null;
      if (pixels === null) continue;
      if (pixels > smallest) return false;
      smallest = pixels;
    }
    return true;
  }
}

function permutations(values: readonly number[]): number[][] {
  if (values.length <= 1) return [[...values]];
  return values.flatMap((value) =>
    permutations(values.filter((other) => other !== value)).map((rest) => [value, ...rest]),
  );
}
