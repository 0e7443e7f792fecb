/** Messages of a link's control channel: into the codec, and into links in both roles over ends that are up. */

import { controlCodec, createRandom, type PeerId, type Random, type SurveyPlace } from '@casto/core';
import {
  ChannelPosts,
  PeerLink,
  refusalCounter,
  signalForwarder,
  type ControlPort,
  type LinkEnd,
  type LinkEndState,
  TreeSurvey,
  type SignalForwarder,
} from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { chance, joinBytes } from '../byte-mutations.ts';
import { mutateCbor } from '../cbor-mutations.ts';
import { decodeChecked } from '../decoding.ts';
import { demand, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';
import { PEERS, validControl } from '../valid-messages.ts';

export const controlTarget: FuzzTarget = {
  name: 'control',
  generate: (random) => {
    // How long nothing came before: the first byte, in milliseconds.
    const pause = random.below(256);
    const valid = validControl(random);
    const message = chance(random, 0.3) ? valid : mutateCbor(valid, random, validControl(random));
    return joinBytes(Uint8Array.of(pause), message);
  },
  open: () => new ControlSession(),
};

const ROLES = ['parent', 'child'] as const;
/** A ping, a pong, a state, a key frame's request: what one message and a second of time may cause, with room. */
const MAX_SENT_PER_INPUT = 24;

/** A channel in memory that is always open. */
class OpenPort implements ControlPort {
  onOpen: (() => void) | null = null;
  onMessage: ((bytes: Uint8Array) => void) | null = null;
  onClosed: (() => void) | null = null;
  isOpen = false;
  sent = 0;

  send(bytes: Uint8Array): boolean {
    demand(controlCodec.decode(bytes) !== null, 'a link sent what it cannot read itself');
    this.sent++;
    return true;
  }

  open(): void {
    this.isOpen = true;
    this.onOpen?.();
  }
}

class OpenEnd implements LinkEnd {
  readonly control = new OpenPort();
  state: LinkEndState = 'connected';
  onStateChange: ((state: LinkEndState) => void) | null = null;
  onCandidate: ((candidate: string) => void) | null = null;

  addCandidate(): void {}

  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.control.isOpen = false;
    this.control.onClosed?.();
    this.onStateChange?.('closed');
  }
}

class ControlSession implements FuzzSession {
  readonly #clock = new VirtualClock();
  readonly #refused = refusalCounter();
  readonly #random: Random = createRandom(1);
  readonly #forwarder: SignalForwarder = signalForwarder({ clock: this.#clock, refused: this.#refused });
  readonly #posts = new ChannelPosts({
    channel: peerOf(0),
    self: peerOf(3),
    clock: this.#clock,
    refused: this.#refused,
    links: () => this.#links.map(({ link }) => link),
    parent: () => this.#links.find(({ link }) => link.role === 'child')?.link ?? null,
  });
  /** Somebody looks at the tree. */
  readonly #survey = new TreeSurvey({
    self: peerOf(0),
    clock: this.#clock,
    refused: this.#refused,
    link: (peerId) => this.#links.find(({ link }) => link.peerId === peerId)?.link ?? null,
    place: () => PLACE,
  });
  #links: { link: PeerLink; end: OpenEnd }[] = ROLES.map((role) => this.#link(role));

  constructor() {
    this.#survey.watch(() => {});
  }

  feed(input: Uint8Array): string {
    const message = input.subarray(1);
    const decoded = decodeChecked(controlCodec, message);
    for (const { end } of this.#links) end.control.sent = 0;
    this.#clock.advance(input[0] ?? 0);
    for (const { end } of this.#links) {
      // Every input is a message of its own memory, as channels give it.
      end.control.onMessage?.(Uint8Array.from(message));
      demand(end.control.sent <= MAX_SENT_PER_INPUT, `${end.control.sent} messages for one`);
    }
    this.#links = this.#links.map((one) => (one.end.state === 'closed' ? this.#link(one.link.role) : one));
    if (decoded === null) return 'unknown type';
    return typeof decoded === 'string' ? decoded : `message ${decoded.type}`;
  }

  sizes(): readonly Size[] {
    const { ids, links, senders, waiting, repeated } = this.#posts.sizes;
    return [
      { name: 'posts', size: ids + senders + repeated, most: 0 },
      { name: 'links of posts', size: links, most: ROLES.length },
      { name: 'posts that wait', size: waiting, most: 64 },
      { name: 'timers', size: this.#clock.pending, most: 16 },
      { name: 'reasons of refusal', size: Object.keys(this.#refused.counts).length, most: 40 },
    ];
  }

  close(): void {
    this.#survey.close();
    for (const { link } of this.#links) link.close();
  }

  #link(role: 'parent' | 'child'): { link: PeerLink; end: OpenEnd } {
    const end = new OpenEnd();
    const link = new PeerLink({
      role,
      peerId: peerOf(role === 'parent' ? 1 : 2),
      kind: 'browser',
      end,
      clock: this.#clock,
      refused: this.#refused,
      onEvent: (event) => {
        if (event.type === 'forward')
          this.#forwarder.forward(
            event.message,
            link,
            this.#links.map((one) => one.link),
          );
        this.#posts.take(link, event);
        if (event.type === 'neighbours-wanted') link.send({ type: 'neighbours', peers: [] });
        if (event.type === 'silent') link.seek(this.#random.below(8));
        this.#survey.take(link, event);
      },
    });
    end.control.open();
    return { link, end };
  }
}

function peerOf(number: number): PeerId {
  const peer = PEERS[number];
  if (peer === undefined) throw new Error('there are peers');
  return peer;
}

/** Below the one neighbour, above the other. */
const PLACE: SurveyPlace = {
  kind: 'browser',
  isRoot: false,
  depth: 2,
  parent: peerOf(2),
  rttMs: 40,
  bitrateBps: 1e6,
  viewers: 2,
  children: [{ peerId: peerOf(1), kind: 'browser', rttMs: null, viewers: 1 }],
};
