/** Datagrams for the STUN port, from senders of every kind that a socket tells of: answered, counted or limited. */

import type { Random } from '@casto/core';
import { HEADER_BYTES } from '../../../packages/nodejs/src/stun/binding-request.ts';
import { answerBinding, MAX_GROWTH_BYTES } from '../../../packages/nodejs/src/stun/binding-response.ts';
import { SourceLimits } from '../../../packages/nodejs/src/stun/source-limits.ts';
import {
  BINDING,
  FINGERPRINT,
  mappedAddress,
  readMessage,
  sampleMessage,
  VECTORS,
  type SampleAttribute,
} from '../../../packages/nodejs/test/stun/stun-samples.ts';
import { chance, joinBytes, mutateBytes, pick, randomBytes } from '../byte-mutations.ts';
import { demand, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';

/** The first bytes of an input: how much time passes before it, the kind of its sender, four of its address, its port. */
const HEAD_BYTES = 8;
/** Drawn seldom, so that what comes goes beyond the limits; the last of them fills all allowances anew. */
const PAUSES_MS = [0, 1, 2, 5, 1_000];
/** A little above what is read at all. */
const MAX_DATAGRAM_BYTES = 1_400;
/** What source-limits.ts says, told once more. */
const IN_ALL = { perSecond: 2_000, burst: 4_000 };
const PER_NETWORK = { perSecond: 100, burst: 400 };
const MAX_NETWORKS = 4_096;
/** Every reason for silence that there is. */
const SILENT = [
  'too-long',
  'not-stun',
  'bad-length',
  'bad-attribute',
  'bad-fingerprint',
  'response',
  'indication',
  'other-method',
  'bad-source',
  'network-limit',
  'limit',
];

export const stunTarget: FuzzTarget = {
  name: 'stun',
  generate: (random) => {
    const head = Uint8Array.of(
      drawnPause(random),
      random.below(SENDERS.length),
      ...randomBytes(random, 4),
      ...(chance(random, 0.02) ? [0, 0] : randomBytes(random, 2)),
    );
    return joinBytes(head, datagram(random).subarray(0, MAX_DATAGRAM_BYTES));
  },
  open: () => new StunSession(),
};

function drawnPause(random: Random): number {
  if (chance(random, 0.000_05)) return PAUSES_MS.length - 1;
  return chance(random, 0.01) ? 1 + random.below(PAUSES_MS.length - 2) : 0;
}

interface Sender {
  /** As a socket would tell it. */
  readonly address: string;
  /** As the answer has to name it; `null`: it is no address. */
  readonly named: string | null;
}

/** So often that it always is among those that were heard of last, and is never forgotten. */
const flooding: (bytes: Uint8Array) => Sender = ([, , , d]) => ({
  address: `192.0.2.${d}`,
  named: `192.0.2.${d}`,
});

const ipv4: (bytes: Uint8Array) => Sender = (bytes) => ({ address: bytes.join('.'), named: bytes.join('.') });

const SENDERS: readonly ((bytes: Uint8Array) => Sender)[] = [
  flooding,
  flooding,
  flooding,
  ipv4,
  ipv4,
  (bytes) => ({ address: `::ffff:${bytes.join('.')}`, named: bytes.join('.') }),
  (bytes) => {
    const [front, back] = groupsOf(bytes);
    return { address: `::ffff:${short(front)}:${short(back)}`, named: bytes.join('.') };
  },
  (bytes) => ipv6(bytes, ''),
  (bytes) => ipv6(bytes, '%eth0'),
  (bytes) => {
    const [front, back] = groupsOf(bytes);
    const groups = ['2001', '0db8', front, back, '0000', '0000', '0000', front];
    return { address: groups.map(short).join(':'), named: groups.join(':') };
  },
  (bytes) => {
    // Bytes below 2 in front, so that no sender of IPv4 is meant.
    const [, back] = groupsOf(bytes);
    return { address: `::1:${short(back)}`, named: `${'0000:'.repeat(6)}0001:${back}` };
  },
  (bytes) => ({ address: pick(randomOf(bytes), NO_ADDRESSES), named: null }),
];

const NO_ADDRESSES = ['', 'localhost', '1.2.3', '1.2.3.4.5', '01.2.3.4', '::1::', '%eth0', '\0', '256.1.1.1'];

function ipv6(bytes: Uint8Array, zone: string): Sender {
  const [front, back] = groupsOf(bytes);
  return {
    address: `fe80:${short(front)}::${short(back)}${zone}`,
    named: `fe80:${front}:${'0000:'.repeat(5)}${back}`,
  };
}

function groupsOf(bytes: Uint8Array): [string, string] {
  const text = Buffer.from(bytes).toString('hex');
  return [text.slice(0, 4), text.slice(4)];
}

/** Without the zeros that nobody writes in front. */
function short(group: string): string {
  return group.replace(/^0{1,3}/, '');
}

function randomOf(bytes: Uint8Array): Random {
  const value = Buffer.from(bytes).readUInt32BE(0);
  return { next: () => value / 2 ** 32, below: (below) => value % below };
}

class StunSession implements FuzzSession {
  readonly #limits = new SourceLimits();
  #now = 0;
  /** Answers so far, in all and to the network that floods. */
  readonly #answered = { all: 0, flooding: 0 };

  feed(input: Uint8Array): string {
    const head = Buffer.alloc(HEAD_BYTES);
    head.set(input.subarray(0, HEAD_BYTES));
    this.#now += PAUSES_MS[head.readUInt8(0) % PAUSES_MS.length] ?? 0;
    const kind = SENDERS[head.readUInt8(1) % SENDERS.length] ?? flooding;
    const { address, named } = kind(head.subarray(2, 6));
    const port = head.readUInt16BE(6);
    const request = Buffer.from(input.subarray(HEAD_BYTES));
    const before = Buffer.from(request);
    const answer = answerBinding(request, { address, port }, (sender) =>
      this.#limits.take(sender, this.#now),
    );
    demand(request.equals(before), 'the request was changed');
    if (typeof answer === 'string') {
      demand(SILENT.includes(answer), `silent for another reason: ${answer}`);
      return answer;
    }
    demand(named !== null && port !== 0, `an answer to ${JSON.stringify(address)}, port ${port}`);
    this.#count(kind === flooding);
    return checkedAnswer(request, answer, `${named} ${port}`);
  }

  sizes(): readonly Size[] {
    return [{ name: 'networks', size: this.#limits.size, most: MAX_NETWORKS }];
  }

  close(): void {}

  #count(isFlooding: boolean): void {
    const most = ({ perSecond, burst }: typeof IN_ALL): number => burst + (perSecond * this.#now) / 1_000;
    this.#answered.all++;
    if (isFlooding) this.#answered.flooding++;
    const { all, flooding: flood } = this.#answered;
    demand(all <= most(IN_ALL), `${all} answers in ${this.#now} ms`);
    demand(flood <= most(PER_NETWORK), `${flood} answers to one network in ${this.#now} ms`);
  }
}

/** @throws {FuzzFailure} Unless the answer is one to this request, and names its sender. */
function checkedAnswer(request: Buffer, answer: Buffer, sender: string): string {
  demand(
    answer.length <= request.length + MAX_GROWTH_BYTES,
    `${request.length} bytes became ${answer.length}`,
  );
  demand(request.readUInt16BE(0) === BINDING, 'an answer to what is no request');
  const { type, transactionId, attributes, order } = readMessage(answer);
  demand(transactionId === request.toString('hex', 8, HEADER_BYTES), 'another transaction');
  demand(order.at(-1) === FINGERPRINT, 'no fingerprint at the end');
  if (type === SUCCESS) {
    demand(mappedAddress(answer) === sender, `${mappedAddress(answer)} instead of ${sender}`);
    return 'answered';
  }
  demand(type === ERROR, `an answer of type ${type}`);
  const unknown = attributes.get(UNKNOWN_ATTRIBUTES) ?? Buffer.alloc(0);
  demand(unknown.length >= 2, 'an error that names no attribute');
  for (let at = 0; at < unknown.length; at += 2) {
    demand(unknown.readUInt16BE(at) < FIRST_OPTIONAL, 'an optional attribute was refused');
  }
  return 'refused for an unknown attribute';
}

const SUCCESS = 0x0101;
const ERROR = 0x0111;
const UNKNOWN_ATTRIBUTES = 0x000a;
const FIRST_OPTIONAL = 0x8000;

/** Those with a meaning, and their neighbours without one. */
const TYPES = [
  0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020, 0x0000, 0x0003,
  0x0012, 0x0024, 0x0025, 0x7fff, 0x8000, 0x8022, 0x8023, 0x8028, 0x8029, 0x802a, 0xc057, 0xffff,
];
/** Requests, mostly; the others are answers, indications, other methods, and what is no STUN. */
const MESSAGE_TYPES = [
  ...Array.from({ length: 20 }, () => BINDING),
  0x0011,
  0x0101,
  0x0111,
  0x0003,
  0x3fff,
  0x4001,
];

function datagram(random: Random): Uint8Array {
  if (chance(random, 0.02)) return randomBytes(random, random.below(200));
  const message = chance(random, 0.1) ? pick(random, Object.values(VECTORS)) : drawnMessage(random);
  if (chance(random, 0.5)) return message;
  const damaged = mutateBytes(message, random, VECTORS.request, MAX_DATAGRAM_BYTES);
  return chance(random, 0.6) ? mended(damaged, random) : damaged;
}

function drawnMessage(random: Random): Buffer {
  const count = chance(random, 0.02) ? random.below(330) : random.below(6);
  const attributes = Array.from({ length: count }, (): SampleAttribute => {
    const value = Buffer.from(randomBytes(random, random.below(chance(random, 0.1) ? 200 : 12)));
    return { type: chance(random, 0.8) ? pick(random, TYPES) : random.below(0x1_0000), value };
  });
  return sampleMessage(attributes, {
    type: pick(random, MESSAGE_TYPES),
    transactionId: Buffer.from(randomBytes(random, 12)),
    isFingerprinted: chance(random, 0.4),
  });
}

/** Hardly any damaged message would get behind the first checks otherwise. */
function mended(bytes: Uint8Array, random: Random): Uint8Array {
  const message = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 4)));
  if (message.length < HEADER_BYTES) return message;
  message.writeUInt16BE(chance(random, 0.9) ? BINDING : pick(random, MESSAGE_TYPES), 0);
  message.writeUInt16BE(message.length - HEADER_BYTES, 2);
  message.write('2112a442', 4, 'hex');
  return message;
}
