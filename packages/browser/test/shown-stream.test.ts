/** Which tracks a page's stream has, as parents come and go. Node has no MediaStream: this one keeps its tracks. */

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Attachment } from '../src/attachment.ts';
import type { PageWorker } from '../src/page-worker.ts';
import { ShownStream } from '../src/shown-stream.ts';

interface Track {
  readonly kind: 'audio' | 'video';
  readonly source: number;
}

class TrackList {
  readonly #tracks = new Set<Track>();
  /** The kinds of tracks that there were after each change. */
  readonly kinds: string[] = [];

  addTrack(track: Track): void {
    this.#tracks.add(track);
    this.#note();
  }

  removeTrack(track: Track): void {
    this.#tracks.delete(track);
    this.#note();
  }

  #note(): void {
    const kinds = this.getTracks().map(({ kind }) => kind);
    this.kinds.push(kinds.sort().join(' '));
  }

  getTracks(): Track[] {
    return [...this.#tracks];
  }
}

/** A parent of a page, of which only tracks and decoders matter here. */
class TestParent {
  readonly tracks: readonly Track[];
  readonly link = { isClosed: false };
  readonly record: { video: string; audio: boolean };
  readonly source: number;
  hasDecoders = false;
  readonly end = {
    keepDecoders: () => void (this.hasDecoders = true),
    dropDecoders: () => void (this.hasDecoders = false),
  };

  constructor(source: number, video = 'vp8') {
    this.source = source;
    this.record = { video, audio: true };
    this.tracks = [
      { kind: 'audio', source },
      { kind: 'video', source },
    ];
  }

  // The part of an attachment that is used here.
  get attachment(): Attachment {
    return this as unknown as Attachment;
  }
}

/** A page, and the sources that its worker was asked to decode into. */
function openPage(options: { canMerge: boolean }): {
  shown: ShownStream;
  asked: number[];
} {
  const asked: number[] = [];
  const worker: Pick<PageWorker, 'canMerge' | 'decodeInto'> = {
    ...options,
    decodeInto: (source) => void asked.push(source),
  };
  const shown = new ShownStream(worker as PageWorker);
  return { shown, asked };
}

beforeEach(() => void vi.stubGlobal('MediaStream', TrackList));
afterEach(() => void vi.unstubAllGlobals());

/** The parent's link is gone. */
function lose(shown: ShownStream, parent: TestParent): void {
  parent.link.isClosed = true;
  shown.remove(parent.attachment, { wasPlayed: true });
}

describe('a browser that cannot merge parents', () => {
  test('shows the first parent as soon as its link is up, and then whoever is played', () => {
    const { shown } = openPage({ canMerge: false });
    const [first, next] = [new TestParent(1), new TestParent(2)];
    let firsts = 0;
    shown.onFirst = () => firsts++;
    shown.add(first.attachment);
    expect(shown.stream.getTracks()).toEqual([]);
    shown.connected(first.attachment);
    expect(shown.stream.getTracks()).toEqual(first.tracks);
    expect(firsts).toBe(1);

    shown.add(next.attachment);
    shown.connected(next.attachment);
    expect(shown.stream.getTracks()).toEqual(first.tracks);
    shown.play(next.attachment);
    expect(shown.stream.getTracks()).toEqual(next.tracks);
  });

  test('keeps the stream, and the last picture until another parent gives one', () => {
    const { shown } = openPage({ canMerge: false });
    const [lost, next] = [new TestParent(1), new TestParent(2)];
    const { stream } = shown;
    for (const each of [lost, next]) shown.add(each.attachment);
    shown.connected(lost.attachment);
    shown.play(lost.attachment);
    lose(shown, lost);
    expect(shown.stream).toBe(stream);
    expect(stream.getTracks()).toEqual(lost.tracks);
    shown.play(next.attachment);
    expect(shown.stream).toBe(stream);
    expect(stream.getTracks()).toEqual(next.tracks);
    expect([lost.hasDecoders, next.hasDecoders]).toEqual([false, true]);
  });

  test('never has two pictures at once, nor nothing at all, while another parent takes over', () => {
    const { shown } = openPage({ canMerge: false });
    const [lost, next] = [new TestParent(1), new TestParent(2)];
    for (const each of [lost, next]) shown.add(each.attachment);
    shown.play(lost.attachment);
    const { kinds } = shown.stream as unknown as TrackList;
    kinds.length = 0;
    shown.play(next.attachment);
    expect(kinds).not.toEqual([]);
    for (const present of kinds) expect(['audio', 'video', 'audio video']).toContain(present);
  });

  test('shows another one when the first goes before it gave a picture', () => {
    const { shown } = openPage({ canMerge: false });
    const [gone, next] = [new TestParent(1), new TestParent(2)];
    for (const each of [gone, next]) shown.add(each.attachment);
    shown.connected(gone.attachment);
    gone.link.isClosed = true;
    shown.remove(gone.attachment, { wasPlayed: false });
    shown.connected(next.attachment);
    expect(shown.stream.getTracks()).toEqual(next.tracks);
  });
});

describe('a browser that merges parents', () => {
  test('keeps the tracks of the first one, and its decoders, when another is played', () => {
    const { shown, asked } = openPage({ canMerge: true });
    const [home, next] = [new TestParent(1), new TestParent(2)];
    for (const each of [home, next]) shown.add(each.attachment);
    shown.connected(home.attachment);
    expect(shown.stream.getTracks()).toEqual([]);
    shown.play(home.attachment);
    lose(shown, home);
    shown.play(next.attachment);
    expect(shown.stream.getTracks()).toEqual(home.tracks);
    expect(home.hasDecoders).toBe(true);
    expect(asked).toEqual([1]);
  });

  test('takes the tracks of a parent with another codec, and lets go of the decoders before', () => {
    const { shown, asked } = openPage({ canMerge: true });
    const [home, other] = [new TestParent(1), new TestParent(2, 'h264')];
    for (const each of [home, other]) shown.add(each.attachment);
    shown.play(home.attachment);
    lose(shown, home);
    shown.play(other.attachment);
    expect(asked).toEqual([1, 2]);
    expect(shown.stream.getTracks()).toEqual(other.tracks);
    expect([home.hasDecoders, other.hasDecoders]).toEqual([false, true]);
  });
});

test('a page that leaves has no tracks and no decoders', () => {
  const { shown } = openPage({ canMerge: false });
  const parent = new TestParent(1);
  shown.add(parent.attachment);
  shown.play(parent.attachment);
  shown.close();
  expect(shown.stream.getTracks()).toEqual([]);
  expect(parent.hasDecoders).toBe(false);
});
