/**
 * What the dashboard costs with many viewers: the relay to tell, a browser to show. The relay is a fake with a channel
 * of so many children whose figures change with every look; HTTP, compression and the page are the real ones.
 *
 *   npm run bench:dashboard -w test -- 1000
 *
 * Wants `npm run build` and Chromium.
 */

import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';

import { openDashboard } from '../../relay-node/src/dashboard.ts';
import type { DashboardFeed } from '../../relay-node/src/dashboard-feed.ts';
import { HttpRefusals } from '../../relay-node/src/http-refusals.ts';
import { openHttpServer } from '../../relay-node/src/http-server.ts';
import { loadStaticFiles } from '../../relay-node/src/static-files.ts';
import { FakeRelay } from '../../relay-node/test/fake-relay.ts';
import { syntheticPeerId, syntheticTree } from '../../relay-node/test/synthetic-tree.ts';
import { CHROMIUM_FLAGS } from '../harness/chromium.ts';

const POLL_MS = 2_000;
const UPDATES = 10;
const SCROLLED_FRAMES = 110;
const CHANNEL = syntheticPeerId(0);

class CrowdedRelay extends FakeRelay {
  readonly #children: number;
  #round = 0;

  constructor(children: number) {
    super({});
    this.#children = children;
    this.shownChannels = Array.from({ length: 50 }, (_, index) => ({
      channel: syntheticPeerId(index),
      title: `Channel ${index}`,
      live: true,
      origin: 'streamer' as const,
      parent: syntheticPeerId(index),
      depth: 1,
      startedAt: Date.now() - 60_000 * index,
      viewers: index === 0 ? children : index,
      served: index,
      players: 0,
      video: 'vp8' as const,
      audio: true,
      layers: 3,
      receivedBytes: Date.now() * 300,
    }));
  }

  override tree(channel: string): ReturnType<FakeRelay['tree']> {
    return syntheticTree(channel, this.#children, this.#round++);
  }
}

interface Served {
  url: string;
  feed: DashboardFeed;
  close(): Promise<void>;
}

async function serve(children: number): Promise<Served> {
  const relay = new CrowdedRelay(children);
  const refusals = new HttpRefusals();
  const dashboard = openDashboard({
    token: null,
    version: 'bench',
    relay: () => relay,
    condition: () => 'ready',
    advice: () => [],
    refusals,
  });
  const server = await openHttpServer({
    host: '127.0.0.1',
    port: 0,
    files: await loadStaticFiles(fileURLToPath(new URL('../../relay-node/dist/public', import.meta.url))),
    allowOrigins: [],
    ice: { iceServers: [], turnSecret: null, turnHours: 12 },
    state: () => ({ kind: 'running', relay }),
    dashboard,
    refusals,
    onError: (error) => console.error(error),
  });
  const close = async (): Promise<void> => {
    dashboard.close();
    await server.close();
  };
  return { url: `http://127.0.0.1:${server.port}/dashboard/`, feed: dashboard.feed, close };
}

/** What it takes to put both answers together once, of which the fake relay's own part is told apart. */
async function measureFeed({ feed }: Served, children: number): Promise<string> {
  let [cpuMs, fakeMs] = [0, 0];
  for (let update = 0; update < UPDATES; update++) {
    await delay(POLL_MS);
    const before = process.cpuUsage();
    const tree = feed.tree(CHANNEL);
    if (typeof tree === 'string') throw new Error(tree);
    await Promise.all([tree.gzipped(), feed.state().gzipped()]);
    const { user, system } = process.cpuUsage(before);
    cpuMs += (user + system) / 1_000;
    const begun = process.cpuUsage();
    syntheticTree(CHANNEL, children, update);
    fakeMs += process.cpuUsage(begun).user / 1_000;
  }
  const [all, fake] = [cpuMs / UPDATES, fakeMs / UPDATES];
  return `an update costs ${(all - fake).toFixed(1)} ms of CPU, besides ${fake.toFixed(1)} ms for the fake's figures`;
}

/** Processor time of this process for each update, with so many dashboards that ask as pages do. */
async function measureRelay(url: string, dashboards: number): Promise<string> {
  const paths = [`${url}state`, `${url}tree/${CHANNEL}`];
  let sentBytes = 0;
  const look = async (): Promise<void> => {
    for (const path of paths) {
      const response = await fetch(path, { headers: { 'Accept-Encoding': 'gzip' } });
      sentBytes += Number(response.headers.get('content-length') ?? 0);
      await response.arrayBuffer();
    }
  };
  await look();
  sentBytes = 0;
  const before = process.cpuUsage();
  const idle = performance.now();
  for (let update = 0; update < UPDATES; update++) {
    await Promise.all(Array.from({ length: dashboards }, look));
    await delay(POLL_MS);
  }
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000 / UPDATES;
  const bytes = Math.round(sentBytes / UPDATES / dashboards);
  const seconds = ((performance.now() - idle) / 1_000).toFixed(0);
  return `${dashboards} dashboards: ${cpuMs.toFixed(1)} ms of CPU per update (asking included), ${bytes} bytes each, ${seconds} s`;
}

/** Processor time of Chromium's main thread, by what it is for, divided by `times`. */
async function measurePage(page: Page, times: number, act: () => Promise<unknown>): Promise<string> {
  const session = await page.context().newCDPSession(page);
  // On a busy machine the wall clock would tell of others.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async (): Promise<Map<string, number>> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return new Map(metrics.map(({ name, value }) => [name, value]));
  };
  const before = await read();
  await act();
  const after = await read();
  await session.detach();
  const parts = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration', 'TaskDuration'];
  return parts
    .map((name) => {
      const ms = (((after.get(name) ?? 0) - (before.get(name) ?? 0)) * 1_000) / times;
      return `${name} ${ms.toFixed(2)} ms`;
    })
    .join(', ');
}

/** Frames of a fast scroll through the children. */
async function scroll(page: Page): Promise<void> {
  await page.evaluate(async (frames) => {
    const view = document.querySelector('#children-window');
    for (let frame = 0; frame < frames; frame++) {
      view?.scrollBy(0, 300);
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }, SCROLLED_FRAMES);
}

const children = Number(process.argv[2] ?? 1_000);
const server = await serve(children);
const browser = await chromium.launch({
  executablePath: process.env['CASTO_CHROMIUM'] ?? '/usr/bin/chromium',
  args: CHROMIUM_FLAGS,
});
try {
  console.log(await measureFeed(server, children));
  for (const dashboards of [1, 10]) console.log(await measureRelay(server.url, dashboards));
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await page.goto(server.url);
  await page.waitForSelector('#children tr');
  await page.locator('#tree').scrollIntoViewIfNeeded();
  const updates = await measurePage(page, UPDATES, () => delay(UPDATES * POLL_MS));
  console.log(`page, ${children} children, per update: ${updates}`);
  console.log(`page, scrolling, per frame: ${await measurePage(page, SCROLLED_FRAMES, () => scroll(page))}`);
  console.log(`page: ${await page.evaluate(() => document.querySelectorAll('*').length)} elements`);
  const picture = process.env['CASTO_SCREENSHOT'];
  if (picture !== undefined)
    await page.screenshot({ path: picture, fullPage: process.env['CASTO_FULL'] === 'yes' });
} finally {
  await browser.close();
  await server.close();
}
