import fc from 'fast-check';
import { decodeQR } from 'qr/decode.js';
import { expect, test } from 'vitest';

import { embedCode } from '../src/share/embed-code.ts';
import { networkLink } from '../src/share/network-link.ts';
import { qrOutline, QUIET_MODULES } from '../src/share/qr-outline.ts';

const ID = '12D3KooWQ8mXcY2vJ5tYpDq4h1nNn8zD7rTtEw9sVbKjLg3fHaXe';
const LINK = `http://192.168.1.23:8080/#casto=${ID}`;
const PIXELS_PER_MODULE = 6;

test('a phone reads the link from the drawn code', () => {
  const { size, path } = qrOutline(LINK);
  expect(decodeQR(rasterOf(size, path), { timeLimit: 5000 })).toBe(LINK);
});

test('the code keeps its quiet zone', () => {
  const { size, path } = qrOutline(LINK);
  for (const { x, y, length } of rectanglesIn(path)) {
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(QUIET_MODULES);
    expect(Math.max(x + length, y + 1)).toBeLessThanOrEqual(size - QUIET_MODULES);
  }
});

test('a page on localhost shares the address of this computer in its network', () => {
  const discovery = {
    multiaddrs: [
      '/ip4/127.0.0.1/udp/4001/webrtc-direct',
      '/ip4/172.17.0.1/tcp/4002/ws',
      '/ip4/192.168.1.23/tcp/4002/ws',
      '/dns4/example.org/tcp/4002/ws',
    ],
  };
  expect(networkLink(`http://localhost:8080/#casto=${ID}`, discovery)).toBe(LINK);
  expect(networkLink(`http://127.0.0.1:8080/#casto=${ID}`, discovery)).toBe(LINK);
  expect(networkLink(`http://[::1]:8080/#casto=${ID}`, discovery)).toBe(LINK);
});

test('an address that others can open is shared as it is', () => {
  const discovery = { multiaddrs: ['/ip4/192.168.1.23/tcp/4002/ws'] };
  expect(networkLink(`https://live.example.org/#casto=${ID}`, discovery)).toBeNull();
  expect(networkLink(LINK, discovery)).toBeNull();
});

test('without another address, or with nonsense for an answer, nothing is made up', () => {
  const answers = [null, 7, {}, { multiaddrs: 'x' }, { multiaddrs: [7, '/ip4/127.0.0.1/tcp/1', '/ip4/'] }];
  for (const answer of answers) expect(networkLink(`http://localhost:8080/#casto=${ID}`, answer)).toBeNull();
});

test('the HTML for other pages frames the player beside this page, with the same channel', () => {
  const frames = (page: string) => /src="([^"]*)"/.exec(embedCode(`${page}#casto=${ID}`))?.[1];
  expect(frames('https://live.example.org/')).toBe(`https://live.example.org/embed#casto=${ID}&amp;autoplay`);
  for (const page of ['', 'index.html', '?from=mail']) {
    expect(frames(`https://live.example.org/tv/${page}`)).toBe(
      `https://live.example.org/tv/embed#casto=${ID}&amp;autoplay`,
    );
  }
});

test('the frame is named, is as wide as there is room, and may do what a player does', () => {
  const code = embedCode(LINK);
  expect(code).toContain('title="Live video"');
  expect(code).toContain('allow="autoplay; fullscreen; picture-in-picture"');
  expect(code).toContain('style="width: 100%; aspect-ratio: 16 / 9; border: 0"');
});

test('no link breaks out of the attribute that holds it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (channel) => {
      const code = embedCode(`https://relay.example/#casto=${channel}`);
      expect(code.match(/"/g)).toHaveLength(8);
      expect(code.match(/[<>]/g)).toEqual(['<', '>', '<', '>']);
    }),
  );
});

function rectanglesIn(path: string): { x: number; y: number; length: number }[] {
  const found = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)];
  expect(found.map(([text]) => text).join('')).toBe(path);
  return found.map(([, x, y, length]) => ({ x: Number(x), y: Number(y), length: Number(length) }));
}

/** Paints the path as a screen would. */
function rasterOf(size: number, path: string): { width: number; height: number; data: Uint8Array } {
  const width = size * PIXELS_PER_MODULE;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const { x, y, length } of rectanglesIn(path)) {
    for (let row = y * PIXELS_PER_MODULE; row < (y + 1) * PIXELS_PER_MODULE; row += 1) {
      const start = (row * width + x * PIXELS_PER_MODULE) * 4;
      const end = start + length * PIXELS_PER_MODULE * 4;
      for (let at = start; at < end; at += 4) data.fill(0, at, at + 3);
    }
  }
  return { width, height: width, data };
}
