import { expect, test } from 'vitest';

import { channelIn, channelInInput } from '../src/channel-link.ts';

const ID = '12D3KooWQ8mXcY2vJ5tYpDq4h1nNn8zD7rTtEw9sVbKjLg3fHaXe';

test('the address of a page names a channel, alone or among other parameters', () => {
  expect(channelIn(`http://localhost:8080/#casto=${ID}`)).toBe(ID);
  expect(channelIn(`https://example.org/live?x=1#theme=dark&casto=${ID}`)).toBe(ID);
  expect(channelIn('http://localhost:8080/#casto=')).toBeNull();
  expect(channelIn('http://localhost:8080/#two-lines')).toBeNull();
  expect(channelIn('http://localhost:8080/')).toBeNull();
});

test('people paste links, parts of links and bare ids', () => {
  for (const input of [ID, ` ${ID}\n`, `#casto=${ID}`, `http://localhost:8080/#casto=${ID}&x=1`]) {
    expect(channelInInput(input)).toBe(ID);
  }
});

test('what names no channel is refused', () => {
  const inputs = [
    '',
    'hello',
    'http://localhost:8080/',
    '#casto=',
    '#casto=<script>',
    `${ID} ${ID}`,
    'x'.repeat(1e6),
  ];
  for (const input of inputs) expect(channelInInput(input)).toBeNull();
});
