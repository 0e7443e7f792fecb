/** The relay that is attacked: the real one with its HTTP server, in a process of its own that measures its event loop. */

import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createRelay } from '@casto/nodejs';
import { answerCalls } from '../../../packages/nodejs/bench/worker-calls.ts';
import { openHttpServer } from '../../../relay-node/src/http-server.ts';

const HOST = '127.0.0.1';
const NS_PER_MS = 1e6;
/** A wait of this length is what the histogram counts from. */
const RESOLUTION_MS = 1;

const relay = await createRelay({ host: HOST, mdns: false });
const http = await openHttpServer({
  host: HOST,
  port: 0,
  files: new Map(),
  allowOrigins: [],
  ice: { iceServers: [], turnSecret: null, turnHours: 12 },
  state: () => ({ kind: 'running', relay }),
  onError: () => {},
});
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

answerCalls({
  where: () =>
    JSON.stringify({
      peerId: relay.peerId,
      multiaddrs: relay.multiaddrs,
      httpPort: http.port,
      mediaPort: relay.mediaPort,
    }),
  begin: () => {
    delays.reset();
    return '';
  },
  /** Numbers only. */
  figures: () =>
    JSON.stringify({
      p50: delays.percentile(50) / NS_PER_MS - RESOLUTION_MS,
      p99: delays.percentile(99) / NS_PER_MS - RESOLUTION_MS,
      max: delays.max / NS_PER_MS - RESOLUTION_MS,
      residentMb: process.memoryUsage.rss() / 1e6,
      viewers: relay.status().viewers,
    }),
  refused: () => JSON.stringify(relay.status().refused),
});
await once(process, 'exit');
