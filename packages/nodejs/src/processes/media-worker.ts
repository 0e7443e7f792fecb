/**
 * A media worker: a process that forwards media to children of the relay and does nothing else. It is started by the main
 * process of the relay, and ends with it.
 */

import { processClock } from '@casto/host';
import { assertUdpPortFree } from '../free-ports.ts';
import { createMediaLinks } from '../media/media-links.ts';
import { FEED_HOST } from './feed-host.ts';
import { usageMeter } from './process-usage.ts';
import { WorkerLinks } from './worker-links.ts';
import { isToWorker, MAX_UNREAD_MESSAGES } from './worker-messages.ts';
import type { FromWorker, WorkerReport, WorkerSettings } from './worker-messages.ts';

/** Connections that close tell the other end so. */
const FAREWELL_MS = 50;

const usage = usageMeter();
let unread = 0;
let running: { links: WorkerLinks; report: () => WorkerReport; close: () => void } | null = null;

function send(message: FromWorker): void {
  // Fails when the main process is gone, of which another event tells.
  if (!process.connected) return;
  unread++;
  process.send?.(message, undefined, undefined, () => unread--);
}

async function start({ host, mediaPort, announce }: WorkerSettings): Promise<void> {
  // The library ends the process without a word when it cannot bind.
  await assertUdpPortFree(host, mediaPort, '--media-port');
  const clock = processClock;
  const links = createMediaLinks({ host, mediaPort, announce, clock });
  const feedLinks = createMediaLinks({ host: FEED_HOST, clock });
  const isHeard = (): boolean => unread < MAX_UNREAD_MESSAGES;
  const served = new WorkerLinks({ links, feedLinks, clock, send, isHeard });
  running = {
    links: served,
    report: () => ({
      usage: usage.read(),
      traffic: links.traffic(),
      refused: links.counts,
      qualities: served.qualities(),
    }),
    close: () => {
      served.close();
      links.close();
      feedLinks.close();
    },
  };
  send({ type: 'ready' });
}

function stop(): void {
  running?.close();
  setTimeout(() => process.exit(0), FAREWELL_MS);
}

// A terminal and systemd send these to all processes at once, and the main process wants to let viewers move first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: unknown) => {
  if (!isToWorker(message)) return;
  if (message.type === 'stop') return stop();
  if (message.type === 'start') {
    start(message).catch((error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
      process.exit(1);
    });
    return;
  }
  running?.links.take(message);
  if (message.type === 'beat' && message.wantsReport && running !== null)
    send({ type: 'report', report: running.report() });
});
