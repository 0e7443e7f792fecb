/**
 * Pictures for the track that senders carry while their frames come from the hub. Tiny and rare: all that counts is that
 * the sender has a clock for its reports, and an encoder that shows when the child wants a key frame.
 */

const SIZE = 16;
/** Ten a second keep a sender's clock known to a millisecond. */
const PACE_MS = 100;

export class DummySource {
  #writer: WritableStreamDefaultWriter<VideoFrame> | null = null;
  #count = 0;

  /** Feeds a MediaStreamTrackGenerator. A worker's timers keep their pace in a hidden page. */
  start(writable: WritableStream<VideoFrame>): void {
    this.#writer = writable.getWriter();
    setInterval(() => this.#draw(), PACE_MS);
  }

  /** A sender has just been connected, and waits for its first frame. */
  hurry(): void {
    this.#draw();
  }

  #draw(): void {
    // I420: one byte of luma for each pixel, half as many of colour.
    const pixels = new Uint8Array((SIZE * SIZE * 3) / 2).fill(this.#count++ & 1);
    const timestamp = Math.round(performance.now() * 1000);
    const frame = new VideoFrame(pixels, { format: 'I420', codedWidth: SIZE, codedHeight: SIZE, timestamp });
    this.#writer?.write(frame).catch(() => {});
  }
}
