/**
 * `npm run bench:join`: how long a viewer waits from `start()` to the first decoded frame, and for what.
 *
 * Each run is a page of its own with an empty profile, on the machine that also runs relay and streamer.
 */

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { launchBrowser, type BrowserPage } from '../harness/browsers.ts';
import { startRelay } from '../harness/relay-process.ts';
import { goLive, openPage, startStage } from '../broadcast/stage.ts';

const STEPS = ['peer', 'relay', 'accepted', 'connected', 'frame'] as const;
type Step = (typeof STEPS)[number];
type Run = Record<Step, number>;

const DESCRIPTIONS: Record<Step, string> = {
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
  const runs: Run[] = [];
  for (let i = 0; i < Number(values.runs); i++) {
    const viewer = await openPage(browser, server.origin);
    runs.push(await measureJoin(viewer, { relays, channel }));
    await viewer.close();
    if (!values.json) process.stderr.write(`run ${i + 1}: first frame after ${runs.at(-1)?.frame} ms\n`);
  }
  report(runs);
} finally {
  await browser.close();
  await server.close();
  await relay.stop();
}

/** Milliseconds after `start()` at which each step was done. */
async function measureJoin(page: BrowserPage, watched: { relays: string[]; channel: string }): Promise<Run> {
  return page.evaluate(async (options) => {
    const video = document.querySelector('video');
    if (!video) throw new Error('no video');
    const startedAt = performance.now();
    stage.casto = new stage.CASTO(options);
    const frame = new Promise<number>((resolve) =>
      video.requestVideoFrameCallback(() => resolve(performance.now() - startedAt)),
    );
    video.srcObject = await stage.casto.start();
    const frameMs = await frame;
    const at = (step: string): number => {
      const [mark] = performance.getEntriesByName(`casto:${step}`);
      return Math.round((mark?.startTime ?? NaN) - startedAt);
    };
    const run = {
      peer: at('peer'),
      relay: at('relay'),
      accepted: at('accepted'),
      connected: at('connected'),
    };
    await stage.casto.stop();
    return { ...run, frame: Math.round(frameMs) };
  }, watched);
}

function report(runs: Run[]): void {
  const rows = STEPS.map((step) => {
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
