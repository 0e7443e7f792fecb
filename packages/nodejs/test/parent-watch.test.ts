/** What a relay tells its tree of a parent's media, from real packets with real trailers. */

import { describe, expect, test } from 'vitest';
import type { FrameTrailer, TreeInput } from '@casto/core';
import type { PeerLink } from '@casto/host';
import { freshId } from '@casto/host/conformance/loopback-peers';
import { SourceFeed } from '../src/media/source-feed.ts';
import { ParentWatch } from '../src/parent-watch.ts';
import { appendToPacket } from '../src/whip/trailer-packets.ts';
import { FRAME_MS, MediaWorld } from './media/media-world.ts';

const peerId = await freshId();
/** Between two counts. */
const COUNT_MS = 5_000;

/** A parent that sends some of the frames that the streamer has numbered, each in two packets. */
class NumberedParent {
  readonly world = new MediaWorld();
  readonly shares: (number | undefined)[] = [];
  sequence = 0;
  layer = 0;
  readonly #publisher = this.world.publisher();
  readonly #watch: ParentWatch;

  constructor() {
    const media = new SourceFeed({ hub: this.world.hub, now: () => this.world.now });
    media.open([this.#publisher.source]);
    const tell = (input: TreeInput): void => {
      if (input.type === 'measured') this.shares.push(input.receivedShare);
    };
    const clock = { now: () => this.world.now, setTimer: () => () => {} };
    // The part of a link that is used here.
    const link = { peerId, isOpen: true } as unknown as PeerLink;
    this.#watch = new ParentWatch({ link, media, clock, tell });
    this.#watch.play(true);
  }

  get lossShare(): number | null {
    return this.#watch.lossShare;
  }

  /** Five seconds of the broadcast, and what is told of them. */
  pass(sends: (sequence: number) => boolean, hasTrailer = sends): number | undefined {
    for (let passedMs = 0; passedMs < COUNT_MS; passedMs += FRAME_MS) {
      this.sequence++;
      if (sends(this.sequence)) this.#send(hasTrailer(this.sequence));
      this.world.advance(FRAME_MS);
      this.#watch.tick(this.world.now, true);
    }
    return this.shares.at(-1);
  }

  #send(hasTrailer: boolean): void {
    const packets = this.#publisher.frame({ key: this.sequence % 50 === 0 });
    const last = packets.pop();
    if (last === undefined) throw new Error('a frame without packets');
    const { sequence, layer } = this;
    const trailer: FrameTrailer = {
      epoch: 1,
      sequence,
      capturedAt: this.world.now,
      layer,
      temporalLayer: 0,
      references: 1,
      signature: null,
    };
    const ends = hasTrailer ? appendToPacket('vp8', last, trailer) : [last];
    for (const packet of [...packets, ...ends]) this.#publisher.source.takeRtp(packet);
  }
}

describe('the share of the media that came', () => {
  test('is all of it while every frame comes', () => {
    const parent = new NumberedParent();
    expect(parent.pass(() => true)).toBe(1);
    expect(parent.pass(() => true)).toBe(1);
    expect(parent.shares).toHaveLength(2);
  });

  test('[F1.1] is less when the parent leaves frames out, although it loses no packets', () => {
    const parent = new NumberedParent();
    parent.pass(() => true);
    expect(parent.pass((sequence) => sequence % 2 === 0)).toBeCloseTo(0.5, 1);
    expect(parent.lossShare).toBe(0);
    expect(parent.pass(() => true)).toBeGreaterThan(0.98);
  });

  test('is not less because the numbers are those of another layer, or begin anew', () => {
    const parent = new NumberedParent();
    parent.pass(() => true);
    parent.layer = 1;
    parent.sequence = 50;
    expect(parent.pass(() => true)).toBe(1);
    parent.sequence += 1_000_000;
    expect(parent.pass(() => true)).toBe(1);
  });

  test('is that of the packets where frames have no numbers', () => {
    const parent = new NumberedParent();
    const half = (sequence: number): boolean => sequence % 2 === 0;
    expect(parent.pass(half, () => false)).toBe(1);
  });

  test('is not less because some frames have lost their trailers', () => {
    const parent = new NumberedParent();
    parent.pass(() => true);
    const most = (sequence: number): boolean => sequence % 3 !== 0;
    expect(parent.pass(() => true, most)).toBeGreaterThan(0.98);
  });
});
