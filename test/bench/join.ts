/**
 * `npm run bench:join`: how long a viewer waits from `start()` to the first decoded frame, and for what.
 *
 * Each run is a page of its own with an empty profile, on the machine that also runs relay and streamer.
 */

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { launchBrowser } from '../harness/browsers.ts';
import { startRelay } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, stop } from '../broadcast/stage.ts';
import { JOIN_STEPS, measureJoin, type JoinTimes } from './measure-join.ts';

const DESCRIPTIONS: Record<keyof JoinTimes, string> = {
  peer: 'libp2p is up',
  relay: 'the relay is connected',
  accepted: 'the relay has accepted',
  connected: 'the link is up (ICE, DTLS)',
  frame: 'the first frame is decoded',
};

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '20' }, json: { type: 'boolean', default: false } },
});

const relay = await startRelay({ flags: ['--no-mdns'] });
const server = await startStage(relay);
const browser = await launchBrowser('chromium');
try {
  const relays = [relay.http];
  const streamer = await openPage(browser, server.origin);
  const { channel } = await goLive(streamer, { relays }, { framesPerSecond: 30 });
  const runs: JoinTimes[] = [];
  for (let i = 0; i < Number(values.runs); i++) {
    const viewer = await openPage(browser, server.origin);
    runs.push(await measureJoin(viewer, { relays, channel }));
    await stop(viewer);
    await viewer.close();
    if (!values.json) process.stderr.write(`run ${i + 1}: first frame after ${runs.at(-1)?.frame} ms\n`);
  }
  report(runs);
} finally {
  await browser.close();
  await server.close();
  await relay.stop();
}

function report(runs: JoinTimes[]): void {
  const rows = JOIN_STEPS.map((step) => {
    const sorted = runs.map((run) => run[step]).sort((a, b) => a - b);
    return { step, min: sorted[0], median: sorted[Math.floor(sorted.length / 2)], max: sorted.at(-1) };
  });
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ browser: browser.version, runs, rows })}\n`);
    return;
  }
  const cpu = cpus();
  process.stdout.write(
    [
      `${cpu.length} x ${cpu[0]?.model.trim()}, Chromium ${browser.version}, Node ${process.versions.node}, loopback, ${runs.length} runs`,
      '',
      '| milliseconds from start() to | min | median | max |',
      '|---|---|---|---|',
      ...rows.map(({ step, min, median, max }) => `| ${DESCRIPTIONS[step]} | ${min} | ${median} | ${max} |`),
      '',
    ].join('\n'),
  );
}
