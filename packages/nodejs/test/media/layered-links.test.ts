/** A relay that has a broadcast of three layers from another one, over a real link: a section for each layer. */

import { parseSessionDescription, processClock } from '@casto/host';
import { afterEach, expect, test, vi } from 'vitest';
import { createHub, type Hub } from '../../src/media/hub.ts';
import { wishFor, type LayerWish } from '../../src/media/layer-choice.ts';
import { createMediaLinks } from '../../src/media/media-links.ts';
import { RTP_HEADER_BYTES, isRtcp } from '../../src/media/rtp-packet.ts';
import { createRtpSink } from '../../src/media/rtp-sink.ts';
import { createRtpSource, type RtpSource } from '../../src/media/rtp-source.ts';
import { rtp, vp8 } from './rtp-builder.ts';

const FRAME_MS = 20;
const KEY_EVERY = 25;
const LAYERS = [0, 1, 2];
const WITHIN = { timeout: 15_000, interval: 20 };
const now = (): number => processClock.now();
const closing: (() => void)[] = [];

vi.setConfig({ testTimeout: 40_000 });

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function newHub(): Hub {
  const hub = createHub({ now });
  const timer = setInterval(() => hub.tick(now()), FRAME_MS);
  closing.push(() => clearInterval(timer));
  return hub;
}

/** A broadcast whose packets are filled with the number of their layer. @returns The layers that are not sent. */
function broadcast(hub: Hub): Set<number> {
  const silent = new Set<number>();
  const sources = LAYERS.map((layer): RtpSource => {
    const source = createRtpSource({
      key: { kind: 'video', layer },
      codec: 'vp8',
      clockRate: 90_000,
      payloadType: 96,
      ssrc: 100 + layer,
      localSsrc: 1,
      cname: 'publisher',
      feedback: { nack: false, pictureLoss: false, fullIntraRequest: false, remb: null },
      now,
      roundTripMs: () => null,
      send: () => true,
    });
    hub.setSource(source);
    return source;
  });
  let frame = 0;
  const timer = setInterval(() => {
    sources.forEach((source, layer) => {
      if (silent.has(layer)) return;
      const numbers = { key: frame % KEY_EVERY === 0, pictureId: frame & 0x7fff, tl0: frame & 0xff };
      const payload = vp8({ ...numbers, start: true, body: Buffer.alloc(200, layer) });
      const timestamp = (frame * 90 * FRAME_MS) >>> 0;
      source.takeRtp(rtp({ ssrc: 100 + layer, sequence: frame & 0xffff, timestamp, marker: true, payload }));
    });
    frame += 1;
  }, FRAME_MS);
  closing.push(() => clearInterval(timer));
  return silent;
}

async function link(parentHub: Hub, childHub: Hub): Promise<void> {
  const [parents, children] = [1, 2].map(() => createMediaLinks({ host: '127.0.0.1', clock: processClock }));
  if (parents === undefined || children === undefined) throw new Error('no links');
  closing.push(
    () => parents.close(),
    () => children.close(),
  );
  const child = children.pull({ hub: childHub, layers: LAYERS, audio: false, video: 'vp8', fromRelay: true });
  const offer = parseSessionDescription('offer', await child.offer());
  const media = offer.media.map((section) => ({ ...section, codecs: section.codecs.slice(0, 1) }));
  const parent = parents.serve({ hub: parentHub, offer: { ...offer, media }, layers: LAYERS });
  child.onCandidate = (candidate) => parent.addCandidate(candidate);
  child.media.play(true);
  await child.accept(await parent.answer());
}

/** What a viewer of a hub is sent: the layer of each packet. */
function watch(hub: Hub, wish: LayerWish): number[] {
  const layers: number[] = [];
  const sink = createRtpSink({
    key: { kind: 'video', layer: wish.asked },
    wish,
    clockRate: 90_000,
    payloadType: 96,
    ssrc: 7,
    cname: 'viewer',
    now,
    send: (bytes) => {
      if (!isRtcp(bytes)) layers.push(bytes[RTP_HEADER_BYTES + 100] ?? -1);
      return true;
    },
  });
  hub.addSink(sink);
  sink.open();
  return layers;
}

test('viewers of a relay below another are sent the layers that suit them, there as here', async () => {
  const [above, below] = [newHub(), newHub()];
  const silent = broadcast(above);
  await link(above, below);
  const wish = wishFor(0);
  const [seen, low] = [watch(below, wish), watch(below, wishFor(2))];
  await expect.poll(() => seen.at(-1), WITHIN).toBe(0);
  await expect.poll(() => low.at(-1), WITHIN).toBe(2);
  wish.asked = 1;
  await expect.poll(() => seen.at(-1), WITHIN).toBe(1);
  wish.asked = 0;
  await expect.poll(() => seen.at(-1), WITHIN).toBe(0);
  silent.add(0);
  await expect.poll(() => seen.at(-1), WITHIN).toBe(1);
  silent.clear();
  await expect.poll(() => seen.at(-1), WITHIN).toBe(0);
});
