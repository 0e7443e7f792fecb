import { expect, test } from 'vitest';
import { channelInUrl, linkTo, readListOptions, readOptions } from '../src/options.ts';

const PAGE = 'https://page.example/show?day=1';
const CHANNEL = '12D3KooWKB812uhZrXptt2d96phvZQY5pJ8aNW2pXgP2AwUaKnYZ';

test('without options a page broadcasts its camera in VP8, one layer', () => {
  expect(readOptions({}, PAGE)).toMatchObject({
    channel: null,
    relays: null,
    source: 'camera',
    codec: 'vp8',
    layers: 1,
    title: '',
    app: '',
    listed: true,
    maxUplinkBps: null,
  });
});

test('the channel is taken from the options, else from the address', () => {
  expect(readOptions({}, `${PAGE}#casto=${CHANNEL}`).channel).toBe(CHANNEL);
  expect(readOptions({ channel: 'other' }, `${PAGE}#casto=${CHANNEL}`).channel).toBe('other');
  expect(channelInUrl(`${PAGE}#t=5&casto=${CHANNEL}`)).toBe(CHANNEL);
  expect(channelInUrl(`${PAGE}#elsewhere`)).toBeNull();
});

test('the link keeps the page and replaces its fragment', () => {
  expect(linkTo(CHANNEL, `${PAGE}#casto=old`)).toBe(`${PAGE}#casto=${CHANNEL}`);
});

test('a channel is listed unless its options say otherwise', () => {
  expect(readOptions({ listed: false }, PAGE).listed).toBe(false);
  expect(() => readOptions(JSON.parse('{ "listed": 0 }') as object, PAGE)).toThrow(TypeError);
});

test('a list is of one namespace', () => {
  expect(readListOptions({})).toBe('');
  expect(readListOptions({ app: 'games' })).toBe('games');
  expect(() => readListOptions({ app: 'x'.repeat(65) })).toThrow(TypeError);
});

test('ICE servers of the page are told from those that it leaves to its relays', () => {
  expect(readOptions({}, PAGE).iceServers).toBeNull();
  expect(readOptions({ iceServers: [] }, PAGE).iceServers).toEqual([]);
  expect(readOptions({ iceServers: [{ urls: 'stun:a' }] }, PAGE).iceServers).toEqual([{ urls: 'stun:a' }]);
});

test('`relay: false` serves no other page', () => {
  expect(readOptions({ relay: false }, PAGE).maxChildren).toBe(0);
  expect(readOptions({ relay: { maxChildren: 7, maxUplinkBps: 5e6 } }, PAGE)).toMatchObject({
    maxChildren: 7,
    maxUplinkBps: 5e6,
  });
});

test.each([
  [{ codec: 'av1' }, 'codec'],
  [{ layers: 4 }, 'layers'],
  [{ title: 'x'.repeat(121) }, 'title'],
  [{ app: 'x'.repeat(65) }, 'app'],
  [{ title: 7 }, 'title'],
  [{ relay: { maxChildren: -1 } }, 'relay.maxChildren'],
  [{ relay: { maxChildren: 1.5 } }, 'relay.maxChildren'],
  [{ relay: { maxUplinkBps: 0 } }, 'relay.maxUplinkBps'],
])('%j is a mistake that names its option', (options, name) => {
  const read = (): unknown => Reflect.apply(readOptions, null, [options, PAGE]);
  expect(read).toThrow(new RegExp(`^${name}`));
});
