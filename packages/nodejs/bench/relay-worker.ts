/** The media plane of a relay by itself, in one process or several: what the benchmark measures. */

import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseSessionDescription, processClock } from '@casto/host';
import { createHub } from '../src/media/hub.ts';
import type { ChildLink } from '../src/media/child-link.ts';
import { createSpreadLinks } from '../src/processes/spread-links.ts';
import { answerCalls } from './worker-calls.ts';

const TICK_MS = 25;

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

const [mediaPort = 0, ...workerPorts] = (process.env['BENCH_MEDIA_PORTS'] ?? '').split(',').map(Number);
const links = await createSpreadLinks({
  host: '127.0.0.1',
  mediaPort,
  workerPorts,
  clock: processClock,
  log: () => {},
});
const hub = createHub({ now: () => processClock.now() });
let child: ChildLink | null = null;
let layers: readonly number[] = [0];
setInterval(() => hub.tick(processClock.now()), TICK_MS);

/** As all processes have them at this moment, but for what is lost between them, which the viewers miss. */
async function figures(): Promise<Record<string, number>> {
  await links.reported();
  const { packets, resent, drops } = links.trafficBySide().children.outgoing;
  const stream = hub.streams().find(({ key }) => key.layer === 0);
  return {
    forwarded: packets,
    resent,
    refused: (drops['send-failed'] ?? 0) + (drops['waiting'] ?? 0),
    received: stream?.packets ?? 0,
    lost: stream?.lost ?? 0,
    stale: stream?.drops.stale ?? 0,
    connected: links.children.connected,
    ...Object.fromEntries(links.processes().map(({ pid }, index) => [`pid${index}`, pid])),
  };
}

answerCalls({
  offer: (text) => {
    layers = Array.from({ length: Number(text) }, (_, layer) => layer);
    child = links.pull({ hub, layers, audio: false, video: 'vp8', fromRelay: true });
    child.media.play(true);
    return child.offer();
  },
  accept: async (answer) => {
    await child?.accept(answer);
    return '';
  },
  serve: (text) => {
    const streams = { layers, audio: false, video: 'vp8' as const };
    const link = links.serve({ hub, offer: parseSessionDescription('offer', text), layers: [0], streams });
    return link.answer();
  },
  figures: async () => JSON.stringify(await figures()),
  /** Resident memory; of this process without garbage, which comes and goes by megabytes. */
  residentBytes: async () => {
    await links.reported();
    // The last resort gives free pages back to the system.
    if (typeof collectGarbage === 'function') {
      Reflect.apply(collectGarbage, undefined, [{ type: 'major', execution: 'sync', flavor: 'last-resort' }]);
    }
    return String(links.residentBytes());
  },
  /** Lets V8 write its profile. */
  finish: () => {
    setTimeout(() => process.exit(0), 10);
    return '';
  },
});
await once(process, 'exit');
