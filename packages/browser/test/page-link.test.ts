/** Which ICE servers a page's connections are made with. Node has no RTCPeerConnection: this one keeps what it is given. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectionOf } from '../src/page-link.ts';

const REFUSED = 'stun:refused.example';
let made: (RTCConfiguration | undefined)[] = [];

class RecordedConnection {
  readonly isConnection = true;

  constructor(configuration?: RTCConfiguration) {
    if (configuration?.iceServers?.some(({ urls }) => urls === REFUSED)) throw new SyntaxError('refused');
    made.push(configuration);
  }
}

beforeEach(() => {
  made = [];
  vi.stubGlobal('RTCPeerConnection', RecordedConnection);
});

afterEach(() => void vi.unstubAllGlobals());

/** @returns The servers of the connection that was made. */
function serversWith(
  own: RTCIceServer[] | null,
  ...named: (readonly RTCIceServer[])[]
): RTCIceServer[] | undefined {
  const targets = named.map((iceServers) => ({ iceServers }));
  connectionOf({ settings: { iceServers: own }, targets, worker: { connectionOptions: {} } });
  expect(made).toHaveLength(1);
  return made[0]?.iceServers;
}

const A = { urls: 'stun:a.example' };
const B = { urls: 'stun:b.example' };

test('those of all relays, in the order of the list', () => {
  expect(serversWith(null, [A], [], [B])).toEqual([A, B]);
});

test('at most eight', () => {
  const many = Array.from({ length: 8 }, () => A);
  expect(serversWith(null, many, [B])).toEqual(many);
});

test.each([[[]], [[B]]])('those of the page itself, when it gives some: %j', (own) => {
  expect(serversWith(own, [A])).toEqual(own);
});

test('none, when the browser refuses what a relay names', () => {
  expect(serversWith(null, [A, { urls: REFUSED }])).toEqual([]);
});

test('a mistake of the page itself is thrown', () => {
  const needs = {
    settings: { iceServers: [{ urls: REFUSED }] },
    targets: [],
    worker: { connectionOptions: {} },
  };
  expect(() => connectionOf(needs)).toThrow(SyntaxError);
});
