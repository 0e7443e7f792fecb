/** What the owner allows is for all children together. Node has no senders: these keep what they are told. */

import { describe, expect, test } from 'vitest';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { OutgoingMedia } from '../src/outgoing-media.ts';
import type { PageWorker } from '../src/page-worker.ts';
import { UplinkShares } from '../src/uplink-shares.ts';

const TOTAL_BPS = 2_200_000;

class RecordedSender {
  parameters = { encodings: [{ active: true, maxBitrate: 0 }] };

  getParameters(): object {
    return structuredClone(this.parameters);
  }

  async setParameters(parameters: typeof this.parameters): Promise<void> {
    this.parameters = parameters;
  }

  async replaceTrack(): Promise<void> {}

  get maxBps(): number {
    return this.parameters.encodings[0]?.maxBitrate ?? 0;
  }
}

/** A child that is encoded for, in a browser that lets no frame of one connection into another. */
async function child(
  shares: UplinkShares,
): Promise<{ media: OutgoingMedia; video: RecordedSender; isActive: () => boolean }> {
  const video = new RecordedSender();
  const transceiver = { receiver: { track: { kind: 'video' } }, sender: video, direction: '' };
  const worker: Partial<PageWorker> = { clock: new VirtualClock(), encode: () => null };
  const stream = { getTracks: () => [{ kind: 'video' }] };
  const options = { layers: [0], encodedLayers: 1, epoch: 1, isActive: true, shares };
  // The narrow slices of the browser's classes that are used here.
  const media = new OutgoingMedia({ ...options, worker, stream } as unknown as ConstructorParameters<
    typeof OutgoingMedia
  >[0]);
  await media.attach({ getTransceivers: () => [transceiver] } as unknown as RTCPeerConnection);
  await media.begin();
  return { media, video, isActive: () => video.parameters.encodings[0]?.active === true };
}

describe('the uplink that the owner allows', () => {
  test('is divided among the children, packets’ own bytes included', () => {
    const shares = new UplinkShares(TOTAL_BPS);
    expect(shares.videoBps).toBe(2_000_000);
    for (const children of [1, 2, 3, 8, 12]) {
      shares.divide(children);
      const videoBps = shares.videoBps ?? Infinity;
      expect((videoBps * children * 1.1) / TOTAL_BPS).toBeCloseTo(1, 4);
    }
    shares.divide(0);
    expect(shares.videoBps).toBe(2_000_000);
  });

  test('is what the encoders of all children give together, whoever comes and goes', async () => {
    const shares = new UplinkShares(TOTAL_BPS);
    const first = await child(shares);
    expect(first.video.maxBps).toBe(2_000_000);
    const second = await child(shares);
    shares.divide(2);
    expect([first.video.maxBps, second.video.maxBps]).toEqual([1_000_000, 1_000_000]);
    first.media.setActive(false);
    shares.divide(1);
    expect(second.video.maxBps).toBe(2_000_000);
    expect([first.isActive(), second.isActive()]).toEqual([false, true]);
    first.media.close();
    second.media.close();
  });

  test('is no matter where there is no limit', async () => {
    const shares = new UplinkShares(null);
    const { media, video } = await child(shares);
    const before = video.maxBps;
    shares.divide(8);
    expect(shares.videoBps).toBeNull();
    expect(video.maxBps).toBe(before);
    media.close();
  });
});
