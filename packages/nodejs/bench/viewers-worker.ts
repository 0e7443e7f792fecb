/** Viewers in one process, each on a link of the product. Those that are probes measure what they receive. */

import { once } from 'node:events';
import { processClock } from '@casto/host';
import type { ChildLink } from '../src/media/child-link.ts';
import type { Hub } from '../src/media/hub.ts';
import { createMediaLinks } from '../src/media/media-links.ts';
import type { RtpSource } from '../src/media/rtp-source.ts';
import { ageOf } from './synthetic-packets.ts';
import { answerCalls } from './worker-calls.ts';

const links = createMediaLinks({ host: '127.0.0.1', clock: processClock });
const viewers: ChildLink[] = [];
const sources: RtpSource[] = [];
let ages: number[] = [];
let isMeasuring = false;

/** Stands where a relay has its hub: takes the packets and measures. */
const sink: Hub = {
  onEvent: null,
  silenceMs: 0,
  setSource: (source) => {
    sources.push(source);
    source.onUnit = ({ bytes }) => {
      if (isMeasuring) ages.push(ageOf(bytes));
    };
  },
  removeSource: () => {},
  addSink: () => {},
  removeSink: () => {},
  requestKeyFrame: () => {},
  streams: () => [],
  tick: () => {},
  close: () => {},
};

/** Waits until the handshake has ended one way or the other. */
function ended(viewer: ChildLink): Promise<void> {
  if (viewer.state !== 'connecting') return Promise.resolve();
  return new Promise((resolve) => {
    viewer.onStateChange = () => resolve();
  });
}

function lostSoFar(): number {
  return sources.reduce((sum, source) => sum + source.stats().lost, 0);
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? -1;
}

let lostBefore = 0;
answerCalls({
  offer: () => {
    const viewer = links.pull({ hub: sink, layers: [0], audio: false, video: 'vp8', fromRelay: true });
    viewer.media.play(true);
    viewers.push(viewer);
    return viewer.offer();
  },
  /** @param text - Number of the viewer, a line break, and the answer. */
  accept: async (text) => {
    const end = text.indexOf('\n');
    const viewer = viewers[Number(text.slice(0, end))];
    if (viewer === undefined) return 'unknown';
    await viewer.accept(text.slice(end + 1));
    await ended(viewer);
    return viewer.state;
  },
  start: () => {
    ages = [];
    lostBefore = lostSoFar();
    isMeasuring = true;
    return '';
  },
  stop: () => {
    isMeasuring = false;
    const sorted = ages.toSorted((a, b) => a - b);
    return JSON.stringify({
      packets: sorted.length,
      lost: lostSoFar() - lostBefore,
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      max: quantile(sorted, 1),
    });
  },
});
await once(process, 'exit');
