import { describe, expect, test } from 'vitest';
import { DummyReplacer } from '../../src/hub/dummy-replacer.ts';
import type { EncodedFrame, RawFrame } from '../../src/hub/encoded-frame.ts';
import type { FrameKind, PlacedFrame } from '../../src/hub/hub-frame.ts';
import { encodedFrame, keyPicture, picture, sound, type TestFrame } from './frames.ts';

/** Frames of a kind that wait at most. */
const MOST = { audio: 10, video: 60 } as const;

/** A frame of which the bytes are its number. */
function numbered(frame: TestFrame): PlacedFrame<RawFrame> {
  const data = Uint32Array.of(frame.sequence).buffer;
  return { frame: { ...frame, raw: { data, frame: null } }, timestamp: frame.timestamp };
}

class Sender {
  readonly sent: EncodedFrame[] = [];
  readonly wishes = { dummies: 0, keyFrames: 0 };
  readonly replacer: DummyReplacer;
  readonly #dummies: ReadableStreamDefaultController<EncodedFrame>;
  readonly #closed: Promise<void>;

  constructor(kind: FrameKind) {
    const readable: { controller?: ReadableStreamDefaultController<EncodedFrame> } = {};
    const writable: { close?: () => void } = {};
    this.#closed = new Promise((resolve) => (writable.close = resolve));
    const streams = {
      readable: new ReadableStream<EncodedFrame>({
        start: (controller) => {
          readable.controller = controller;
        },
      }),
      writable: new WritableStream<EncodedFrame>({
        write: (frame) => {
          this.sent.push(frame);
        },
        close: () => writable.close?.(),
      }),
    };
    this.replacer = new DummyReplacer(kind, streams, {
      onQueued: () => this.wishes.dummies++,
      onKeyFrameWanted: () => this.wishes.keyFrames++,
    });
    if (readable.controller === undefined) throw new Error('the stream did not start');
    this.#dummies = readable.controller;
  }

  write(...frames: readonly TestFrame[]): void {
    for (const frame of frames) this.replacer.write(numbered(frame));
  }

  /** Lets dummies through. @returns The numbers of the frames that went out instead. */
  async pass(dummies: readonly EncodedFrame[]): Promise<(number | undefined)[]> {
    for (const dummy of dummies) this.#dummies.enqueue(dummy);
    this.#dummies.close();
    await this.#closed;
    return this.sent.map(({ data }) => new Uint32Array(data)[0]);
  }
}

function dummies(count: number): EncodedFrame[] {
  return Array.from({ length: count }, (_, i) => encodedFrame({ type: 'delta', timestamp: i }));
}

describe('frames that go out in place of dummies', () => {
  test('keep their order, and the timestamps of the dummies', async () => {
    const sender = new Sender('video');
    sender.write(keyPicture(0), picture(1), picture(2));
    expect(await sender.pass(dummies(3))).toEqual([0, 1, 2]);
    expect(sender.sent.map(({ timestamp }) => timestamp)).toEqual([0, 1, 2]);
  });

  test('are all that goes out', async () => {
    const sender = new Sender('video');
    sender.write(keyPicture(0));
    expect(await sender.pass(dummies(5))).toEqual([0]);
  });

  test('are sent once the link is up', () => {
    const sender = new Sender('audio');
    expect(sender.replacer.isReady).toBe(false);
    sender.replacer.connected();
    expect(sender.replacer.isReady).toBe(true);
  });
});

describe('pictures', () => {
  test('that wait behind a key frame before it are needless', async () => {
    const sender = new Sender('video');
    sender.write(keyPicture(0), picture(1), keyPicture(2), picture(3));
    expect(await sender.pass(dummies(9))).toEqual([2, 3]);
  });

  test('that are too many for the dummies go on with the next key frame, and no sooner', async () => {
    const sender = new Sender('video');
    const many = Array.from({ length: MOST.video }, (_, i) => picture(i + 1));
    sender.write(keyPicture(0), ...many, picture(MOST.video + 1), picture(MOST.video + 2));
    expect(await sender.pass(dummies(9))).toEqual([]);
  });

  test('that are too many are followed by the next key frame', async () => {
    const sender = new Sender('video');
    const many = Array.from({ length: MOST.video + 3 }, (_, i) => picture(i + 1));
    sender.write(keyPicture(0), ...many, keyPicture(100), picture(101));
    expect(await sender.pass(dummies(9))).toEqual([100, 101]);
  });

  test('ask for a dummy each, and for another while some wait', async () => {
    const sender = new Sender('video');
    sender.write(keyPicture(0), picture(1), picture(2));
    expect(sender.wishes.dummies).toBe(3);
    await sender.pass(dummies(3));
    expect(sender.wishes.dummies).toBe(5);
  });

  test('are wanted whole by a child whose wish makes the dummy a key frame', async () => {
    const sender = new Sender('video');
    await sender.pass([...dummies(2), encodedFrame({ type: 'key' })]);
    expect(sender.wishes.keyFrames).toBe(1);
  });
});

describe('[M2.2] sound', () => {
  test('that is too much for the dummies goes on with the newest', async () => {
    const sender = new Sender('audio');
    sender.write(...Array.from({ length: MOST.audio + 5 }, (_, i) => sound(i)));
    const sent = await sender.pass(dummies(20));
    expect(sent).toEqual(Array.from({ length: MOST.audio }, (_, i) => i + 5));
  });

  test('asks for no dummies, because its own keep the pace', () => {
    const sender = new Sender('audio');
    sender.write(sound(0));
    expect(sender.wishes.dummies).toBe(0);
  });
});
