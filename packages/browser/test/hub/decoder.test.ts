/** What the decoders of a page are given, where all parents share one of them. */

import { describe, expect, test } from 'vitest';
import { Decoder } from '../../src/hub/decoder.ts';
import type { EncodedFrame, RawFrame } from '../../src/hub/encoded-frame.ts';
import type { FrameKind, HubFrame } from '../../src/hub/hub-frame.ts';
import { keyPicture, picture, sound, type TestFrame } from './frames.ts';

interface Metadata {
  readonly rtpTimestamp?: number;
  readonly frameId?: number;
  readonly dependencies?: readonly number[];
}

/** Like the browser's, with a constructor that copies (WebRTC encoded transform, section 5.1). */
class BrowserFrame {
  data = new ArrayBuffer(3);
  readonly #metadata: Metadata;

  constructor(_frame: BrowserFrame | null, options: { metadata: Metadata }) {
    this.#metadata = options.metadata;
  }

  getMetadata(): Metadata {
    return this.#metadata;
  }
}

const FIRST = 1;
const SECOND = 2;

/** A page with two parents, and what the decoders of each are given. */
class Stand {
  readonly given = { [FIRST]: new Array<Metadata>(), [SECOND]: new Array<Metadata>() };
  /** What the hub adds to the timestamps of each source. */
  readonly offsets = new Map<number, number>();
  readonly decoder = new Decoder({ offsetOf: (source) => this.offsets.get(source) ?? null });

  constructor() {
    for (const source of [FIRST, SECOND] as const) {
      for (const kind of ['audio', 'video'] as const) this.#addInput(source, kind);
    }
  }

  #addInput(source: typeof FIRST | typeof SECOND, kind: FrameKind): void {
    const write = (frame: EncodedFrame): void => void this.given[source].push(frame.getMetadata());
    this.decoder.addInput(source, kind, new WritableStream({ write }));
  }
}

function raw(frame: TestFrame, frameId = 900): HubFrame<RawFrame> {
  const native = new BrowserFrame(null, { metadata: { rtpTimestamp: frame.timestamp, frameId } });
  // The part of a browser's frame that is used here.
  return { ...frame, raw: { data: native.data, frame: native as unknown as EncodedFrame } };
}

/** Writes to streams are done in turns of their own. */
const written = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe('before a parent is played', () => {
  test('no decoder is given anything', async () => {
    const { decoder, given } = new Stand();
    const frame = raw(keyPicture(0));
    decoder.seen(FIRST, frame);
    decoder.decode({ frame, timestamp: 0 });
    await written();
    expect(given).toEqual({ [FIRST]: [], [SECOND]: [] });
  });
});

describe('the home', () => {
  test('starts from what is kept, and each picture needs the one before it', async () => {
    const { decoder, given } = new Stand();
    decoder.moveTo(
      FIRST,
      [0, 1].map((n) => ({ frame: raw(n === 0 ? keyPicture(0) : picture(n)), timestamp: n })),
    );
    decoder.decode({ frame: raw(picture(2)), timestamp: 2 });
    await written();
    expect(given[FIRST]).toEqual([
      { rtpTimestamp: 0, frameId: 0, dependencies: [] },
      { rtpTimestamp: 1, frameId: 1, dependencies: [0] },
      { rtpTimestamp: 2, frameId: 2, dependencies: [1] },
    ]);
  });

  test('is given all pictures, and the others their own key frames alone', async () => {
    const { decoder, given } = new Stand();
    decoder.moveTo(FIRST, []);
    for (const [n, frame] of [keyPicture(0), picture(1), keyPicture(2)].entries()) {
      decoder.seen(SECOND, raw(frame));
      decoder.decode({ frame: raw(frame), timestamp: n });
    }
    await written();
    expect(given[FIRST]).toHaveLength(3);
    expect(given[SECOND].map(({ rtpTimestamp }) => rtpTimestamp)).toEqual(
      [0, 2].map((n) => picture(n).timestamp),
    );
  });

  test('that had key frames alone before goes on with higher numbers than they had', async () => {
    const { decoder, given } = new Stand();
    decoder.moveTo(FIRST, []);
    for (const n of [0, 10, 20]) decoder.seen(SECOND, raw(keyPicture(n)));
    decoder.moveTo(SECOND, [{ frame: raw(keyPicture(20)), timestamp: 20 }]);
    decoder.decode({ frame: raw(picture(21)), timestamp: 21 });
    await written();
    const numbers = given[SECOND].map(({ frameId }) => frameId);
    expect(numbers).toEqual([0, 1, 2, 3, 4]);
    expect(given[SECOND].at(-1)?.dependencies).toEqual([3]);
  });

  test('is given timestamps of its own clock, in which its sender reports are', async () => {
    const { decoder, given, offsets } = new Stand();
    offsets.set(FIRST, 0).set(SECOND, 5_000);
    decoder.moveTo(SECOND, []);
    decoder.decode({ frame: raw(keyPicture(0)), timestamp: 2_000 });
    await written();
    decoder.decode({ frame: raw(sound(0)), timestamp: 7_000 });
    await written();
    expect(given[SECOND].map(({ rtpTimestamp }) => rtpTimestamp)).toEqual([2 ** 32 - 3_000, 2_000]);
  });

  test('keeps its clock when its parent is gone', async () => {
    const { decoder, given, offsets } = new Stand();
    offsets.set(SECOND, 5_000);
    decoder.moveTo(SECOND, [{ frame: raw(keyPicture(0)), timestamp: 6_000 }]);
    offsets.delete(SECOND);
    decoder.forget(SECOND);
    decoder.decode({ frame: raw(picture(1)), timestamp: 9_000 });
    await written();
    expect(given[SECOND].map(({ rtpTimestamp }) => rtpTimestamp)).toEqual([1_000, 4_000]);
  });
});
