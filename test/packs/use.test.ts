/** The tarballs, installed into an empty project and used there as their READMEs say. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build } from 'vite';

import { codeIn } from '../../docs/test/code-blocks.ts';
import { launchBrowser, skipReason, type BrowserPage } from '../harness/browsers.ts';
import { startPageServer, type PageServer } from '../harness/page-server.ts';
import { createConsumer, type Consumer, type Running } from './consumer.ts';
import { LIBRARY_NAMES, makeTarballs, type Tarballs } from './tarballs.ts';

/** The last that is written in JavaScript. Its users are many, and the repository's own is the next but one. */
const OLDER_TYPESCRIPT = 'typescript@5.9.3';
/** Who writes React in TypeScript has its types, and who renders with it the package that does. */
const OF_REACT = ['@types/react@19', 'react-dom@19'];
const COMPILERS = {
  'TypeScript 5.9': 'node_modules/typescript/bin/tsc',
  "the repository's TypeScript": createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace(/package\.json$/, 'bin/tsc'),
};
const RESOLUTIONS = {
  bundler: { module: 'preserve', moduleResolution: 'bundler' },
  node16: { module: 'node16', moduleResolution: 'node16' },
};
const INSTALL_WITHIN_MS = 180_000;
const WATCH_WITHIN_MS = 30_000;

let tarballs: Tarballs;
let consumer: Consumer;

beforeAll(async () => {
  tarballs = await makeTarballs();
  consumer = await createConsumer([...tarballs.all.map(({ path }) => path), OLDER_TYPESCRIPT, ...OF_REACT]);
}, INSTALL_WITHIN_MS);

afterAll(() => {
  consumer?.remove();
  tarballs?.remove();
});

test('little else is installed with them', () => {
  const lockfile = JSON.parse(readFileSync(join(consumer.folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optional?: boolean }>;
  };
  const needed = Object.entries(lockfile.packages).flatMap(([path, { optional }]) =>
    optional === true || path === '' ? [] : [path.replace(/^node_modules\//, '')],
  );
  const ours = tarballs.all.flatMap(({ name, manifest }) => [
    name,
    ...Object.keys({ ...(manifest['dependencies'] as object), ...(manifest['peerDependencies'] as object) }),
  ]);
  // What native modules need to find their native part, what the compiler needs, and what renders.
  const besides = ['detect-libc', 'typescript', '@types/react', 'csstype', 'react-dom', 'scheduler'];
  expect(new Set(needed)).toEqual(new Set([...ours, ...besides]));
});

describe.each(Object.entries(COMPILERS))('%s', (_title, compiler) => {
  test.each(Object.entries(RESOLUTIONS))(
    'takes the code of the READMEs under %s',
    async (_name, resolution) => {
      const files = tarballs.all.flatMap(({ name, files: packed }) =>
        codeIn(String(packed.get('README.md'))).map(({ code, extension }, i) => {
          const path = `readmes/${name.replaceAll(/\W/g, '-')}-${i}.${extension}`;
          consumer.write(path, code);
          return relative('.', path);
        }),
      );
      expect(files.length).toBeGreaterThanOrEqual(2);
      const compilerOptions = {
        ...resolution,
        target: 'es2023',
        lib: ['es2023', 'dom', 'dom.iterable'],
        types: [],
        jsx: 'react-jsx',
        strict: true,
        noEmit: true,
        skipLibCheck: false,
      };
      consumer.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
      const { code, output } = await consumer.run(compiler, ['--project', 'tsconfig.json']);
      expect(output).toBe('');
      expect(code).toBe(0);
    },
  );
});

test('@casto/nodejs starts a relay of two processes, and nothing is left of it when it stops', async () => {
  consumer.write(
    'relay.js',
    `import { createRelay } from '@casto/nodejs';
     const relay = await createRelay({ host: '127.0.0.1', mdns: false, processes: 2 });
     console.log(JSON.stringify({ ...relay.status(), readiness: relay.readiness }));
     await relay.stop();`,
  );
  const { code, output } = await consumer.run('relay.js');
  expect(code, output).toBe(0);
  const status = JSON.parse(output) as Record<string, unknown>;
  expect(status['peerId']).toMatch(/^12D3KooW/);
  expect(status['processes']).toHaveLength(2);
  expect(status['multiaddrs']).toEqual(expect.arrayContaining([expect.stringContaining('webrtc-direct')]));
});

test('a server renders the player of @casto/react', async () => {
  consumer.write(
    'render.js',
    `import { createElement } from 'react';
     import { renderToString } from 'react-dom/server';
     import { CastoPlayer } from '@casto/react';
     console.log(renderToString(createElement(CastoPlayer, { channel: 'abc', controls: true })));`,
  );
  const { code, output } = await consumer.run('render.js');
  expect(code, output).toBe(0);
  expect(output.trim()).toBe('<casto-player channel="abc" controls=""></casto-player>');
});

test('npx casto-relay --help tells its options', async () => {
  const help = await consumer.npm(['exec', '--offline', '--', 'casto-relay', '--help']);
  expect(help).toContain('--port');
  expect(help).toContain('--max-viewers');
});

describe('casto-relay', () => {
  let relay: Running;

  beforeAll(async () => {
    const data = join(consumer.folder, 'relay-data');
    const flags = ['--json', '--port', '0', '--host', '127.0.0.1', '--no-mdns', '--data', data];
    relay = await consumer.start('casto-relay', flags);
  });

  afterAll(async () => {
    await relay?.stop();
  });

  test('answers /health, and serves the demo, the dashboard and the SDK', async () => {
    const http = String(relay.said['http']);
    const health = await fetch(`${http}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ peerId: relay.said['peerId'], viewers: 0 });
    for (const path of ['/', '/casto.js', '/dashboard']) {
      const answer = await fetch(`${http}${path}`);
      expect(answer.status, path).toBe(200);
      await answer.arrayBuffer();
    }
  });

  test.skipIf(skipReason('chromium') !== null)(
    'a page that vite built with casto goes live, and is watched with and without the player',
    async () => {
      const server = await serveBuiltPage(consumer);
      const browser = await launchBrowser('chromium');
      try {
        const streamer = await browser.newPage();
        await streamer.goto(`${server.origin}/?relay=${String(relay.said['http'])}`);
        await untilPictures(streamer);
        const link = await streamer.evaluate(() => document.querySelector('a')?.href ?? '');
        expect(link).toContain('#casto=12D3KooW');

        const viewer = await browser.newPage();
        await viewer.goto(link);
        await untilPictures(viewer);

        const player = await browser.newPage();
        await player.goto(link.replace('#', '&player#'));
        await untilPictures(player);
        expect(player.errors).toEqual([]);
        expect(streamer.errors).toEqual([]);
        expect(viewer.errors).toEqual([]);
      } finally {
        await browser.close();
        await server.close();
      }
    },
  );

  test('ends with code 0', async () => {
    expect(await relay.stop()).toBe(0);
  });
});

const PAGE = `<!doctype html>
<link rel="icon" href="data:,">
<video autoplay muted playsinline></video>
<a></a>
<script type="module" src="/main.ts"></script>`;

const MAIN = `
import { CASTO } from 'casto';
import 'casto/player';

const address = new URL(location.href);
const relay = address.searchParams.get('relay') ?? '';
const [video] = document.getElementsByTagName('video');
if (address.searchParams.has('player')) {
  const player = document.createElement('casto-player');
  player.channel = new URLSearchParams(address.hash.slice(1)).get('casto');
  player.relays = [relay];
  player.autoplay = true;
  player.muted = true;
  video?.replaceWith(player);
} else {
  const casto = new CASTO({ relays: [relay] });
  const stream = await casto.start();
  const [link] = document.getElementsByTagName('a');
  if (video) video.srcObject = stream;
  if (link) link.href = casto.link;
}
`;

async function serveBuiltPage(project: Consumer): Promise<PageServer> {
  project.write('page/index.html', PAGE);
  project.write('page/main.ts', MAIN);
  const root = join(project.folder, 'page');
  const built = await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: { target: 'esnext', write: false, modulePreload: false },
  });
  const pages: Record<string, string> = {};
  for (const result of Array.isArray(built) ? built : [built]) {
    if (!('output' in result)) continue;
    for (const file of result.output) {
      const source = file.type === 'chunk' ? file.code : file.source;
      pages[`/${file.fileName}`] = typeof source === 'string' ? source : Buffer.from(source).toString();
    }
  }
  expect(existsSync(join(root, 'node_modules'))).toBe(false);
  return startPageServer({ ...pages, '/': pages['/index.html'] ?? '' });
}

async function untilPictures(page: BrowserPage): Promise<void> {
  const isShown = (): boolean => {
    const player = document.querySelector<HTMLElement & { video: HTMLVideoElement }>('casto-player');
    const video = player?.video ?? document.querySelector('video');
    return video !== null && video.videoWidth > 0 && video.currentTime > 1;
  };
  await page.waitFor(isShown, { timeoutMs: WATCH_WITHIN_MS, what: 'pictures' });
}

test('every package that is imported shows how in its README', () => {
  for (const { name, files } of tarballs.all) {
    if (!LIBRARY_NAMES.includes(name)) continue;
    expect(
      codeIn(String(files.get('README.md')))
        .map(({ code }) => code)
        .join(''),
      name,
    ).toContain(`from '${name}'`);
  }
});
