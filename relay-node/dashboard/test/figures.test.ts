import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteRates } from '../src/byte-rates.ts';
import { bitrate, bytes, count, duration, milliseconds, share, shortId } from '../src/figures.ts';
import { graphLine } from '../src/graphs.ts';
import { rowWindow } from '../src/row-window.ts';
import { dotSize } from '../src/tree-map.ts';

describe('figures', () => {
  test.each([
    [bitrate(null), '–'],
    [bitrate(0), '0 bit/s'],
    [bitrate(999.6), '1.00 kbit/s'],
    [bitrate(2_540_000), '2.54 Mbit/s'],
    [bitrate(640_000_000), '640 Mbit/s'],
    [bytes(123_400_000), '123 MB'],
    [bytes(1e15), '1.00e+3 TB'],
    [count(12_345.4), '12,345'],
    [share(0.004), '0.4 %'],
    [share(1.25), '125 %'],
    [milliseconds(0.31), '0.3 ms'],
    [duration(-5), '0 s'],
    [duration(59_999), '59 s'],
    [duration(3_600_000 * 5 + 60_000), '5 h 1 min'],
    [duration(86_400_000 * 3), '3 d 0 h'],
    [shortId('12D3KooWAbcdefghijkl'), '…efghijkl'],
  ])('%s', (shown, expected) => expect(shown).toBe(expected));

  test('are short, whatever the number', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (value) => {
        expect(bitrate(value).length).toBeLessThan(13);
        expect(bytes(value)).toMatch(/^[\d.]{1,5} [kMGT]?B$/);
      }),
    );
  });
});

describe('rates', () => {
  test('are those of counters that were there before, and went on', () => {
    const rates = new ByteRates();
    expect(
      rates.take(
        1_000,
        new Map([
          ['a', 10],
          ['b', 10],
        ]),
      ),
    ).toEqual(new Map());
    const now = new Map([
      ['a', 1_010],
      ['b', 5],
      ['c', 1],
    ]);
    expect(rates.take(3_000, now)).toEqual(new Map([['a', 4_000]]));
    expect(rates.take(3_000, now)).toEqual(new Map());
    expect(rates.take(4_000, new Map([['c', 2]]))).toEqual(new Map([['c', 8]]));
  });
});

describe('a long table', () => {
  test('has rows for what is in sight, and few others', () => {
    const sizes = fc.record({ rows: fc.nat(5_000), top: fc.nat(300_000), height: fc.nat(1_000) });
    fc.assert(
      fc.property(sizes, ({ rows, top, height }) => {
        const { first, end } = rowWindow(rows, { top, height }, 36);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThanOrEqual(rows);
        expect(end - first).toBeLessThanOrEqual(height / 36 + 19);
        expect(end).toBeGreaterThanOrEqual(first);
        const seen = Math.floor(top / 36);
        if (seen < rows && height > 0) expect(first <= seen && seen < end).toBe(true);
      }),
    );
  });

  test('has a picture whose dots fit', () => {
    expect(dotSize(1, 800).size).toBe(16);
    const { size, columns } = dotSize(2_000, 800);
    expect(size).toBeGreaterThanOrEqual(5);
    expect(Math.ceil(2_000 / columns) * (size + 3)).toBeLessThanOrEqual(240);
  });
});

test('a graph is as high as its box, and begins where its first sample belongs', () => {
  expect(graphLine([], 10, 120)).toBe('');
  expect(graphLine([0, 10], 10, 120)).toBe('M238.0 63.0L240.0 3.0');
  expect(graphLine([20], 10, 1)).toBe('M0.0 3.0');
});
