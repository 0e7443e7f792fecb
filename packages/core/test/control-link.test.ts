/** The control channel's open and close, what it carries, and what its machine takes (K1, K6 to K11, X2). */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { STATE_MS } from '../src/config.ts';
import { controlCodec, type ControlMessage } from '../src/control-messages.ts';
import { createLinkControl, type LinkEffect, type LinkInput } from '../src/link-control.ts';
import { isPeerId, type PeerId } from '../src/peer-id.ts';
import { MAX_AGE_S } from '../src/standing.ts';
import type { SurveyMessage } from '../src/survey/survey-messages.ts';
import type { TreeMessage } from '../src/tree/tree-io.ts';
import { peerIdOfKey } from './base58.ts';
import { codecs, validMessages } from './codecs.ts';
import { LinkWorld, someState, START, type Role } from './link-world.ts';

function peer(number: number): PeerId {
  const id = peerIdOfKey(new Uint8Array(32).fill(number));
  if (!isPeerId(id)) throw new Error('not an id');
  return id;
}

const parents = [{ peerId: peer(1), addresses: ['/ip4/192.0.2.1/udp/4001'] }];

const signal: Extract<ControlMessage, { type: 'forward' }> = {
  type: 'forward',
  from: peer(1),
  to: peer(2),
  nonce: new Uint8Array(16).fill(1),
  expiresAt: START,
  fingerprint: new Uint8Array(32).fill(2),
  payload: new Uint8Array(4_096).fill(3),
  signature: new Uint8Array(64).fill(4),
};

/** What a machine of this role makes of a message. */
function receive(role: Role, message: ControlMessage): LinkEffect[] {
  const control = createLinkControl(role);
  control.step(START, { type: 'opened' });
  return control.step(START + 1, { type: 'received', message });
}

describe('[K1.2] a message that is not for its direction to carry', () => {
  test.each<[Role, ControlMessage]>([
    ['parent', { type: 'drain', withinMs: 1_000 }],
    ['parent', { type: 'redirect', parents }],
    ['parent', { type: 'keep-alive' }],
    ['parent', { type: 'invite', peerId: peer(1) }],
    ['parent', { type: 'picture', depth: 0, peers: [], hidden: 0 }],
    ['child', { type: 'need-key-frame', layer: 0 }],
    ['child', { type: 'choose-layer', layer: 1 }],
    ['child', { type: 'activate', layer: 0 }],
    ['child', { type: 'pause' }],
    ['child', { type: 'branch', peers: [], hidden: 0 }],
    ['child', { type: 'recommend', peer: { peerId: peer(1), addresses: [] }, slots: 4, ageS: 60 }],
  ])('changes nothing at a %s', (role, message) => expect(receive(role, message)).toEqual([]));
});

test('[K1.3] nothing is sent before the channel is open', () => {
  const control = createLinkControl('child');
  const early: LinkInput[] = [
    { type: 'advertise', state: someState() },
    { type: 'want-key-frame', layer: 0 },
    { type: 'sent-media' },
    { type: 'heard-media' },
    { type: 'seek', layers: 0b1 },
    { type: 'standby', isStandby: true },
    { type: 'standby', isStandby: false },
    { type: 'received', message: { type: 'ping', sentAt: 1 } },
    { type: 'timeout' },
  ];
  for (const input of early) expect(control.step(START, input)).toEqual([]);
  expect(control.deadline()).toBeNull();
  expect(control.phase).toBe('connecting');
});

test('[K1.3] what was wanted by then is sent when the channel opens', () => {
  const control = createLinkControl('child');
  control.step(START, { type: 'advertise', state: someState({ viewers: 1 }) });
  control.step(START, { type: 'advertise', state: someState({ viewers: 2 }) });
  for (const layer of [0, 2, 0]) control.step(START, { type: 'want-key-frame', layer });

  expect(control.step(START + 500, { type: 'opened' })).toEqual([
    { type: 'send', message: { type: 'ping', sentAt: START + 500 } },
    { type: 'send', message: { type: 'state', ...someState({ viewers: 2 }) } },
    { type: 'send', message: { type: 'need-key-frame', layer: 0 } },
    { type: 'send', message: { type: 'need-key-frame', layer: 2 } },
  ]);
  expect(control.step(START + 501, { type: 'opened' })).toEqual([]);
});

test('[K6.1] a child chooses the layer that its parent sends', () => {
  expect(receive('parent', { type: 'choose-layer', layer: 2 })).toEqual([{ type: 'layer-chosen', layer: 2 }]);
});

const addresses = ['/ip4/192.0.2.1/udp/4001'];

test.each<[string, Role, TreeMessage]>([
  ['[K6.2] a parent that will leave says within what time', 'child', { type: 'drain', withinMs: 5_000 }],
  ['[K6.3] a redirect names the parents to move to', 'child', { type: 'redirect', parents }],
  ['[K6.4] a child asks for media, and says of which layer', 'parent', { type: 'activate', layer: 2 }],
  ['[K6.5] a child says that it wants no media for the time being', 'parent', { type: 'pause' }],
  [
    '[K6.6] a parent is told of a child that deserves a better place',
    'parent',
    { type: 'recommend', peer: { peerId: peer(2), addresses }, slots: 6, ageS: 300 },
  ],
  ['[K6.6] a child is told whom its parent invites', 'child', { type: 'invite', peerId: peer(2) }],
  ['[K6.7] a child is told where its parent is reached', 'child', { type: 'addresses', addresses }],
  ['[K6.7] a parent is told where its child is reached', 'parent', { type: 'addresses', addresses }],
])('%s', (_, role, message) => {
  const received = controlCodec.decode(controlCodec.encode(message));
  expect(received && receive(role, received)).toEqual([{ type: 'message', message }]);
});

test.each<[string, Role, SurveyMessage]>([
  ['[K11.1] a survey of a child', 'parent', { type: 'survey', isWanted: true }],
  ['[K11.1] a survey of a parent', 'child', { type: 'survey', isWanted: false }],
  ['[K11.3] a branch', 'parent', { type: 'branch', peers: [], hidden: 7 }],
  ['[K11.8] a picture', 'child', { type: 'picture', depth: 1, peers: [], hidden: 0 }],
])('%s reaches its owner', (_, role, message) => {
  const received = controlCodec.decode(controlCodec.encode(message));
  expect(received && receive(role, received)).toEqual([{ type: 'survey', message }]);
});

test('[K6.2, K6.3] a child that must move keeps its link meanwhile', () => {
  const world = new LinkWorld({ latencyMs: 10 });
  world.open();
  world.child.step({ type: 'received', message: { type: 'drain', withinMs: 100 } });
  world.child.step({ type: 'received', message: { type: 'redirect', parents } });
  world.advance(1_000);
  expect(world.child.control.phase).toBe('open');
  expect(world.effectsOf('child')).not.toContainEqual(expect.objectContaining({ type: 'silent' }));
});

test.each<Role>(['parent', 'child'])('[K7.4] a %s gets a signal as it was signed', (role) => {
  const received = controlCodec.decode(controlCodec.encode(signal));
  expect(received && receive(role, received)).toEqual([{ type: 'forward', message: signal }]);
});

test.each<[string, Partial<typeof signal>]>([
  ['a payload above 4096 bytes', { payload: new Uint8Array(4_097) }],
  ['a short signature', { signature: new Uint8Array(63) }],
  ['a long nonce', { nonce: new Uint8Array(17) }],
  ['a short nonce', { nonce: new Uint8Array(15) }],
  ['a fingerprint that is no SHA-256', { fingerprint: new Uint8Array(20) }],
])('[K7.4] a signal with %s is refused', (_, change) => {
  const bytes = controlCodec.encode({ ...signal, ...change });
  expect(() => controlCodec.decode(bytes)).toThrow(/too-large|out-of-range/);
});

test.each<Role>(['parent', 'child'])('[K8.1] a farewell is the last that a %s hears or says', (role) => {
  const world = new LinkWorld({ latencyMs: 5 });
  world[role].step({ type: 'advertise', state: someState() });
  world.open();
  world.advance(1_000);
  const farewell = world[role].step({ type: 'received', message: { type: 'bye', reason: 'ended' } });
  expect(farewell).toEqual([{ type: 'farewell', reason: 'ended' }]);
  expect(world[role].control.phase).toBe('closed');
  expect(world[role].control.deadline()).toBeNull();

  const after = world.now;
  world[role].step({ type: 'want-key-frame', layer: 0 });
  world[role].step({ type: 'advertise', state: someState({ viewers: 9 }) });
  world[role].step({ type: 'timeout' });
  world.advance(20_000);
  expect(world[role].effects.filter(({ at }) => at > after)).toEqual([]);
  expect(world.effectsOf(role, after)).toEqual([{ type: 'farewell', reason: 'ended' }]);
});

test.each<Role>(['parent', 'child'])('[X2.2] a %s as old as can be told grows no older', (role) => {
  const control = createLinkControl(role);
  const state = someState({ ageS: MAX_AGE_S });
  control.step(START, { type: 'opened' });
  control.step(START, { type: 'advertise', state });
  const repeated = control.step(START + STATE_MS, { type: 'timeout' });
  expect(repeated).toContainEqual({ type: 'send', message: { type: 'state', ...state } });
});

test('[X2.2] a machine takes any input at any time', () => {
  const control = codecs.find(({ name }) => name === 'control');
  if (control === undefined) throw new Error('no control codec');
  const inputs = fc.oneof(
    validMessages(control).map(({ bytes }): LinkInput | null => {
      const message = controlCodec.decode(bytes);
      return message && message.type !== 'bye' ? { type: 'received', message } : null;
    }),
    fc.constantFrom<LinkInput>(
      { type: 'opened' },
      { type: 'heard-media' },
      { type: 'sent-media' },
      { type: 'timeout' },
      { type: 'timeout' },
      { type: 'want-key-frame', layer: 0 },
      { type: 'want-key-frame', layer: 2 },
      { type: 'seek', layers: 0b101 },
      { type: 'standby', isStandby: true },
      { type: 'standby', isStandby: false },
      { type: 'advertise', state: someState() },
      { type: 'advertise', state: someState({ flowing: false }) },
    ),
  );
  const steps = fc.array(
    fc.record({ input: inputs, afterMs: fc.double({ min: -20, max: 400, noNaN: true }) }),
  );
  fc.assert(
    fc.property(fc.constantFrom<Role>('parent', 'child'), steps, (role, script) => {
      const machine = createLinkControl(role);
      let now = START;
      for (const { input, afterMs } of script) {
        now += afterMs;
        const effects = input === null ? [] : machine.step(now, input);
        expect(effects.length).toBeLessThanOrEqual(8);
        const sent = effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
        expect(sent.map((message) => controlCodec.decode(controlCodec.encode(message)))).toEqual(sent);
        const due = input?.type === 'timeout' ? machine.deadline() : null;
        expect(due ?? Infinity).toBeGreaterThan(now);
      }
    }),
    { numRuns: 500 },
  );
});
