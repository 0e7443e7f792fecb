/**
 * Counts what peers send on control channels. Repetitions, pings and keep-alives are no events of the world: they are
 * reckoned up when what they depend on changes, or when somebody asks.
 */

import { KEEP_ALIVE_MS, FIRST_PINGS, PING_MS, STANDBY_PING_MS, STATE_MS } from '@casto/core';
import type { ChannelId, LinkState } from '@casto/core';
import type { Link } from './link.ts';
import { stateBytes, typicalSizes, wireBytes, type TypicalSizes } from './message-sizes.ts';
import type { SimPeer } from './sim-peer.ts';

export class ControlBooks {
  readonly sizes: TypicalSizes;
  /** Of a ping and a pong, since each end asks and answers. */
  readonly #pingPayload: number;
  readonly #pingWire: number;

  constructor(channel: ChannelId) {
    this.sizes = typicalSizes(channel);
    const { ping, pong } = this.sizes;
    this.#pingPayload = ping + pong;
    this.#pingWire = wireBytes(ping) + wireBytes(pong);
  }

  sent(peer: SimPeer, payload: number): void {
    peer.controlPayload += payload;
    peer.controlWire += wireBytes(payload);
  }

  sentCandidates(peer: SimPeer): void {
    peer.controlPayload += this.sizes.candidates.payload;
    peer.controlWire += this.sizes.candidates.wire;
  }

  /** What one end says from here on, at once if its channel is open. */
  advertised(link: Link, peer: SimPeer, word: LinkState, now: number): void {
    this.settleWord(link, peer, now);
    const bytes = stateBytes(word);
    if (peer === link.child) {
      link.childWord = word;
      link.childWordSince = now;
      link.childWordBytes = bytes;
    } else {
      link.parentWord = word;
      link.parentWordSince = now;
      link.parentWordBytes = bytes;
    }
    if (isUp(link, peer)) this.sent(peer, bytes);
  }

  /** Counts how often this end has repeated itself. */
  settleWord(link: Link, peer: SimPeer, now: number): void {
    const isChild = peer === link.child;
    if (!isUp(link, peer) || (isChild ? link.childWord : link.parentWord) === null) return;
    const since = isChild ? link.childWordSince : link.parentWordSince;
    const repeats = Math.floor((now - since) / STATE_MS);
    if (repeats === 0) return;
    const bytes = isChild ? link.childWordBytes : link.parentWordBytes;
    peer.controlPayload += repeats * bytes;
    peer.controlWire += repeats * wireBytes(bytes);
    if (isChild) link.childWordSince = since + repeats * STATE_MS;
    else link.parentWordSince = since + repeats * STATE_MS;
  }

  linkIsUp(link: Link, now: number): void {
    link.pingsSince = now;
    if (link.isServed) this.#pinged(link, FIRST_PINGS);
  }

  /** Before media begins or ends on a link, and before it goes. */
  settlePings(link: Link, now: number): void {
    if (link.pingsSince < 0) return;
    const paceMs = link.isServed ? PING_MS : STANDBY_PING_MS;
    const rounds = Math.floor((now - link.pingsSince) / paceMs);
    if (rounds === 0) return;
    this.#pinged(link, rounds);
    link.pingsSince += rounds * paceMs;
  }

  /** The pace of pings changes. */
  changePace(link: Link, now: number): void {
    this.settlePings(link, now);
    if (link.pingsSince >= 0) link.pingsSince = now;
  }

  linkIsGone(link: Link, now: number): void {
    this.settlePings(link, now);
    link.pingsSince = -1;
  }

  /** A parent without media says so to each child that it serves. */
  keptAlive(peer: SimPeer, forMs: number): void {
    const count = Math.floor(forMs / KEEP_ALIVE_MS) * peer.served;
    peer.controlPayload += count * this.sizes.keepAlive;
    peer.controlWire += count * wireBytes(this.sizes.keepAlive);
  }

  settle(peer: SimPeer, now: number): void {
    for (const link of peer.up.values()) this.#settleLink(link, peer, now);
    for (const link of peer.down.values()) this.#settleLink(link, peer, now);
  }

  #settleLink(link: Link, peer: SimPeer, now: number): void {
    this.settleWord(link, peer, now);
    this.settlePings(link, now);
  }

  #pinged({ parent, child }: Link, rounds: number): void {
    for (const peer of [parent, child]) {
      peer.controlPayload += rounds * this.#pingPayload;
      peer.controlWire += rounds * this.#pingWire;
    }
  }
}

function isUp(link: Link, peer: SimPeer): boolean {
  return (peer === link.child ? link.childEnd : link.parentEnd) === 'up';
}
