/**
 * Which packets of a source one viewer is not sent, so that those that it is sent are numbered without a gap: a gap would
 * be a loss, which the viewer asks for again and again.
 *
 * Only packets that come in their order are left out here. One that comes late keeps the number that was kept for it.
 */

/** Older ones are beyond what a viewer may ask for again. */
const MAX_KEPT = 2048;

export class LeftOutPackets {
  /** Source sequences, rising. */
  #sequences: number[] = [];
  /** How many pictures were left out up to each of them. */
  #pictures: number[] = [];
  /** Of those that are not kept any more. */
  #packetsBefore = 0;
  #picturesBefore = 0;
  #lastPicture = -1;

  /** @param pictureId - Any number that changes from picture to picture. */
  add(sequence: number, pictureId: number): void {
    const pictures = this.#pictures.at(-1) ?? this.#picturesBefore;
    this.#sequences.push(sequence);
    this.#pictures.push(pictureId === this.#lastPicture ? pictures : pictures + 1);
    this.#lastPicture = pictureId;
    if (this.#sequences.length > MAX_KEPT) this.#forget(MAX_KEPT / 2);
  }

  clear(): void {
    this.#sequences = [];
    this.#pictures = [];
    this.#packetsBefore = this.#picturesBefore = 0;
    this.#lastPicture = -1;
  }

  has(sequence: number): boolean {
    return this.#sequences[this.#below(sequence)] === sequence;
  }

  /** Packets that were left out before this one. */
  packetsBefore(sequence: number): number {
    return this.#packetsBefore + this.#below(sequence);
  }

  /** Pictures that were left out before this packet. */
  picturesBefore(sequence: number): number {
    return this.#pictures[this.#below(sequence) - 1] ?? this.#picturesBefore;
  }

  /** The source sequence of the packet that was sent with the number `sent`, counted as {@link packetsBefore} does. */
  sourceOf(sent: number): number {
    let low = 0;
    let high = this.#sequences.length;
    // The first that was left out behind it.
    while (low < high) {
      const middle = (low + high) >>> 1;
      const numberThere = (this.#sequences[middle] ?? 0) - this.#packetsBefore - middle;
      if (numberThere > sent) high = middle;
      else low = middle + 1;
    }
    return sent + this.#packetsBefore + low;
  }

  /** How many of those that are kept lie below a sequence. */
  #below(sequence: number): number {
    const sequences = this.#sequences;
    // Nearly always the question is about the newest.
    if ((sequences.at(-1) ?? -1) < sequence) return sequences.length;
    let low = 0;
    let high = sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sequences[middle] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forget(count: number): void {
    this.#picturesBefore = this.#pictures[count - 1] ?? this.#picturesBefore;
    this.#packetsBefore += count;
    this.#sequences = this.#sequences.slice(count);
    this.#pictures = this.#pictures.slice(count);
  }
}
