/**
 * The stream that a viewer's page holds: one object for as long as the page watches. Where parents can be merged its
 * tracks stay the same as well, because the decoders of the first parent are given the frames of all others too;
 * elsewhere the tracks are those of the parent that is played.
 */

import type { Attachment } from './attachment.ts';
import type { PageWorker } from './page-worker.ts';

export class ShownStream {
  readonly stream = new MediaStream();
  readonly #worker: PageWorker;
  #shown: Attachment | null = null;
  /** Parents whose decoders may be in use. */
  readonly #candidates = new Set<Attachment>();
  /** The stream has tracks. */
  onFirst: (() => void) | null = null;

  constructor(worker: PageWorker) {
    this.#worker = worker;
  }

  /** The connection whose decoders are in use, for their statistics. */
  get decoding(): Attachment | null {
    return this.#shown;
  }

  /** A parent has accepted: its frames may come at any time. */
  add(attachment: Attachment): void {
    this.#candidates.add(attachment);
    attachment.end.keepDecoders();
  }

  /** Its link is up. Nothing is lost by showing the first parent before its first picture, and a picture may be won. */
  connected(attachment: Attachment): void {
    if (!this.#worker.canMerge && this.#shown === null) this.#show(attachment);
  }

  /** This parent is the one to be seen from now on. */
  play(attachment: Attachment): void {
    if (!this.#worker.canMerge) return this.#show(attachment);
    const home = this.#shown;
    if (home !== null && isAlike(home, attachment)) return;
    // Another codec, or the first picture.
    this.#worker.decodeInto(attachment.source);
    this.#show(attachment);
  }

  /** Its link is gone. */
  remove(attachment: Attachment, options: { wasPlayed: boolean }): void {
    if (!this.#worker.canMerge && this.#shown === attachment && !options.wasPlayed) this.#shown = null;
    const isHome = this.#worker.canMerge && this.#shown === attachment;
    if (isHome) return;
    this.#candidates.delete(attachment);
    attachment.end.dropDecoders();
  }

  close(): void {
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
    for (const { end } of this.#candidates) end.dropDecoders();
    this.#candidates.clear();
  }

  #show(attachment: Attachment): void {
    const before = this.#shown;
    if (before !== attachment) {
      this.#replaceTracks(attachment.tracks);
      this.#shown = attachment;
      // A home that was kept for its decoders alone.
      if (before?.link.isClosed === true) this.remove(before, { wasPlayed: true });
    }
    this.onFirst?.();
  }

  /**
   * One kind after the other, and the old track first: Firefox 153 shows one video track of a stream, and when that is
   * removed none of those that were there with it. A stream without any track would let a `<video>` begin anew.
   */
  #replaceTracks(tracks: readonly MediaStreamTrack[]): void {
    const { stream } = this;
    const old = stream.getTracks();
    for (const track of tracks) {
      for (const before of old) if (before.kind === track.kind) stream.removeTrack(before);
      stream.addTrack(track);
    }
    for (const track of old) if (!tracks.includes(track)) stream.removeTrack(track);
  }
}

function isAlike(a: Attachment, b: Attachment): boolean {
  return a.record.video === b.record.video && a.record.audio === b.record.audio;
}
