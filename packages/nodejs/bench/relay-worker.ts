/** The media plane of a relay by itself: what the benchmark measures. */

import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseSessionDescription, processClock } from '@casto/host';
import { createHub } from '../src/media/hub.ts';
import { createMediaLinks } from '../src/media/media-links.ts';
import type { ChildLink } from '../src/media/child-link.ts';
import type { ParentLink } from '../src/media/parent-link.ts';
import { answerCalls } from './worker-calls.ts';

const TICK_MS = 25;

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

const links = createMediaLinks({
  host: '127.0.0.1',
  mediaPort: Number(process.env['BENCH_MEDIA_PORT']),
  clock: processClock,
});
const hub = createHub({ now: () => processClock.now() });
const served: ParentLink[] = [];
let child: ChildLink | null = null;
setInterval(() => hub.tick(processClock.now()), TICK_MS);

function figures(): Record<string, number> {
  const sinks = served.flatMap((link) => link.stats().sinks);
  const [stream] = hub.streams();
  return {
    forwarded: sinks.reduce((sum, { packets }) => sum + packets, 0),
    resent: sinks.reduce((sum, { resent }) => sum + resent, 0),
    refused: sinks.reduce((sum, { drops }) => sum + drops['send-failed'] + drops.waiting, 0),
    received: stream?.packets ?? 0,
    lost: stream?.lost ?? 0,
    stale: stream?.drops.stale ?? 0,
    connected: served.filter(({ state }) => state === 'connected').length,
  };
}

answerCalls({
  offer: () => {
    child = links.pull({ hub, layers: [0], audio: false, video: 'vp8', fromRelay: true });
    child.media.play(true);
    return child.offer();
  },
  accept: async (answer) => {
    await child?.accept(answer);
    return '';
  },
  serve: (text) => {
    const link = links.serve({ hub, offer: parseSessionDescription('offer', text), layers: [0] });
    served.push(link);
    return link.answer();
  },
  figures: () => JSON.stringify(figures()),
  /** Resident memory without garbage, which comes and goes by megabytes. */
  residentBytes: () => {
    // The last resort gives free pages back to the system.
    if (typeof collectGarbage === 'function') {
      Reflect.apply(collectGarbage, undefined, [{ type: 'major', execution: 'sync', flavor: 'last-resort' }]);
    }
    return String(process.memoryUsage.rss());
  },
  /** Lets V8 write its profile. */
  finish: () => {
    setTimeout(() => process.exit(0), 10);
    return '';
  },
});
await once(process, 'exit');
