/** Folds every event of a run into one number, so that two runs can be told apart. */
export class RunHash {
  readonly #number = new Float64Array(1);
  readonly #words = new Uint32Array(this.#number.buffer);
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  add(time: number, kind: number, index: number): void {
    this.#number[0] = time;
    this.#fold((this.#words[0] ?? 0) ^ Math.imul(kind + 1, 0x85ebca6b));
    this.#fold((this.#words[1] ?? 0) ^ Math.imul(index + 1, 0xc2b2ae35));
  }

  get text(): string {
    return [this.#high, this.#low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  #fold(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193);
    this.#high = Math.imul((this.#high << 13) | (this.#high >>> 19), 5) + (this.#low ^ (this.#low >>> 15));
  }
}
